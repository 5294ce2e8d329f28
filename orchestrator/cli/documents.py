"""`tasks`, `plan`, `verify`: what was read, what would be done, and whether a plan holds."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.run import AllOption, OrderOption

if TYPE_CHECKING:
    from orchestrator.cli.start import Made
    from orchestrator.model import Plan, TaskId


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tasks)
    app.command()(plan)
    app.command()(verify)


def tasks(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="PRD, task list or tasks file")],
    format: Annotated[str | None, typer.Option("--format", help="read it as this format")] = None,  # noqa: A002 - the option's name
) -> None:
    """Example:  squad tasks feature-prd.md

    Show what is read from a document, and what is not.
    """
    from orchestrator.cli.reading import read
    from orchestrator.uncollected import uncollected
    from orchestrator.views.tasks import render_tasks, tasks_json

    options: Context = context.obj
    with uncollected():
        document, _ = read(options, file, format=format, strict=False)
        if options.as_json:
            out_json(tasks_json(document))
        else:
            out(render_tasks(document))


def plan(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="PRD, task list or tasks file")],
    count: Annotated[int | None, typer.Option("-n", "--agents", min=1, max=500, help="how many agents")] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="write it there too; with --check: the saved plan")] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TASK", help="tell why a task is where it is")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", metavar="TASK", help="show what its agent is told at first")] = None,
    any_order: OrderOption = False,
    everything: AllOption = False,
    optimise: Annotated[bool, typer.Option("--optimise", help="look longer for a shorter order, with OR-tools")] = False,
    graph: Annotated[str | None, typer.Option("--graph", metavar="FORM", help="draw it: mermaid or ascii")] = None,
    check: Annotated[bool, typer.Option("--check", help="compare with the saved plan; exit 10 if it differs")] = False,
    split_with: Annotated[
        str | None, typer.Option("--split-with", metavar="ADAPTER", help="let an agent propose the tasks first, and keep them")
    ] = None,
) -> int:
    """Example:  squad plan feature-prd.md --why T4

    Show who would do what, what waits for what, and what the plan cannot promise.
    """
    from orchestrator.cli.saved import compare, left_out_before
    from orchestrator.cli.start import make_plan_for
    from orchestrator.cli.writing import write_whole

    options: Context = context.obj
    if split_with is not None:
        from orchestrator.cli.split import split

        file = split(options, file, split_with, count=count)
    saved = (options.folder / output if output else options.project().folder / "plan.json") if check else None
    among = () if everything else left_out_before(saved) if saved else None
    made = make_plan_for(options, file, count=count, any_order=any_order, among=among, optimise=optimise)
    if saved is not None:
        return compare(options, made.body, saved)
    if output is not None:
        write_whole(options.folder / output, made.body)
    if why is None and prompt is None and graph is None and not options.as_json:
        _print(options, made.plan, file, any_order=any_order)
    else:
        _tell(options, made, why=why, prompt=prompt, graph=graph)
    if split_with is not None:
        options.note(f"the tasks are in {file}: read and change them as you like, then: squad run {shlex.quote(file)}")
    return 0


def _print(options: Context, made: "Plan", file: str, *, any_order: bool) -> None:
    from orchestrator.cli import settings
    from orchestrator.cli.start import crews_for
    from orchestrator.planning.lint import lint
    from orchestrator.views.plan_table import render_plan

    checks = settings.load(options, options.project(), {}).run.checks
    out(render_plan(made, remarks=lint(made, checks=checks), crews=crews_for(options, file, made, any_order=any_order)))


def _tell(options: Context, made: "Made", *, why: str | None, prompt: str | None, graph: str | None) -> None:
    from orchestrator.cli.telling import show_prompt, why_role
    from orchestrator.planning.explain import explain

    if why is not None:
        task = _meant(made.plan, why)
        reasons = (*explain(made.plan, task), why_role(options, made.plan, task))
        _show(options, {"task": task, "why": reasons}, text="\n".join(reasons))
    elif prompt is not None:
        show_prompt(options, made.plan, _meant(made.plan, prompt))
    elif graph is not None:
        drawn = _drawn(made.plan, graph)
        _show(options, {"form": graph, "graph": drawn}, text=drawn)
    else:
        out(made.body.decode())


def _show(options: Context, told: dict[str, object], *, text: str) -> None:
    if options.as_json:
        out_json({"schema_version": 1, **told})
    else:
        out(text)


def _meant(made: "Plan", name: str) -> "TaskId":
    """Give the task of a plan that is meant by its name or the beginning of it.

    Raises:
        UsageError: There is none, there are several, or a run before has done it.
    """
    from orchestrator.errors import UsageError
    from orchestrator.model import TaskId
    from orchestrator.text.spelling import meant

    done = next((one for one in made.before if one.id == name), None)
    if done is not None:
        raise UsageError(f"{name} is not planned: {done.run or 'its document'} has done it", hint="plan it all the same: --all")
    return TaskId(meant(name, [one.task.id for one in made.tasks], what="task"))


def _drawn(made: "Plan", form: str) -> str:
    from orchestrator.errors import UsageError
    from orchestrator.text.spelling import nearest_or_all
    from orchestrator.views.plan_graph import FORMS, render_graph

    if form not in FORMS:
        raise UsageError(f"--graph {form}: no such form", hint=nearest_or_all(form, FORMS, "forms"))
    return render_graph(made, form)


def verify(context: typer.Context, file: Annotated[str, typer.Argument(metavar="PLAN", help="a plan.json")]) -> None:
    """Example:  squad verify .squad/plan.json

    Prove a plan's certificate anew, with code that shares nothing with the planner.
    """
    from orchestrator.cli.start import require_holds
    from orchestrator.views.text import counted

    options: Context = context.obj
    document = require_holds(options.folder / file, shown=file)
    pairs = document["certificate"].get("guarded", []) if isinstance(document["certificate"], dict) else []
    if options.as_json:
        out_json({"schema_version": 1, "holds": True, "guarded": len(pairs)})
    else:
        kept = f"{counted(len(pairs), 'pair')} of tasks that could collide, kept apart"
        out(f"{file} holds: {kept if pairs else 'no two tasks could write the same'}")
