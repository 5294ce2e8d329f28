import json

import pytest

from tests.support.commands import Squad
from tests.support.repositories import Repository


def tasks(*names: str, **more: object) -> str:
    rows = [
        {
            "id": name.upper(),
            "title": f"Parse {name} messages",
            "writes": [f"{name}.txt"],
            **{key: json.loads(json.dumps(value).replace("NAME", name)) for key, value in more.items()},
        }
        for name in names
    ]
    return json.dumps({"version": 1, "tasks": rows})


@pytest.mark.parametrize("agent", ["command", pytest.param("simulated", marks=pytest.mark.soak)])
def test_finished_tasks_tell_how_long_one_like_them_takes_but_simulated_ones_tell_nothing(
    squad: Squad, repository: Repository, agent: str
) -> None:
    command = {"command": ["sh", "-c", "echo x > NAME.txt"]} if agent == "command" else {}
    repository.write({"first.json": tasks("dhl", "ups", "gls", **command), "next.json": tasks("hermes")})
    squad.ok("-y", "run", "first.json", "--agent", agent)

    plan = squad.json("plan", "next.json")

    learned = plan["tasks"][0]["estimate"] < 600
    assert learned == (agent == "command")
    assert ("as 3 finished tasks like it did" in squad.ok("plan", "next.json", "--why", "HERMES")) == learned
