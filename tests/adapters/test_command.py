"""Any program as an agent: where the prompt goes."""

from pathlib import Path

import pytest

from orchestrator.adapters import Conversing, NoAgent, Order, detect, make_adapter
from orchestrator.adapters.command import CommandAdapter
from orchestrator.claims import Claim
from orchestrator.model import Task
from tests.support.builders import ONE, task


def order(one: Task, *, text: str = "do it") -> Order:
    return Order(
        task=one,
        agent=ONE,
        role="r",
        attempt=2,
        workspace=Path("/w"),
        prompt=text,
        area=(),
        writes=(Claim("a"),),
        scratch=Path("/s"),
    )


def test_the_prompt_goes_to_stdin_and_its_end_is_told() -> None:
    invocation = CommandAdapter(command=("agent",)).invoke(order(task("T1")))

    assert (invocation.argv, invocation.stdin, invocation.keep_stdin) == (("agent",), b"do it", False)
    assert invocation.exit_claims


def test_the_prompt_goes_where_the_command_wants_it() -> None:
    in_words = CommandAdapter(command=("agent", "--say={prompt}")).invoke(order(task("T1")))
    in_file = CommandAdapter(command=("agent", "{prompt_file}")).invoke(order(task("T1"), text="see {prompt_file}"))

    assert (in_words.argv, in_words.stdin) == (("agent", "--say=do it"), None)
    assert (in_file.argv, in_file.stdin) == (("agent", "/s/prompt.md"), None)
    assert in_file.files == {"prompt.md": b"see {prompt_file}"}


def test_a_tasks_own_command_runs_with_stdin_closed() -> None:
    invocation = CommandAdapter(command=("agent",)).invoke(order(task("T1", command=["make", "{prompt}"])))

    assert (invocation.argv, invocation.stdin, invocation.keep_stdin) == (("make", "{prompt}"), None, False)


def test_an_agent_without_a_command_is_missing_and_does_not_start() -> None:
    assert "no command" in (CommandAdapter().missing("/bin") or "")
    assert "not installed" in (CommandAdapter(command=("no-such-program",)).missing("/bin") or "")
    assert CommandAdapter(command=("sh",)).missing("/bin") is None


def test_auto_takes_the_first_installed_program_and_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(NoAgent, match=r"npm install(.|\n)*--agent simulated"):
        detect(str(tmp_path))

    for name in ("codex", "claude"):
        (tmp_path / name).touch(mode=0o755)
    assert make_adapter("auto", path=str(tmp_path)).name == "claude"


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_program_with_a_protocol_of_its_own_is_spoken_with_unless_a_command_is_configured(name: str) -> None:
    assert isinstance(make_adapter(name, path=""), Conversing)
    assert isinstance(make_adapter(name, command=("my", "way"), path=""), CommandAdapter)


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_configured_model_is_handed_on(name: str) -> None:
    adapter = make_adapter(name, model="big", path="")
    assert isinstance(adapter, Conversing)
    invocation = adapter.invoke(order(task("T1")))

    assert "big" in " ".join(invocation.argv) + (invocation.stdin or b"").decode()
