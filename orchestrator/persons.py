"""What a person is called among those who hold locks. Nothing is imported: agents' commands call all day."""

PERSON = "you"


def numbered(number: int) -> str:
    """Give the name under which a person's command holds, beside others of theirs: `you`, `you-2`, `you-3` ..."""
    return PERSON if number == 1 else f"{PERSON}-{number}"


def is_person(holder: str) -> bool:
    """Tell whether a holder is a command of a person's; no agent is called so."""
    return holder == PERSON or holder.startswith(f"{PERSON}-")


def called(holder: str) -> str:
    """Name a holder for whoever reads of it: an agent that reads `you` would take itself for it."""
    return "a person" if is_person(holder) else holder
