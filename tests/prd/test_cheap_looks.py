"""The cheap looks that spare a careful one never say no where the careful one says yes."""

from graphlib import TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import TaskId
from orchestrator.prd import criteria, needs, paths, words

_PIECES = st.sampled_from(
    [
        *("src", "lib", "a", "Makefile", "Dockerfile", ".gitignore", ".env", "md", "ts", "PY", "lock", "users", "_", "**", "*"),
        *(
            "/",
            "/",
            ".",
            ".",
            ",",
            ";",
            ":",
            "#L3",
            "::f",
            "(x)",
            "[id]",
            "{a,b}",
            "{",
            "}",
            "を",
            "é",
            "\u2588",
            "@",
            "-",
            "7",
            "!",
        ),
    ]
)
_FILES = st.sampled_from(
    [
        *("src/", "a", "B-2", "_", "-", "/", ".py", ".ts", ".js", ".json", ".env", ".lock", ".", ".", ",", ";", "http"),
        *("node", "process", "asp.net", "9", "é", "https:", "~", "@"),
    ]
)
_BEFORE = st.sampled_from(
    [
        *("see", "See", "per", "READS", "run", "running through", "similar to", "described in", "conforme a", "laut", "gemäß"),
        *("See also", "According to", "based on", "same as", "refers to", "listed by", "defined", "in", "to", "on", "as"),
        *(" ", " ", " ", "the", "an", "a", "(", "[x](", "`", "*", ":", "_", ".", "-", "und", "seeſ", "form", "base", "参考"),
    ]
)
_SAID = st.sampled_from(
    [
        *("needs", "Requires", "after", "depends on", "Depending upon", "dependencies", "blocked by", "dépend de", "依赖"),
        *(" ", " ", " ", "T1", "2", "1.2", "task", "#", ",", "(", ")", ":", "and", "K", "blocKed", "\n", "the login page"),
        *(
            "checkpoint",
            "Manual",
            "testing",
            "sign-off",
            "signoff",
            "human review",
            "user acceptance tests",
            "manuelle",
            "prüfung",
        ),
    ]
)
_TOLD = st.sampled_from(
    [
        *(
            "Acceptance",
            "criteria",
            "Done when",
            "DONE if",
            "accepted when",
            "finiſhed if",
            "Verify",
            "ACs",
            "AC1",
            "Expected result",
        ),
        *(":", "：", " ", "\n", "it works"),
    ]
)


def _joined(pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(pieces, max_size=8).map("".join)


@given(_joined(_PIECES))
def test_a_word_that_is_dismissed_holds_no_path(word: str) -> None:
    if paths._may_hold_path(word) and paths._LOOKS.search(word):
        return
    for found in paths._BARE.finditer(word):
        bold = paths._BOLD.sub("", paths._ITALIC.sub(r"\1", found[1].rstrip(".,;")))
        name = paths._SYMBOL.sub(r"\1", paths._BEHIND.sub("", bold))
        assert not any(paths.is_path(one, ticked=False) for one in paths._spread(name))


@given(_joined(_FILES))
def test_a_word_that_is_clearly_a_file_is_one_at_a_closer_look(word: str) -> None:
    if not (clear := paths._clear(word)):
        return
    assert paths._may_hold_path(word)
    assert paths._sought(word) == ((0, clear.end(4), (clear[1],)),)
    assert paths._spread(clear[1].strip()) == [paths._bounded(clear[1])] == [clear[1]]
    assert paths.is_path(clear[1], ticked=True)


@given(_joined(_PIECES))
def test_what_is_dismissed_in_back_ticks_holds_no_path(word: str) -> None:
    if "{" in word or paths._LOOKS.search(word):
        return
    assert not any(paths.is_path(paths._bounded(one), ticked=True) for one in paths._spread(word.strip()))


@given(_joined(_BEFORE))
def test_words_that_are_dismissed_do_not_say_that_a_path_is_read(before: str) -> None:
    assert paths._may_say_read(before) or not paths._READ.search(before)


@given(_joined(_SAID))
def test_a_text_that_is_dismissed_names_no_need_and_asks_for_no_person(text: str) -> None:
    if not text.isascii():
        return
    if not words._says(text, words._ORDERS):
        assert not words._NEEDS.search(text)
        assert not words._PROSE.search(text)
    if not words._says(text, words._GATES):
        assert not words._GATE.search(text)
        assert not words._CHECKPOINT.search(text)


@given(_joined(_TOLD), _joined(_TOLD))
def test_a_task_that_is_dismissed_names_no_criterion(title: str, text: str) -> None:
    whole = f"{title}\n{text}"
    if not criteria._may_have_any(whole):
        assert not criteria._WITHIN.search(title)
        assert not any(criteria._has_label(line) and criteria._LABEL.match(line) for line in text.split("\n"))


_NAMES = st.sampled_from([TaskId(name) for name in "abcdef"])


@given(st.dictionaries(_NAMES, st.lists(_NAMES, max_size=3)))
def test_tasks_that_find_their_order_in_a_few_rounds_wait_in_no_circle(waits: dict[TaskId, list[TaskId]]) -> None:
    if needs._has_order(waits):
        TopologicalSorter(waits).prepare()  # a circle would be an error
    assert needs._has_order(
        {name: [need for need in befores if need < name and need in waits] for name, befores in sorted(waits.items())}
    )
