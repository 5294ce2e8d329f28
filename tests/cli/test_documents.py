"""`tasks`, `plan` and `verify` as a user has them: real files, real exit codes."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.start import require_holds
from orchestrator.errors import PlanError
from tests.support.commands import Squad
from tests.support.repositories import Repository

ROOT = Path(__file__).parents[2]
SEED = (ROOT / "configs" / "demo" / "feature-prd.md").read_text(encoding="utf-8")


@pytest.fixture
def prd(repository: Repository) -> str:
    repository.write({"feature-prd.md": SEED})
    return "feature-prd.md"


def test_tasks_in_json_have_the_promised_keys(squad: Squad, repository: Repository) -> None:
    repository.write({"todo.md": "# X\n- [x] T1 [P] a `a.py`\n  - [ ] T2 b (depends on T1)\n```\n- [ ] hidden\n```\n"})

    told = squad.json("tasks", "todo.md")

    assert told["schema_version"] == 1
    assert told["format"] == "todo"
    assert [
        {key: row[key] for key in ("id", "title", "line", "state", "parallel", "needs", "writes", "gate", "parent")}
        for row in told["tasks"]
    ] == [
        {
            "id": "T1",
            "title": "a `a.py`",
            "line": 2,
            "state": "done",
            "parallel": True,
            "needs": [],
            "writes": ["a.py"],
            "gate": False,
            "parent": None,
        },
        {
            "id": "T2",
            "title": "b",
            "line": 3,
            "state": "open",
            "parallel": False,
            "needs": ["T1"],
            "writes": None,
            "gate": False,
            "parent": "T1",
        },
    ]
    assert [(row["line"], row["text"]) for row in told["skipped"]] == [(5, "- [ ] hidden")]
    assert told["skipped"][0]["reason"]
    assert told["warnings"] == []


def test_a_plan_is_the_same_bytes_from_every_folder_and_for_every_hash_seed(
    squad: Squad, repository: Repository, prd: str
) -> None:
    below = repository.root / "deep" / "below"
    below.mkdir(parents=True)
    plain = squad.ok("plan", prd, "--json")

    squad.environment["PYTHONHASHSEED"] = "12345"
    others = {
        squad.ok("plan", str(repository.root / prd), "--json"),
        squad("plan", f"../../{prd}", "--json", cwd=below).stdout,
        squad("-C", str(repository.root), "plan", prd, "--json", cwd=Path("/")).stdout,
        squad("plan", prd, "--json", "-C", "../..", cwd=below).stdout,
    }

    assert others == {plain}
    assert str(repository.root) not in plain
    assert json.loads(plain)["source"] == "feature-prd.md"


def test_a_prd_outside_the_project_is_named_without_its_folder(squad: Squad, tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text(SEED, encoding="utf-8")

    plan = squad.here.ok("plan", str(tmp_path / "outside.md"), "--json")

    assert json.loads(plan)["source"] == "outside.md"
    assert str(tmp_path) not in plan


def test_the_written_plan_is_the_printed_one_verified_and_run(squad: Squad, repository: Repository, prd: str) -> None:
    printed = squad.here.ok("plan", prd, "-o", "plan.json", "--json")

    assert (repository.root / "plan.json").read_text(encoding="utf-8") == printed
    assert "holds" in squad.here.ok("verify", "plan.json")
    assert squad.json("verify", "plan.json")["holds"] is True
    squad.here.ok("run", "plan.json", "--agent", "simulated")
    assert {row["state"] for row in squad.json("status")["tasks"]} == {"done"}


def test_the_output_of_a_plan_lies_in_the_folder_it_works_in(
    squad: Squad, repository: Repository, prd: str, tmp_path: Path
) -> None:
    done = squad.here("-C", str(repository.root), "plan", prd, "-o", "plan.json", cwd=tmp_path)

    assert done.code == 0, done.err
    assert (repository.root / "plan.json").is_file()
    assert not (tmp_path / "plan.json").exists()


def damaged(plan: dict[str, Any]) -> dict[str, Any]:
    plan["tasks"][0]["writes"] = plan["tasks"][1]["writes"]
    return plan


def test_a_plan_that_does_not_hold_is_refused_by_verify_and_run_and_nothing_starts(
    squad: Squad, repository: Repository, prd: str
) -> None:
    plan = damaged(json.loads(squad.here.ok("plan", prd, "--json")))
    repository.write({"bad.json": json.dumps(plan)})

    for command in (("verify", "bad.json"), ("run", "bad.json", "--agent", "simulated"), ("plan", "bad.json")):
        refused = squad.here(*command)
        assert refused.code == 3
        assert "T1 and T2 may run together" in refused.err
    assert not (repository.root / ".squad").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"certificate": 1}', "[" * 100_000, '{"a": 1, "a": 2}', "\x00"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "no.json").write_text(text, encoding="utf-8")

    with pytest.raises(PlanError, match=r"^no\.json: "):
        require_holds(tmp_path / "no.json", shown="no.json")


def test_a_plan_made_for_worktrees_is_not_run_in_a_shared_tree(squad: Squad, repository: Repository, prd: str) -> None:
    squad.here.ok("plan", prd, "-o", "plan.json")
    repository.write({"squad.yaml": "isolation: {mode: shared}\n"})

    refused = squad.here("run", "plan.json", "--agent", "simulated")

    assert refused.code == 3
    assert "plan again" in refused.err


def test_check_compares_with_the_saved_plan(squad: Squad, repository: Repository, prd: str) -> None:
    assert squad.here("plan", prd, "--check").code == 3
    (repository.root / ".squad").mkdir()

    squad.here.ok("plan", prd, "-o", ".squad/plan.json")
    assert squad.here("plan", prd, "--check").code == 0

    repository.write({prd: SEED + "- Write docs\n"})
    named = squad.here("plan", prd, "--check", "-o", ".squad/plan.json")
    differs = squad.here("plan", prd, "--check")
    assert named.code == 10, "a file that is named is compared with, and not written over"
    assert differs.code == 10
    assert "tasks" in differs.err
    repository.write({".squad/plan.json": "{"})
    assert squad.here("plan", prd, "--check").code == 10


def test_why_and_prompt_speak_of_one_task(squad: Squad, prd: str) -> None:
    assert "agent-2-backend" in squad.here.ok("plan", prd, "--why", "T2")
    assert "Build metrics API" in squad.here.ok("plan", prd, "--prompt", "T2")
    for option in ("--why", "--prompt"):
        wrong = squad.here("plan", prd, option, "T22")
        assert wrong.code == 2
        assert "did you mean" in wrong.err


def test_configured_agents_and_their_matrix_decide(squad: Squad, repository: Repository, prd: str) -> None:
    repository.write(
        {
            "squad.yaml": "version: 1\nagents:\n  agent-1-web: {use: simulated, role: frontend-ui-developer}\n"
            "  agent-2-api: {use: simulated, role: backend-system-architect}\n"
            "ownership:\n  /ui: {owner: frontend-ui-developer}\n  /srv: {owner: backend-system-architect}\n"
            "  /shared: {owner: NONE, access: SEQUENTIAL}\n"
        }
    )

    plan = json.loads(squad.here.ok("plan", prd, "--json"))

    assert [(row["id"], row["agent"], row["writes"]) for row in plan["tasks"]][:2] == [
        ("T1", "agent-1-web", ["ui"]),
        ("T2", "agent-2-api", ["srv"]),
    ]
    assert {(row["path"], row["owner"], row["access"]) for row in plan["matrix"]} >= {("shared", None, "SEQUENTIAL")}


def bad_files(folder: Path) -> dict[str, str]:
    """Make inputs that cannot be worked with; gives what the message must say."""
    outside = folder.parent / "elsewhere"
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    files = {
        "empty.md": b"",
        "binary.md": b"\x7fELF\0",
        "latin.md": b"# T\n- [ ] caf\xe9\n",
        "none.md": b"# Title\n\nProse.\n",
        "cycle.md": b"- [ ] T1 a (depends on T2)\n- [ ] T2 b (depends on T1)\n",
        "need.md": b"- [ ] T1 a (depends on T2)\n",
        "twice.yaml": b"tasks:\n  - {id: a, title: b}\n  - {id: a, title: c}\n",
        "up.md": b"- [ ] a `../x`.\n- [ ] b `../x.py`\n",
        "root.md": b"- [ ] b `/../x.py`\n",
        "symlink.md": b"- [ ] b `link/x.py`\n",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with (folder / "huge.md").open("wb") as huge:
        huge.truncate(50 * 1024 * 1024)
    return {
        "missing.md": "there is no such file",
        "folder": "a folder",
        "pipe": "pipe",
        "/dev/zero": "device",
        "empty.md": "empty",
        "binary.md": "binary.md:1: ",
        "latin.md": "latin.md:2: ",
        "none.md": "no task",
        "cycle.md": "T1 (cycle.md:1) -> T2 (cycle.md:2) -> T1 (cycle.md:1)",
        "need.md": "need.md:1: task T1 needs T2",
        "twice.yaml": "twice.yaml:3:6: ",
        "up.md": "up.md:2: ",
        "root.md": "root.md:1: ",
        "symlink.md": "symlink.md:1: ",
        "huge.md": "50 MiB is too large",
    }


def test_bad_input_says_the_place_ends_with_three_and_starts_nothing(squad: Squad, repository: Repository) -> None:
    for name, message in bad_files(repository.root).items():
        refused = squad.here("run", name, "--agent", "simulated", "--no-input")
        assert refused.code == 3, f"{name}: {refused.err}"
        assert message in refused.err
        assert refused.err.count("\n") >= 2, f"{name}: no way out is told"
    assert not (repository.root / ".squad").exists()
    assert repository.git("branch", "--list", "squad*") == ""


def test_without_git_a_plan_is_for_a_shared_tree(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    shutil.copy(ROOT / "configs" / "demo" / "feature-prd.md", folder)

    with Squad(folder) as squad:
        plan = json.loads(squad.ok("plan", "feature-prd.md", "--json"))

    assert plan["isolation"] == "shared"
    assert plan["certificate"]["open"] == []


@pytest.mark.parametrize(("form", "begins"), [("mermaid", "flowchart LR"), ("ascii", "* T")])
def test_a_plan_is_drawn_in_the_form_that_is_asked_for(squad: Squad, prd: str, form: str, begins: str) -> None:
    assert squad.ok("plan", prd, "--graph", form).startswith(begins)


def test_a_plan_is_drawn_in_no_form_that_does_not_exist(squad: Squad, prd: str) -> None:
    refused = squad("plan", prd, "--graph", "mermayd")

    assert refused.returncode == 2
    assert "did you mean 'mermaid'" in refused.stderr


def test_the_plan_compares_numbers_of_agents_and_recommends_one(squad: Squad, prd: str) -> None:
    told = squad.ok("plan", prd)

    assert "recommended: 4 agents: one more saves 0% of the time (-n 4)" in told
    assert "efficiency" in told
    assert "critical path" in told


def test_what_is_archived_is_read_only_where_it_is_named(squad: Squad, repository: Repository) -> None:
    repository.write(
        {
            "openspec/changes/now/tasks.md": "## 1. A\n- [ ] 1.1 now\n",
            "openspec/changes/archive/2025-01-01-then/tasks.md": "## 1. A\n- [x] 1.1 then\n",
        }
    )

    titles = {
        place: [row["title"] for row in squad.json("tasks", place)["tasks"]]
        for place in (".", "openspec/changes/archive/2025-01-01-then", "openspec/changes/archive/2025-01-01-then/tasks.md")
    }

    assert list(titles.values()) == [["now"], ["then"], ["then"]]


def test_a_document_that_names_its_agents_is_shown_though_no_other_number_of_them_fits(
    squad: Squad, repository: Repository
) -> None:
    rows = ["version: 1", "tasks:"]
    rows += [f"- {{id: T{n}, title: Do {n}, agents: [agent-{n}-{label}], writes: [f{n}]}}" for n, label in ((1, "a"), (2, "b"))]
    repository.write({"tasks.yaml": "\n".join(rows)})

    told = squad.ok("plan", "tasks.yaml")

    assert "agent-1-a" in told
    assert "makespan" not in told
