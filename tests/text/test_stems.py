import pytest

from orchestrator.text.stems import shared, stems


@pytest.mark.parametrize(
    "words",
    [
        "cache caches cached caching",
        "type types typed typing",
        "database databases",
        "test tests tested testing",
        "class classes",
        "query queries",
        "box boxes",
        "map maps mapped mapping",
        "log logs logged logging",
        "index indexes indexed indexing",
        "api apis API APIs",
        "message messages messaging",
        "process processes processing processed",
        "string strings",
        "page pages",
        "metric metrics",
        "status STATUS",
        "schedule schedules scheduled scheduling",
    ],
)
def test_the_forms_of_a_word_are_one_word(words: str) -> None:
    assert len({stems(word) for word in words.split()}) == 1
    assert len(stems(words)) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("metrics", "matrix"), ("news", "new"), ("css", "cs"), ("data", "date"), ("ring", "red"), ("bus", "bug")]
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert not stems(one) & stems(other)


def test_words_that_say_nothing_are_left_out() -> None:
    assert stems("Add a new service for the system") == frozenset()
    assert stems("x y 1 _ - ?") == frozenset()


def test_short_words_count_only_if_they_name_an_area() -> None:
    assert stems("UI ML CI of it") == {"ui", "ml", "ci"}


def test_words_are_split_at_what_is_no_letter_and_keep_their_script() -> None:
    assert stems("frontend/ui_kit, Überprüfung: 数据库") == {"frontend", "ui", "kit", "überprüfung", "数据库"}


def test_shared_words_are_told_as_they_were_written() -> None:
    assert shared("Cache the Databases of metrics", "caching database") == ("cache", "databases")
    assert shared("Cache", "metrics") == ()
