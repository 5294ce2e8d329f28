"""`completion`: what a shell needs to complete squad's commands, options and names."""

from typing import Annotated

import typer

from orchestrator.cli.context import Context, out, out_json

_BASH = """\
# squad for bash; in ~/.bashrc:  eval "$(squad completion bash)"
_squad() {
    local row IFS=$'\\n' cur=${COMP_WORDS[COMP_CWORD]}
    local -a words=()
    # a colon or equals sign parts words here, and so what stands before it is no part of what is completed
    local line=${COMP_LINE:0:COMP_POINT} whole
    IFS=$' \\t\\n' read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    whole=${words[-1]}
    COMPREPLY=()
    for row in $("${words[0]}" completion --words "${words[@]:1}" 2>/dev/null); do
        if [[ $row == :files ]]; then
            compopt -o filenames 2>/dev/null
            for row in $(compgen -f -- "$cur"); do COMPREPLY+=("$row"); done
        else
            row=${row%%$'\\t'*}
            COMPREPLY+=("${row:$((${#whole} - ${#cur}))}")
        fi
    done
}
complete -F _squad squad
"""
_ZSH = """\
#compdef squad
# squad for zsh; in ~/.zshrc, behind compinit:  eval "$(squad completion zsh)"
_squad() {
    local row
    local -a rows=() names=() shown=()
    rows=("${(@f)$("${words[1]}" completion --words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for row in "${rows[@]}"; do
        if [[ $row == :files ]]; then
            _files
        elif [[ -n $row ]]; then
            names+=("${row%%$'\\t'*}")
            shown+=("${row/$'\\t'/  -- }")
        fi
    done
    (( $#names )) && compadd -l -d shown -a names
}
compdef _squad squad
"""
_FISH = """\
# squad for fish; in ~/.config/fish/config.fish:  squad completion fish | source
function __squad_offers
    set -l before (commandline -opc) (commandline -ct)
    for row in ($before[1] completion --words $before[2..-1] 2>/dev/null)
        if test "$row" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $row
        end
    end
end
complete -c squad -f -a "(__squad_offers)"
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(completion)


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")],
) -> None:
    """Example:  squad completion fish | source

    Print what lets a shell complete commands, options, runs, tasks, agents, questions and locks.

    For bash: eval "$(squad completion bash)"; for zsh the same with zsh, behind compinit.
    """
    from orchestrator.cli.wordtable import table
    from orchestrator.errors import UsageError
    from orchestrator.text.spelling import nearest_or_all

    options: Context = context.obj
    if shell not in SCRIPTS:
        raise UsageError(f"completion does not know the shell {shell!r}", hint=nearest_or_all(shell, SCRIPTS, "one of"))
    table(lambda: getattr(context.find_root().command, "commands", {}))  # so that the first key is fast already
    if options.as_json:
        out_json({"schema_version": 1, "shell": shell, "script": SCRIPTS[shell]})
    else:
        out(SCRIPTS[shell])
