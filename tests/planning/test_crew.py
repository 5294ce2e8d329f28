from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planning.crew import Crew, crews, recommended
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read


def tried(text: str, *, most: int = 9) -> tuple[Crew, ...]:
    document = read(text.encode(), name="TODO.md")
    around = Surroundings()
    return crews(lambda count: make_plan(document, replace(around, count=count), source_digest="", effort=0), most=most)


def tasks(count: int, *, file: str = "{n}.py") -> str:
    return "".join(f"- [ ] T{n} write `{file.format(n=n)}`\n" for n in range(1, count + 1))


def test_tasks_that_have_nothing_in_common_are_done_in_a_fraction_of_the_time() -> None:
    found = tried(tasks(4), most=4)

    assert [(crew.agents, crew.makespan, round(crew.efficiency, 2)) for crew in found] == [
        (1, 2400.0, 1.0),
        (2, 1200.0, 1.0),
        (3, 1200.0, 0.67),
        (4, 600.0, 1.0),
    ]
    assert recommended(found).agents == 4
    assert found[1].agent_time == 2400.0


def test_more_agents_do_not_pay_where_all_write_one_file() -> None:
    found = tried(tasks(5, file="one.py"))

    assert {crew.makespan for crew in found} == {3000.0}
    assert recommended(found).agents == 1


@given(st.lists(st.floats(1.0, 1e5), min_size=1, max_size=9))
def test_what_is_recommended_is_never_slower_than_one_agent(makespans: list[float]) -> None:
    found = [
        Crew(agents=number, makespan=makespan, bound=1.0, efficiency=0.5, agent_time=1.0)
        for number, makespan in enumerate(makespans, start=1)
    ]

    assert recommended(found).makespan <= found[0].makespan
