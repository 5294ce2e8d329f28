"""What a person is called among those who hold locks. Nothing is imported: agents' commands call all day."""

PERSON = "you"


def called(holder: str) -> str:
    """Name a holder for whoever reads of it: an agent that reads `you` would take itself for it."""
    return "a person" if holder == PERSON else holder
