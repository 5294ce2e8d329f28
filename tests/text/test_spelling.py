from orchestrator.text.spelling import nearest


def test_the_nearest_word_is_a_hint() -> None:
    assert nearest("agnets", ["agents", "checks"]) == "did you mean 'agents'?"
    assert nearest("zzz", ["agents", "checks"]) == ""
