from orchestrator.planning.paths import critical_path
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read
from orchestrator.views.plan_graph import render_graph

TEXT = """\
# P
- [ ] T1 Build `a.py`
- [ ] T2 Say "hello" & <more> in `b.py` (depends on T1)
- [ ] T3 Also `b.py`
- [ ] T4 Ship (depends on T2, T3)
"""


def graph(form: str) -> str:
    return render_graph(make_plan(read(TEXT.encode(), name="TODO.md"), Surroundings(count=1), source_digest=""), form)


def test_mermaid_shows_agents_needs_shared_locks_and_the_critical_path() -> None:
    assert graph("mermaid").splitlines() == [
        "flowchart LR",
        "  subgraph agent-1",
        '    t1["T1 Build #96;a.py#96;"]',
        '    t2["T2 Say #34;hello#34; #38; #60;more#62; in #96;b.py#96;"]',
        '    t3["T3 Also #96;b.py#96;"]',
        '    t4["T4 Ship"]',
        "  end",
        "  t1 --> t2",
        "  t2 --> t4",
        "  t3 --> t4",
        '  t2 -. "b.py" .- t3',
        "  class t1,t2,t4 critical",
        "  classDef critical stroke-width:3px",
    ]


def test_the_terminal_shows_each_task_once_below_what_it_needs() -> None:
    text = graph("ascii")

    assert [text.count(f"{task} ") for task in ("T1", "T2", "T4")] == [1, 1, 1]
    assert "(also needs T3)" in text
    assert text.splitlines()[0].startswith("* T1 Build")


def test_the_critical_path_is_the_longest_chain_by_estimate() -> None:
    rows = "- {id: A, title: a, estimate: 5m}\n- {id: B, title: b, estimate: 1h}\n- {id: C, title: c, needs: [A]}\n"
    text = f"version: 1\ntasks:\n{rows}".encode()
    plan = make_plan(read(text, name="tasks.yaml"), Surroundings(), source_digest="")

    assert critical_path(plan) == ("B",)
