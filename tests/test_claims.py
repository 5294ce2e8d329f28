from orchestrator.claims import meets


def test_a_folder_meets_what_lies_in_it() -> None:
    assert meets("src/", "src/app.py")
