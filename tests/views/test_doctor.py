"""What `squad doctor` shows."""

from orchestrator.doctor.findings import Answer, Diagnosis, Examined, Tool, fault, note, warning
from orchestrator.views.doctor import details, doctor_json, table

READY = Examined(
    name="claude",
    path="/bin/claude",
    version="2.1.330",
    works=">=2.1.300,<3",
    in_range=True,
    signed_in=Answer.YES,
    can_write=Answer.YES,
    can_be_refused=Answer.NO,
)
ABSENT = Examined(name="codex", findings=(note("not installed", "npm install -g @openai/codex"),))
UNDER_WAY = Examined(name="gemini", path="/bin/gemini", version="0.61.0", doing="is to write a file")


def diagnosis(*programs: Examined, tools: tuple[Tool, ...] = (), agents: tuple[Tool, ...] = ()) -> Diagnosis:
    return Diagnosis(quick=False, programs=programs, tools=tools, agents=agents)


def test_the_columns_of_all_rows_stand_below_each_other() -> None:
    head, ready, absent, under_way = table(diagnosis(READY, ABSENT, UNDER_WAY), seconds=12.2).splitlines()

    assert [head.index(word) for word in ("version", "signed in", "writes", "can be")] == [20, 32, 43, 51]
    assert [ready[at : at + 3] for at in (20, 32, 43, 51)] == ["2.1", "yes", "yes", "no "]
    assert ready.endswith(" /bin/claude")
    assert absent == "  codex             not installed                  npm install -g @openai/codex"
    assert under_way == "  gemini            0.61.0      is to write a file … 12s"


def test_no_row_is_wider_than_the_terminal_and_colours_are_only_for_one() -> None:
    rows = table(diagnosis(READY, ABSENT, UNDER_WAY), width=66, seconds=100.0).splitlines()

    assert max(map(len, rows[1:])) <= 66
    assert "\x1b" not in table(diagnosis(READY))
    assert table(diagnosis(READY), color=True).count("\x1b[32myes") == 2


def test_a_version_outside_of_the_range_is_marked() -> None:
    odd = Examined(name="claude", path="/bin/claude", version="1.0.9", in_range=False)

    assert "1.0.9! " in table(diagnosis(odd))


def test_faults_come_first_each_with_what_mends_it() -> None:
    one = Examined(name="codex", path="/bin/codex", findings=(note("so"), warning("mind"), fault("broken", "mend it")))

    lines = details(diagnosis(one, tools=(Tool(name="git", found="2.39.5"),))).splitlines()

    assert lines == [
        "  git               2.39.5",
        "",
        "fault: codex: broken",
        "    mend it",
        "warning: codex: mind",
        "note: codex: so",
        "not everything is well",
    ]


def test_what_a_program_says_steers_no_terminal() -> None:
    evil = Examined(name="codex", path="/bin/\x1b[2Jcodex", findings=(fault("a\x1b[31mb\nc", "d\x07"),))

    assert "\x1b" not in table(diagnosis(evil)) + details(diagnosis(evil))
    assert "fault: codex: ab c" in details(diagnosis(evil))


def test_the_document_says_what_is_known_and_null_for_the_rest() -> None:
    document = doctor_json(diagnosis(READY, ABSENT))

    assert document["ok"]
    programs = document["programs"]
    assert isinstance(programs, list)
    assert [(row["installed"], row["signed_in"], row["can_be_refused"]) for row in programs] == [
        (True, True, False),
        (False, None, None),
    ]


def test_nothing_installed_is_not_well_and_an_agent_of_the_users_own_is_enough() -> None:
    mine = Tool(name="agent-1", found="/bin/mine")

    assert not diagnosis(ABSENT).is_well
    assert diagnosis(ABSENT, agents=(mine,)).is_well
    assert details(diagnosis(ABSENT, agents=(mine,))).endswith("ready: agent-1\n")
