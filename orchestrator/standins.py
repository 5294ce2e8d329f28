"""Small programs that stand first in an agent's PATH, before the real ones of the same name.

Each is a few lines of POSIX sh: it finds the real program behind its own folder in PATH, and becomes it; where the
command line means an operation, the operation's lock is taken first. That is courtesy, not a wall: what names a program
by its path, or makes a PATH of its own, passes by. The folder holds nothing but them.
"""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestrator.model import Isolation

_GIT = "op:git"
#: What of git changes what worktrees share, as signs; in a worktree all else concerns its own branch and index.
_SHARED_BY_WORKTREES = (
    *("push", "fetch", "pull", "gc", "prune", "repack", "pack-refs", "merge", "stash", "update-ref", "remote update"),
    *("worktree add", "worktree prune", "worktree remove", "worktree move", "maintenance run", "submodule update"),
    *("worktree lock", "worktree unlock", "worktree repair", "submodule add", "submodule deinit", "subtree"),
    *("branch -d", "branch -D", "branch -f", "branch -m", "branch -M", "tag -a", "tag -d", "tag -f", "tag -s"),
    *(
        "checkout -b",
        "checkout -B",
        "switch -c",
        "switch -C",
        "switch --create",
        "checkout --orphan",
        "symbolic-ref",
        "replace -d",
        "replace -f",
        "replace --delete",
    ),
    *(
        "remote add",
        "remote remove",
        "remote rm",
        "remote rename",
        "remote prune",
        "remote set-url",
        "remote set-head",
        "reflog expire",
    ),
    *("reflog delete", "notes add", "notes append", "notes copy", "notes remove", "filter-branch", "filter-repo"),
    *("fast-import", "fetch-pack", "send-pack", "receive-pack"),
)
#: What of git changes anything; in one tree all of it concerns everybody.
_CHANGING = (
    *_SHARED_BY_WORKTREES,
    *("add", "am", "apply", "checkout", "cherry-pick", "clean", "commit", "mv", "rebase", "reset", "restore", "revert"),
    *("rm", "switch", "update-index", "read-tree", "branch", "tag"),
)
_MINORS = range(9, 16)  #: of Python, as its programs are called
#: The same thing said otherwise: the beginning of a sign -> what else means it.
_SAME: Mapping[str, tuple[str, ...]] = {
    "npm install": (
        *("npm i", "npm in", "npm ins", "npm isntall", "npm add", "npm ci", "npm clean-install", "npm install-clean"),
        *("npm it", "npm install-test", "npm cit"),
    ),
    "pnpm install": ("pnpm i", "pnpm ci"),
    "yarn install": ("yarn -",),
    "pip": (
        *("pip3", *(f"pip3.{minor}" for minor in _MINORS)),
        *(f"python{number} {said}" for number in ("", "3", *(f"3.{minor}" for minor in _MINORS)) for said in ("-m pip", "-mpip")),
    ),
}
_OPTIONS_ALONE = "-"  #: for the words of a sign: a program that means it when it is told nothing more
_OF_TARGETS = frozenset({"make", "gmake"})  #: programs whose every word is something to do, in whatever order
#: Tells whether the arguments of git are one of the forms that are known to change nothing; whatever is not known is none.
_READS = """\
squad_reads() {
    while :; do
        case $1 in
            -C) [ $# -gt 1 ] || return 1; shift 2 ;;
            --no-pager) shift ;;
            *) break ;;
        esac
    done
    squad_form=$1 squad_lists= squad_names=
    [ $# -gt 0 ] && shift
    case $squad_form:$1 in
        branch:* | tag:*) ;;
        symbolic-ref:*)
            for squad_word do
                case $squad_word in
                    -q | --quiet | --short | --recurse) ;;
                    -*) return 1 ;;
                    *) [ -z "$squad_names" ] || return 1; squad_names=1 ;;
                esac
            done
            return ;;
        stash:list | stash:show) shift; squad_lists=1 ;;
        *) return 1 ;;
    esac
    for squad_word do
        case $squad_form:$squad_word in
            # with these a name is one to look for, without them one to make
            branch:--list | tag:--list | tag:-l) squad_lists=1 ;;
            [bt]*:--contains | [bt]*:--no-contains | [bt]*:--merged | [bt]*:--no-merged | [bt]*:--points-at) squad_lists=1 ;;
            branch:-a | branch:-r | branch:-v | branch:-vv | branch:--all | branch:--remotes | branch:--verbose) ;;
            branch:--show-current | [bt]*:--sort=* | [bt]*:--format=* | tag:-n) ;;
            stash:-p | stash:--patch | stash:--stat | stash:--oneline | stash:--format=*) ;;
            *:-*) return 1 ;;
            *) squad_names=1 ;;
        esac
    done
    [ -z "$squad_names" ] || [ -n "$squad_lists" ]
}
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
#: Finds the real program: the first of its name in PATH behind the stand-ins' own folder.
_FIND = """\
case :$PATH: in
    *":$squad_here:"*) squad_rest=:$PATH: squad_rest=${squad_rest#*":$squad_here:"} ;;
    *) squad_rest=$PATH ;;
esac
set -f
IFS=:
for squad_folder in $squad_rest; do
    squad_program=${squad_folder:-.}/$squad_name
    [ "$squad_folder" != "$squad_here" ] && [ -f "$squad_program" ] && [ -x "$squad_program" ] && break
    squad_program=
done
unset IFS
set +f
if [ -z "$squad_program" ]; then
    echo "$squad_name: command not found" >&2
    exit 127
fi
squad_locks= squad_may=
"""
#: Tells whether the arguments begin with the words of a sign.
_MEANT = """\
squad_meant() { # the words of a sign, as one; then the arguments: they begin with those words, options aside
    squad_left=$1 squad_option=
    shift
    case $* in --help | --version | -h | -V) return 1 ;; esac
    for squad_word do
        case "$squad_left " in
            ' ') [ "$squad_word" != --help ] && break; return 1 ;;
            "$squad_word "*) squad_left=${squad_left#"$squad_word"} squad_left=${squad_left# } squad_option=; continue ;;
        esac
        case $squad_word in
            --help | --version | --) return 1 ;;
            -*=* | +*) squad_option= ;;
            -*) squad_option=1 ;; # the next word may be its value
            *) [ -n "$squad_option" ] || return 1; squad_option= ;;
        esac
    done
    [ -z "$squad_left" ]
}
"""
#: Tells whether there are options alone, and whether a word stands among the arguments.
_TOLD = """\
squad_bare() {
    for squad_word do
        case $squad_word in --help | --version | -h | -v | -V | [!-]* | '') return 1 ;; esac
    done
}
squad_named() {
    squad_left=$1
    shift
    for squad_word do
        case $squad_word in "$squad_left") return 0 ;; --help | --version) return 1 ;; esac
    done
    return 1
}
"""


def signs_of(never_parallel: Mapping[str, Sequence[str]], isolation: Isolation, *, git: bool) -> dict[str, tuple[str, ...]]:
    """Give by operation the beginnings of command lines that mean it; `op:git` is always among them where there is git."""
    given = {operation: tuple(" ".join(sign.split()) for sign in signs) for operation, signs in never_parallel.items()}
    if git:
        own = _CHANGING if isolation is Isolation.SHARED else _SHARED_BY_WORKTREES
        given[_GIT] = (*given.get(_GIT, ()), *(f"git {sign}" for sign in own))
    return given


def make(folder: Path, signs: Mapping[str, Sequence[str]], *, path: str) -> Path | None:
    """Fill the folder with the stand-ins for the programs that signs name, and with nothing else; None if there are none.

    Programs that only stand for others (`pip3` for `pip`) get one if `path` has them, so that nobody finds what is not there.
    """
    texts = scripts(folder, signs, has=lambda name: _is_in(path, name))
    if os.pathsep in str(folder) or not texts:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in texts:
            with contextlib.suppress(OSError):
                old.unlink()
    for name, text in texts.items():
        fresh = folder / f".{name}.new"
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o700)
        fresh.replace(folder / name)
    return folder


def scripts(folder: Path, signs: Mapping[str, Sequence[str]], *, has: Callable[[str], bool]) -> dict[str, str]:
    """Give the text of each stand-in by the name of its program."""
    meant: dict[str, list[tuple[str, str]]] = {}
    for operation, texts in signs.items():
        for sign in texts:
            for number, said in enumerate((sign, *_otherwise(sign))):
                name, _, words = said.partition(" ")
                if _NAME.fullmatch(name) and (number == 0 or name == sign.partition(" ")[0] or has(name)):
                    meant.setdefault(name, []).append((operation, words))
    return {name: _script(folder, name, rows) for name, rows in sorted(meant.items()) if name != "git" or has(name)}


def _otherwise(sign: str) -> list[str]:
    found = []
    for beginning, others in _SAME.items():
        if sign == beginning or sign.startswith(f"{beginning} "):
            found += [f"{other}{sign[len(beginning) :]}" for other in others]
    return found


def _script(folder: Path, name: str, rows: Sequence[tuple[str, str]]) -> str:
    taking = [
        f'{_unless_read(name, operation, words)}{_question(name, words)} "$@" &&'
        f' squad_locks="$squad_locks "{shlex.quote(operation)}\n'
        for operation, words in dict.fromkeys(rows)
    ]
    words = sorted({words.split()[0] for _, words in rows if words})
    is_any = any(words in {"", _OPTIONS_ALONE} for _, words in rows)  # every command line may mean it
    return "".join(
        (
            "#!/bin/sh\n",
            f"# Made by squad for its agents: takes the lock of an operation where one is meant, then becomes the real {name}.\n",
            f"squad_here={shlex.quote(str(folder))} squad_name={name}\n",
            _FIND,
            "for squad_word do\n",
            f"    case $squad_word in {' | '.join(map(shlex.quote, words or ['']))}) squad_may=1 ;; esac\n",
            "done\n",
            "squad_may=1\n" if is_any else "",
            '[ -n "$squad_may" ] && [ -n "$SQUAD_SOCKET" ] || exec "$squad_program" "$@"\n',
            _MEANT,
            _TOLD,
            *([_READS, 'squad_reads "$@" && squad_read=1 || squad_read=\n'] if name == "git" else []),
            *taking,
            f'[ -z "$squad_locks" ] || exec {_python()} "$squad_locks" "$squad_program" "$@"\n',
            'exec "$squad_program" "$@"\n',
        )
    )


def _question(name: str, words: str) -> str:
    """Give what asks whether the arguments mean a sign."""
    if words == _OPTIONS_ALONE:
        return "squad_bare"
    is_target = name in _OF_TARGETS and words and " " not in words and not words.startswith("-")
    return f"{'squad_named' if is_target else 'squad_meant'} {shlex.quote(words)}"


def _unless_read(name: str, operation: str, words: str) -> str:
    """Give what excepts the forms that only read from a sign of squad's own; what a user names is meant as it stands."""
    return '[ -z "$squad_read" ] && ' if (name, operation) == ("git", _GIT) and words in _CHANGING else ""


def _python() -> str:
    """Give what begins to take locks: the interpreter of this squad, whatever an agent's environment says about others."""
    enter = "import sys; sys.path.insert(0, sys.argv.pop(1)); from orchestrator.cli.standin import main; main()"
    return " ".join(map(shlex.quote, (sys.executable, "-I", "-S", "-c", enter, str(Path(__file__).parent.parent))))


def _is_in(path: str, name: str) -> bool:
    return any(os.access(f"{folder or '.'}/{name}", os.X_OK) for folder in path.split(os.pathsep))
