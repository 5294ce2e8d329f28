import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import config as configuration
from orchestrator.config import Config, combine, layer, load_dump, settings, trust_digest, variables
from orchestrator.errors import InputError
from orchestrator.model import Isolation

FULL = """\
version: 1
isolation: {mode: worktree, copy: [.env.example], symlink: [node_modules], setup: ["npm ci"]}
enforce: auto
log: {folder: .squad/logs}
agents:
  agent-1-frontend:
    use: claude
    role: frontend-ui-developer
    skills: [frontend, css]
    environment: {NODE_ENV: test}
  agent-2-backend: {use: codex, role: backend-system-architect}
  agent-3-ml:
    use: command
    command: ["my-agent", "--prompt-file", "{prompt_file}"]
ownership:
  /frontend: {owner: frontend-ui-developer, access: EXCLUSIVE}
  /shared: {owner: NONE, access: SEQUENTIAL}
  /docs/api.md: {access: READ-ONLY}
never_parallel: {op:install: ["npm install", "pip install"], op:migrate: ["alembic"]}
run:
  agents: 3
  checks: ["pytest -q"]
  stall: {after: 10m, same_failure: 3, ladder: [nudge, interrupt, restart, reassign, park]}
  restart: {backoff: 1s..60s, per_agent: 5/10m, fleet: 20/10m}
  attempts: 3
  limits: {time: 8h, money: 20, money_per_task: 3, tokens: 5M}
  on_quota: {resume: auto, margin: 60s}
"""


def read(*texts: str) -> Config:
    """Give the configuration of files, the first being the strongest."""
    return combine([layer(text, name=f"{number}.yaml") for number, text in enumerate(texts)])


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        combine([layer(text, name="squad.yaml")])
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_where_nothing_is_set_the_defaults_are_those_that_validation_gives() -> None:
    """They are given without it, which costs less."""
    plain, validated = combine([]), Config.model_validate({})

    assert plain == validated
    assert plain.model_fields_set == validated.model_fields_set == set()
    assert configuration.dump(plain) == configuration.dump(validated)
    assert load_dump(configuration.dump(plain)) == plain
    assert read("version:") == read("version: 1") == plain


def test_defaults_of_one_configuration_are_not_those_of_another() -> None:
    assert combine([]).agents is not combine([]).agents


def test_a_model_by_default_is_the_users_own_choice() -> None:
    told = (
        "agents: {agent-1: {use: claude, model: default}, agent-2: {use: codex, model: big}, agent-3: {use: acp, command: [x]}}"
    )
    agents = combine([layer(told, name="squad.yaml")]).agents.values()

    assert [agent.model for agent in agents] == ["", "big", ""]


def test_every_key_of_the_contract_that_is_built_is_known() -> None:
    config = read(FULL)

    assert config.isolation.copy_files == (".env.example",)
    assert config.run.stall.after == 600
    assert config.run.restart.backoff == (1.0, 60.0)
    assert config.run.restart.per_agent == (5, 600.0)
    assert config.agents["agent-3-ml"].command == ("my-agent", "--prompt-file", "{prompt_file}")  # type: ignore[index]  # a NewType
    assert list(config.ownership) == ["/frontend", "/shared", "/docs/api.md"]


def test_no_configuration_at_all_is_a_configuration() -> None:
    assert combine([]) == Config()
    assert read("") == Config()
    assert read("# only a comment\n") == Config()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("version: 1\nrun:\n  agnets: 3\n", "squad.yaml:3:3: run.agnets: unknown key", "did you mean 'agents'?"),
        ("run:\n  agents: many\n", "squad.yaml:2:3: run.agents: 'many': expected a whole number", "  agents: many\n    ^"),
        ("run: {agents: 0}\n", "squad.yaml:1:7: run.agents: expected a number greater than or equal to 1", "^"),
        ("run: {agents: 3}\nrun: {attempts: 2}\n", "squad.yaml:2:1: the key 'run' stands twice", "  run: {attempts: 2}\n  ^"),
        ("run: [3]\n", "squad.yaml:1:1: run: a list: expected a mapping", "^"),
        ("run:\n  checks: pytest\n", "squad.yaml:2:3: run.checks: 'pytest': expected a list such as", "^"),
        ("run:\n  checks: [{a: b}]\n", "squad.yaml:2:12: run.checks.0: a mapping: expected a text", "^"),
        ("run:\n  stall: {after: 10}\n", "run.stall.after: '10' has no unit: write 10s, 10m, 10h or 10d (or ms)", "^"),
        ("run:\n  stall: {after: soon}\n", "run.stall.after: 'soon' is no duration", "10m or 1h30m"),
        ("run: {restart: {backoff: 5s}}\n", "run.restart.backoff: '5s' is no range", "1s..60s"),
        ("run: {restart: {backoff: 60s..1s}}\n", "ends before it starts", "^"),
        ("run: {restart: {fleet: often}}\n", "run.restart.fleet: 'often' is no rate", "5/10m"),
        ("run: {stall: {ladder: [nudge, pork]}}\n", "run.stall.ladder.1: 'pork': expected", "did you mean 'park'?"),
        ("run: {stall: {ladder: [park, nudge]}}\n", "run.stall.ladder: expected each step once at most, in this order", "^"),
        ("ownership:\n  ../x: {owner: a}\n", "squad.yaml:2:3: ownership.../x: '../x' leaves the project", "^"),
        ("enforce: agre\n", "squad.yaml:1:1: enforce: 'agre': expected 'auto', 'agree'", "did you mean 'agree'?"),
        ("isolation: {mode: worktre}\n", "isolation.mode: 'worktre': expected", "did you mean 'worktree'?"),
        ("isolation: {copy: [../secrets]}\n", "isolation.copy.0: '../secrets' leaves the project", "^"),
        ("isolation: {copy: [a/../../b]}\n", "isolation.copy.0: 'a/../../b' leaves the project", "^"),
        ("isolation: {copy_files: [a]}\n", "isolation.copy_files: unknown key", "known keys: mode, copy"),
        (
            "agents:\n  frontend: {use: claude}\n",
            "squad.yaml:2:3: agents.frontend: 'frontend' is no agent id",
            "agent-1-frontend",
        ),
        ("agents:\n  agent-1: {}\n  agent-01: {}\n", "squad.yaml:3:3: agents.agent-01: 'agent-01' is no agent id", "^"),
        (
            "agents:\n  agent-1-a: {}\n  agent-1-b: {}\n",
            "squad.yaml:3:3: agents.agent-1-b: agent-1-b and agent-1-a have the same number",
            "^",
        ),
        ("agents:\n  agent-1: {usee: claude}\n", "squad.yaml:2:13: agents.agent-1.usee: unknown key", "did you mean 'use'?"),
        (
            "agents:\n  agent-1: {use: acp, profile: gemeni}\n",
            "agents.agent-1.profile: 'gemeni': expected",
            "did you mean 'gemini'?",
        ),
        ("agents:\n  agent-1: {use: acp}\n", "agents.agent-1.profile: use: acp needs a profile", "agent-1"),
        ("agents:\n  agent-1: {use: claude, profile: qwen}\n", "agents.agent-1.profile: a profile goes with use: acp", "^"),
        ("agents:\n  agent-1: {use: aider, model: x}\n", "agents.agent-1.model: a command of its own chooses", "^"),
        ("agents:\n  agent-1: {use: cluade}\n", "agents.agent-1.use: 'cluade': expected", "did you mean 'claude'?"),
        ("agents:\n  agent-1: {speaks: french}\n", "agents.agent-1.speaks: 'french': expected 'squad'", "^"),
        ("agents: agent-1\n", "squad.yaml:1:1: agents: 'agent-1': expected a mapping", "^"),
        ("ownership: {/a: {access: EXCLUSIV}}\n", "ownership./a.access: 'EXCLUSIV': expected", "did you mean 'EXCLUSIVE'?"),
        ("ownership:\n  /a: {ownr: x}\n", "squad.yaml:2:8: ownership./a.ownr: unknown key", "did you mean 'owner'?"),
        (
            "never_parallel:\n  install: [npm]\n",
            "squad.yaml:2:3: never_parallel.install: 'install' is no operation: write op:install",
            "^",
        ),
        ("capacity: {build: 2}\n", "capacity.build: 'build' is no operation: write op:build", "^"),
        ("capacity: {op:build: 0}\n", "squad.yaml:1:12: capacity.op:build: ", "^"),
        ("version: 2\n", "squad.yaml:1:1: version: '2': expected 1", "^"),
        ("version: 1.0\n", "version: '1.0': expected 1", "^"),
        ("unknown:\n", "squad.yaml:1:1: unknown: unknown key", "known keys: version"),
        ("- a\n", "squad.yaml:1:1: expected a mapping", ""),
        ("run: {agents: 3\n", "squad.yaml:2:1", ""),
        ("run:\n\tagents: 3\n", "squad.yaml:2:1", ""),
        ("run: {agents: 3}\n---\nrun: {agents: 4}\n", "squad.yaml:2:1", ""),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_would_be_right(text: str, place: str, said: str) -> None:
    told = complaint(text)

    assert place in told
    assert said in told


@pytest.mark.parametrize(
    "text",
    [
        "web: {port: 8000}",
    ],
)
def test_a_key_that_nothing_reads_yet_is_unknown(text: str) -> None:
    assert "unknown key" in complaint(text)


@pytest.mark.parametrize("word", ["on", "no", "yes", "off", "1.10", "12:30", "010", "0755", "null-ish", "1e3", "2026-01-01"])
def test_a_text_stays_as_it_was_written(word: str) -> None:
    config = read(f"agents: {{agent-1: {{role: {word}, skills: [{word}], environment: {{KEY: {word}}}}}}}\n")

    (agent,) = config.agents.values()
    assert (agent.role, agent.skills, agent.environment) == (word, (word,), {"KEY": word})


def test_numbers_are_decimal() -> None:
    assert read("run: {attempts: 010}").run.attempts == 10
    assert "expected a whole number" in complaint("run: {attempts: 0x10}")
    assert "expected a whole number" in complaint("run: {attempts: 12:30}")
    assert "expected a whole number" in complaint("run: {attempts: on}")


def test_a_stronger_source_changes_only_what_it_says() -> None:
    config = read(
        "run: {agents: 2}\nagents: {agent-1: {role: a}}\n",
        "run: {agents: 5, attempts: 7, checks: [x]}\nagents: {agent-1: {role: b, use: claude}, agent-2: {}}\n",
    )

    assert (config.run.agents, config.run.attempts, config.run.checks) == (2, 7, ("x",))
    assert [(name, agent.role, agent.use) for name, agent in config.agents.items()] == [
        ("agent-1", "a", "claude"),
        ("agent-2", "", "auto"),
    ]


def test_a_list_replaces_a_weaker_list_as_a_whole() -> None:
    assert read("run: {checks: [b]}\n", "run: {checks: [a, c]}\n").run.checks == ("b",)
    assert read("run: {checks: []}\n", "run: {checks: [a, c]}\n").run.checks == ()


def test_a_key_with_nothing_behind_it_says_nothing() -> None:
    assert read("run: {checks: }\nisolation:\n", "run: {checks: [a]}\nisolation: {mode: shared}\n").run.checks == ("a",)
    assert read("isolation:\n", "isolation: {mode: shared}\n").isolation.mode is Isolation.SHARED


def test_an_agent_with_nothing_behind_its_id_is_an_agent() -> None:
    assert list(read("agents:\n  agent-1-frontend:\n  agent-2:\n").agents) == ["agent-1-frontend", "agent-2"]


def test_a_fault_is_placed_in_the_file_that_it_came_from() -> None:
    with pytest.raises(InputError) as caught:
        combine([layer("run: {agents: 2}\n", name="local.yaml"), layer("\nrun: {attempts: x}\n", name="squad.yaml")])

    assert str(caught.value.where) == "squad.yaml:2:7"


def set_to(**variables_: str) -> Config:
    return combine([*variables({f"SQUAD_CONFIG_{name}": value for name, value in variables_.items()}), layer(FULL, name="f")])


def test_a_variable_beats_the_file_on_every_level() -> None:
    config = set_to(RUN__AGENTS="7", ENFORCE="agree", RUN__STALL__AFTER="1h", RUN__CHECKS="[a, b]")

    assert (config.run.agents, config.enforce, config.run.stall.after, config.run.checks) == (7, "agree", 3600.0, ("a", "b"))


def test_a_variable_reaches_below_an_agent_and_keeps_the_case_of_names() -> None:
    config = set_to(**{"AGENTS__agent-2-backend__ENVIRONMENT__NODE_ENV": "prod", "AGENTS__agent-2-backend__USE": "simulated"})

    agent = config.agents["agent-2-backend"]  # type: ignore[index]  # a NewType
    assert (agent.use, agent.environment, agent.role) == ("simulated", {"NODE_ENV": "prod"}, "backend-system-architect")


def test_a_variable_for_a_section_and_one_below_it_go_together() -> None:
    assert set_to(RUN="{agents: 2, attempts: 9}", RUN__AGENTS="4").run.agents == 4
    assert set_to(RUN="{agents: 2, attempts: 9}", RUN__AGENTS="4").run.attempts == 9


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RUN__AGNETS", "3", "SQUAD_CONFIG_RUN__AGNETS: run.agnets: unknown key\ndid you mean 'agents'?"),
        ("RUN__AGENTS", "x", "SQUAD_CONFIG_RUN__AGENTS: run.agents: 'x': expected a whole number"),
        ("RUN", "3", "SQUAD_CONFIG_RUN: run: '3': expected a mapping"),
        ("RUN__CHECKS", "[a", "SQUAD_CONFIG_RUN__CHECKS:1:3"),
        ("WEB", "{}", "SQUAD_CONFIG_WEB: web: unknown key"),
    ],
)
def test_a_fault_in_a_variable_names_the_variable(name: str, value: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        set_to(**{name: value})

    assert said in str(caught.value)


def test_the_variables_of_an_agents_surroundings_are_no_configuration() -> None:
    assert variables({"SQUAD_SOCKET": "x", "SQUAD_TASK": "T1", "AGENT_ID": "agent-1", "PATH": "/bin"}) == []


def test_a_flag_beats_everything() -> None:
    flags = settings({"run.agents": "9"}, name="the command line")

    assert combine([flags, *variables({"SQUAD_CONFIG_RUN__AGENTS": "4"}), layer(FULL, name="f")]).run.agents == 9


def test_the_settings_of_a_run_come_back_from_its_journal_as_they_were() -> None:
    assert load_dump(configuration.dump(read(FULL))) == read(FULL)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("run:\n  limits: {time: 8}\n", "squad.yaml:2:12: run.limits.time: '8' has no unit", "write 8s, 8m, 8h or 8d"),
        ("run:\n  limits: {time: 0}\n", "squad.yaml:2:12: run.limits.time", "'0' would allow nothing"),
        ("run:\n  limits: {money: 20 USD}\n", "squad.yaml:2:12: run.limits.money: '20 USD' is no amount", "limits.currency"),
        ("run:\n  limits: {money: [20]}\n", "squad.yaml:2:12: run.limits.money", "expected an amount such as 20"),
        ("run:\n  limits: {money_per_task: -1}\n", "run.limits.money_per_task: '-1' is no amount", "^"),
        ("run:\n  limits: {tokens: 5m}\n", "squad.yaml:2:12: run.limits.tokens: '5m' reads like minutes", "write 5M"),
        ("run:\n  limits: {attempts: 0}\n", "squad.yaml:2:12: run.limits.attempts", "'0' would allow nothing"),
        ("run:\n  limits: {currency: usd}\n", "run.limits.currency: 'usd'", "three capital letters such as USD"),
        ("run:\n  limits: {mony: 3}\n", "squad.yaml:2:12: run.limits.mony: unknown key", "did you mean 'money'?"),
        ("run:\n  limits: {time: 1h, reserve: 2h}\n", "squad.yaml:2:22: run.limits.reserve", "leaves no time to work"),
        ("run:\n  limits: {reserve: 2m}\n", "squad.yaml:2:12: run.limits.reserve", "less than limits.time"),
        ("locks: {warn_after: 1h}\n", "squad.yaml:1:9: locks.warn_after", "no more than locks.stale_after"),
        ("locks:\n  warn_after: 0\n", "squad.yaml:2:3: locks.warn_after", "more than 0"),
        ("run:\n  limits: 20\n", "squad.yaml:2:3: run.limits: '20'", "a mapping such as {key: value}"),
        ("run:\n  on_quota: {resume: never}\n", "run.on_quota.resume: 'never'", "expected 'auto' or 'stop'"),
        ("run:\n  on_quota: {margin: 5}\n", "run.on_quota.margin: '5' has no unit", "write 5s"),
        ("run:\n  on_quota: {fall_back_to: codex}\n", "run.on_quota.fall_back_to: 'codex'", "a list such as [one, two]"),
        ("run:\n  on_quota: {fall_back_to: [codx]}\n", "squad.yaml:2:29: run.on_quota.fall_back_to.0", "did you mean 'codex'?"),
        ("run:\n  on_quota: {margins: 5s}\n", "run.on_quota.margins: unknown key", "did you mean 'margin'?"),
    ],
)
def test_a_wrong_limit_is_told_with_its_place_and_what_would_be_right(text: str, place: str, said: str) -> None:
    told = complaint(text)

    assert place in told
    assert said in told


def test_a_limit_is_lifted_by_a_word_of_a_stronger_source_and_not_by_an_empty_key() -> None:
    weaker = "run: {limits: {money: 20, tokens: 1.5M}}"

    assert read("run: {limits: {money: none, tokens:}}", weaker).run.limits.money is None
    assert read("run: {limits: {money: none, tokens:}}", weaker).run.limits.tokens == 1_500_000
    assert read("notify: {quiet: none}", "notify: {quiet: 22:00..07:00}").notify.quiet is None


def test_what_is_fallen_back_to_is_agreed_to_and_a_limit_is_not_asked_about() -> None:
    text = "run: {limits: {money: 20}, on_quota: {fall_back_to: [codex, gemini]}}"

    assert commands_of(text) == ("after a usage limit: codex", "after a usage limit: gemini")
    assert commands_of("run: {limits: {money: 20}}") == ()


def commands_of(text: str) -> Sequence[str]:
    return configuration.commands(read(text))


def test_every_command_that_would_be_started_is_listed() -> None:
    assert commands_of(FULL) == (
        "agent agent-3-ml: my-agent --prompt-file '{prompt_file}'",
        "setup: npm ci",
        "check: pytest -q",
    )
    assert commands_of("agents: {agent-1: {use: claude}}\nrun: {agents: 2}") == ()


def test_who_is_asked_about_commands_is_told_which_are_not_confined() -> None:
    assert commands_of("run: {checks: [a, b]}\nisolation: {setup: [a]}\nenforcement: {unconfined: [a, c]}") == (
        "setup, not confined: a",
        "check, not confined: a",
        "check: b",
        "not confined: c",
    )


@pytest.mark.parametrize(
    "changed",
    [
        "agents: {agent-1: {use: command, command: [a, b]}}",
        "agents: {agent-1: {use: command, command: [a b]}}",
        "agents: {agent-1: {use: command, command: [a], speaks: squad}}",
        "agents: {agent-1: {use: command, command: [a], environment: {LD_PRELOAD: ./x.so}}}",
        "agents: {agent-1: {use: command, command: [a]}}\nrun: {checks: [x]}",
        "agents: {agent-1: {use: command, command: [a]}}\nisolation: {setup: [x]}",
    ],
)
def test_each_change_of_what_is_started_is_another_consent(changed: str) -> None:
    assert trust_digest(commands_of(changed)) != trust_digest(commands_of("agents: {agent-1: {use: command, command: [a]}}"))


def test_what_starts_nothing_needs_no_new_consent() -> None:
    first = "agents: {agent-1: {use: command, command: [a]}}"

    assert trust_digest(commands_of(f"{first}\nrun: {{agents: 3}}\n")) == trust_digest(commands_of(first))


def outcome(text: str) -> Config | re.Match[str] | None:
    """Give the configuration, or the place of the complaint."""
    try:
        return combine([layer(text, name="squad.yaml")])
    except InputError as error:
        return re.match(r"squad\.yaml(:\d+:\d+)?$", str(error.where))


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
TREES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.booleans() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(Config.model_fields)) | WORDS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_document_is_a_configuration_or_a_complaint_with_a_place(tree: object) -> None:
    text = json.dumps(tree, ensure_ascii=True)

    assert outcome(text)


@given(WORDS)
def test_any_text_is_a_configuration_or_a_complaint(text: str) -> None:
    assert outcome(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("allocation: {skil: 2}", "did you mean 'skill'?"),
        ("allocation: {skill: much}", "allocation.skill: 'much': expected a number of 0 or more such as 2 or 0.5"),
        ("allocation: {load: -1}", "allocation.load: '-1': expected a number of 0 or more"),
        ("allocation: {area: nan}", "allocation.area: 'nan': expected a number of 0 or more"),
        ("allocation: {hot: 0}", "allocation.hot: expected a number"),
        ("allocation: {complexity: {file: 1}}", "did you mean 'files'?"),
        ("allocation: {complexity: {most: 0.5}}", "allocation.complexity.most: expected a number"),
        ("allocation: {score: scoring}", "allocation.score: 'scoring': expected module:function such as scoring:score"),
        ("allocation: {score: '../evil:run'}", "expected module:function"),
    ],
)
def test_weights_are_numbers_and_a_score_is_a_function(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)

    assert told in str(caught.value)
    assert str(caught.value).startswith("0.yaml:1:")
