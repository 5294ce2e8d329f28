from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.planning.learning import Sample, learn
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read
from tests.support.builders import task


def sample(title: str, seconds: float, *writes: str) -> Sample:
    return Sample(title=title, writes=tuple(map(Claim, writes)), seconds=seconds)


PARSERS = [sample("Parse DHL messages", 300), sample("Parse UPS messages", 360), sample("Parse FedEx messages", 600)]


def test_tasks_with_like_titles_tell_how_long_one_takes_and_how_sure_that_is() -> None:
    learned = learn(task("T1", title="Parse Hermes messages"), [*PARSERS, sample("Paint the logo", 9)])

    assert learned is not None
    assert (learned.seconds, learned.low, learned.high, learned.count) == (360, 330, 480, 3)


def test_two_are_too_few_to_learn_from() -> None:
    assert learn(task("T1", title="Parse Hermes messages"), PARSERS[:2]) is None


def test_one_shared_word_is_enough_in_the_same_folder() -> None:
    samples = [sample(f"Draw the long and winding chart number {n} of many", 60.0 * n, "web/charts/a.ts") for n in (1, 2, 3)]
    new = task("T1", title="Chart legend colours", writes=["web/charts/legend.ts"])

    assert learn(new, samples) is not None
    assert learn(task("T1", title="Chart legend colours", writes=["api/legend.ts"]), samples) is None


def test_a_plan_takes_what_was_learned_and_says_so_unless_the_document_says_more() -> None:
    text = b"version: 1\ntasks:\n- {id: A, title: Parse Hermes messages}\n- {id: B, title: Parse GLS messages, estimate: 1m}\n"

    plan = make_plan(read(text, name="tasks.yaml"), Surroundings(samples=tuple(PARSERS)), source_digest="")

    assert [one.estimate for one in plan.tasks] == [360, 60]
    assert "takes about 6m, as 3 finished tasks like it did (5m30s..8m)" in plan.tasks[0].why
    assert not any("takes about" in why for why in plan.tasks[1].why)


@given(st.lists(st.floats(0.1, 1e6), max_size=20))
def test_what_is_learned_lies_within_its_spread_and_that_within_what_was_seen(seconds: list[float]) -> None:
    learned = learn(task("T1", title="Parse it"), [sample("Parse it", one) for one in seconds])

    if learned is None:
        assert len(seconds) < 3
    else:
        assert min(seconds) <= learned.low <= learned.seconds + 0.001
        assert learned.seconds - 0.001 <= learned.high <= max(seconds)
