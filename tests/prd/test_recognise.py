from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.page import Material, Page
from orchestrator.prd.recognise import recognise
from orchestrator.prd.shapes import Shape


def shape(name: str, word: str, *, surely: int = 80) -> Shape:
    def read(material: Material) -> Reading:
        page = material.only
        return Reading(title=name, format=name, drafts=[Draft(file=page.name, line=1, title=page.text)])

    return Shape(name=name, files=(), fits=lambda page: surely if word in page.text else 0, read=read)


def pages(*texts: str) -> Material:
    return Material(
        name="here", pages=tuple(Page(name=f"here/{n}.md", path=f"{n}.md", text=text) for n, text in enumerate(texts, start=1))
    )


def test_a_document_that_fits_no_format_is_left_to_squads_own_readers() -> None:
    assert recognise(pages("- [ ] a"), [shape("one", "x")]).shape is None


def test_the_format_that_fits_best_is_taken_with_its_own_pages_only() -> None:
    shapes = [shape("one", "x", surely=60), shape("two", "y", surely=90)]

    choice = recognise(pages("x", "y", "prose"), shapes)

    assert choice.shape is shapes[1]
    assert [page.path for page in choice.material.pages] == ["2.md"]
    assert choice.remarks == ("there is also something of one, which is not read: --format says which",)


def test_of_two_that_fit_alike_the_one_with_more_users_is_taken_and_the_other_is_named() -> None:
    shapes = [shape("one", "x"), shape("two", "x")]

    choice = recognise(pages("x"), shapes)

    assert choice.shape is shapes[0]
    assert choice.remarks == ("it could as well be two: --format says which",)


def test_a_format_that_is_asked_for_is_taken_whatever_the_text_looks_like() -> None:
    shapes = [shape("one", "x"), shape("two", "y")]

    choice = recognise(pages("x"), shapes, format="two")

    assert choice.shape is shapes[1]
    assert [page.text for page in choice.material.pages] == ["x"]
