"""The wizard: by options, on a terminal, and with all kinds of things in its way."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.cli.conftest import Command
from tests.cli.terminal import CTRL_C, CTRL_D, Terminal
from tests.docs.blocks import ROOT, blocks_of

from farthing.config.load import load_config
from farthing.config.recommend import EUROPEAN_MODEL

KEY = "sk-or-v1-not-to-be-seen"
ALL = (
    *("--workload", "coding=.6,general=.4", "--volume", "10M", "--criticality", "production"),
    *("--budget", "200", "--compliance", "none", "--today", "anthropic/claude-3.5-sonnet"),
)
FOUR = [".env", ".gitignore", "farthing.json", "farthing.schema.json"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, worked in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def there(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written(folder: Path) -> Any:
    return json.loads((folder / "farthing.json").read_text())


def test_by_options_it_writes_four_files_and_tells_what_is_next(farthing: Command, folder: Path) -> None:
    said = farthing("init", *ALL)
    assert (said.code, said.err) == (0, "")
    assert there(folder) == FOUR
    assert written(folder) == {
        "$schema": "./farthing.schema.json",
        "extends": "balanced",
        "budget": {"monthlyLimit": 200},
    }
    for words in ("Recommended profile: balanced", "mixed work", "2026-11-09/snapshot", "farthing demo"):
        assert words in said.out
    assert (folder / ".gitignore").read_text() == ".env\n"
    assert (folder / ".env").stat().st_mode & 0o077 == 0


def test_the_files_work_together(farthing: Command, folder: Path) -> None:
    farthing("init", "--yes", "--compliance", "eu,zdr", "--budget", "40", "--today", "gpt")
    schema = json.loads((folder / "farthing.schema.json").read_text())
    assert jsonschema_rs.is_valid(schema, written(folder))
    config = load_config(environ={})  # .env names farthing.json
    assert (config.extends, config.budget.monthly_limit, config.budget.daily_limit) == ("production", 40, 4)
    assert (config.provider.data_collection, config.provider.zdr) == ("deny", True)
    assert config.provider.only == ("mistral", "nebius")
    assert config.models.by_slot()["fallback"].model == EUROPEAN_MODEL
    assert config.baseline.model == "openai/gpt-5.1"
    assert farthing("config", "validate", "farthing.json").code == 0


def test_the_estimate_is_that_of_farthing_estimate(farthing: Command, folder: Path) -> None:
    told = farthing("init", *ALL, "--json").json
    again = next(step["command"] for step in told["next"] if "estimate" in step["command"])
    estimate = farthing(*again.split()[1:], "--json").json
    same = ("total", "baseline", "savings_percent", "price_book", "baseline_model", "monthly_limit")
    assert {key: estimate[key] for key in same} == {key: told["estimate"][key] for key in same}
    assert Decimal(told["estimate"]["total"]) > 0


def test_without_a_terminal_what_is_missing_is_named(farthing: Command, folder: Path) -> None:
    said = farthing("init", *ALL[:4])
    assert said.code == 2
    for flag in ("--criticality", "--budget", "--compliance", "--today", "--yes"):
        assert flag in said.err
    assert "--workload" not in said.err.rpartition("not given")[2].partition(";")[0]
    assert there(folder) == []


def test_yes_takes_what_is_typical_and_says_so(farthing: Command, folder: Path) -> None:
    said = farthing("init", "--yes")
    assert said.code == 0
    taken = "--workload typical, --volume typical, --criticality production, --budget typical"
    assert f"taken as {taken}, --compliance none, --today nothing" in said.out
    assert "50,000,000 tokens in, 10,000,000 out" in said.out
    assert "$200.00 a month, hard, the profile's own" in said.out


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--workload", "codng=1", "did you mean 'coding'"),
        ("--volume", "much", "give it as 10M"),
        ("--criticality", "life", "learning, production, mission-critical"),
        ("--budget", "-3", "no budget for a month"),
        ("--compliance", "gdpr", "none, eu, no-training, zdr"),
        ("--today", "claud", "did you mean 'claude'"),
        ("--profile", "balansed", "did you mean 'balanced'"),
        ("--profile", "team.json", "there is no profile"),
    ],
)
def test_a_bad_option_is_refused_with_its_reason(
    farthing: Command, folder: Path, option: str, value: str, said: str
) -> None:
    refused = farthing("init", "--yes", option, value)
    assert refused.code == 2
    assert option in refused.err
    assert said in refused.err
    assert there(folder) == []


def test_a_configuration_in_the_way_stops_everything(farthing: Command, folder: Path) -> None:
    (folder / "farthing.json").write_text("mine")
    said = farthing("init", "--yes")
    assert said.code == 1
    assert "farthing.json is there already" in said.err
    assert "--file team.json" in said.err
    assert there(folder) == ["farthing.json"]
    assert (folder / "farthing.json").read_text() == "mine"


def test_another_name_goes_beside_it(farthing: Command, folder: Path) -> None:
    assert farthing("init", "--yes").code == 0
    before = {name: (folder / name).read_bytes() for name in FOUR}
    said = farthing("init", "--yes", "--file", "team.json", "--criticality", "learning")
    assert said.code == 0
    assert "kept as they are: farthing.schema.json, .env" in said.out
    assert "DEPLOYMENT_CONFIG in .env names farthing.json" in said.out
    assert "farthing run --config team.json" in said.out
    assert {name: (folder / name).read_bytes() for name in FOUR} == before
    assert load_config("team.json", environ={}).extends == "budget"


@pytest.mark.parametrize("name", ["team.toml", "a/b.json", ".json", "farthing.schema.json", ""])
def test_a_name_that_is_none_is_refused(farthing: Command, folder: Path, name: str) -> None:
    said = farthing("init", "--yes", "--file", name)
    assert (said.code, there(folder)) == (1, [])
    assert "give a name such as team.json" in said.err


def test_a_dotenv_is_never_touched_and_its_key_never_shown(farthing: Command, folder: Path) -> None:
    mine = f"OPENROUTER_API_KEY={KEY}\r\nDEPLOYMENT_CONFIG=balanced\r\nMONTHLY_BUDGET=50"
    (folder / ".env").write_bytes(mine.encode())
    for arguments in ((*ALL,), (*ALL, "--json", "--file", "two.json")):
        said = farthing("init", *arguments)
        assert said.code == 0
        assert KEY not in said.out + said.err
        assert "DEPLOYMENT_CONFIG in .env names balanced" in said.out
        assert "MONTHLY_BUDGET in .env is 50 and wins" in said.out
        assert "FARTHING_DATABASE_URL" in said.out
        assert "fill in OPENROUTER_API_KEY" not in said.out
    assert (folder / ".env").read_bytes() == mine.encode()
    assert KEY not in (folder / "farthing.json").read_text()


def test_the_environments_key_gets_into_no_file(
    farthing: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    said = farthing("init", "--yes")
    assert KEY not in said.out + said.err
    assert [name for name in FOUR if KEY in (folder / name).read_text()] == []


def test_gitignore_gets_its_line_once_with_its_own_ends(farthing: Command, folder: Path) -> None:
    (folder / ".gitignore").write_bytes(b"*.pyc\r\n# caf\xe9\r\nbuild")
    (folder / ".gitignore").chmod(0o640)
    for name in ("one.json", "two.json"):
        assert farthing("init", "--yes", "--file", name).code == 0
    assert (folder / ".gitignore").read_bytes() == b"*.pyc\r\n# caf\xe9\r\nbuild\r\n.env\r\n"
    assert (folder / ".gitignore").stat().st_mode & 0o777 == 0o640


def test_a_new_folder_is_made_and_named(farthing: Command, folder: Path) -> None:
    said = farthing("init", "work/my shop", "--yes")
    assert said.code == 0
    assert there(folder / "work" / "my shop") == FOUR
    assert "cd 'work/my shop'" in said.out


def test_what_fails_in_the_middle_is_undone(farthing: Command, folder: Path) -> None:
    place = folder / "new"
    place.mkdir()
    (place / ".gitignore").symlink_to("nowhere/at/all")  # found out when the other files are written
    said = farthing("init", "new", "--yes")
    assert said.code == 1
    assert "nothing was written" in said.err
    assert there(place) == [".gitignore"]


def test_folders_made_for_nothing_are_removed_again(farthing: Command, folder: Path) -> None:
    long = "x" * 300
    said = farthing("init", f"new/{long}", "--yes")
    assert (said.code, there(folder)) == (1, [])


@pytest.mark.parametrize("made", [".gitignore", ".env"])
def test_a_folder_where_a_file_should_be_is_told(farthing: Command, folder: Path, made: str) -> None:
    (folder / made).mkdir()
    said = farthing("init", "--yes")
    assert said.code == 1
    assert "cannot be read" in said.err
    assert there(folder) == [made]


def test_a_file_where_the_folder_should_be_is_told(farthing: Command, folder: Path) -> None:
    (folder / "shop").write_text("x")
    for place in ("shop", "shop/inner"):
        said = farthing("init", place, "--yes")
        assert said.code == 1
        assert "is a file, not a folder" in said.err


def test_variables_that_win_over_the_file_are_told(
    farthing: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET", "7")
    monkeypatch.setenv("FARTHING_ENV", "development")
    told = " ".join(farthing("init", *ALL, "--json").json["cautions"])
    assert "MONTHLY_BUDGET in the environment is 7 and wins" in told
    assert "FARTHING_ENV in the environment is development" in told


def test_a_dotenv_moves_no_estimate(farthing: Command, folder: Path) -> None:
    plain = farthing("init", "--yes", "--file", "one.json", "--json").json["estimate"]
    (folder / ".env").write_text("FARTHING_ENV=development\nMONTHLY_BUDGET=7\n")
    told = farthing("init", "--yes", "--json").json
    assert told["estimate"] == plain
    assert (plain["monthly_limit"], len(told["cautions"])) == ("200", 2)


def test_an_estimate_above_the_budget_is_told_with_what_fits(farthing: Command, folder: Path) -> None:
    rest = ("--criticality", "mission-critical", "--volume", "200M", "--budget", "50", "--json")
    told = farthing("init", "--yes", *rest).json
    assert told["estimate"]["within_limit"] is False
    cautions = " ".join(told["cautions"])
    assert "is above the limit of $50.00" in cautions
    assert "input tokens a month" in cautions
    assert written(folder)["budget"]["monthlyLimit"] == 50
    calm = farthing("init", "calm", "--yes", *rest[:-2], "5000", "--json").json
    assert "above the limit" not in " ".join(calm["cautions"])


def test_a_budget_of_nothing_is_free(farthing: Command, folder: Path) -> None:
    told = farthing("init", "--yes", "--budget", "0", "--json").json
    assert (told["profile"], Decimal(told["estimate"]["total"])) == ("budget", 0)
    assert written(folder)["environment"] == "development"
    assert "50 a day" in " ".join(told["cautions"])
    refused = farthing("init", "paid", "--yes", "--budget", "0", "--profile", "balanced")
    assert refused.code == 1
    assert "balanced has none" in refused.err
    assert not (folder / "paid").exists()


def test_a_named_profile_is_taken(farthing: Command, folder: Path) -> None:
    said = farthing("init", "--yes", "--profile", "premium")
    assert "Your profile: premium" in said.out
    assert "by the rules it would be balanced" in said.out
    assert written(folder)["extends"] == "premium"


def test_a_model_without_a_known_price_may_be_the_baseline(farthing: Command, folder: Path) -> None:
    said = farthing("init", "--yes", "--today", "acme/own-model-1")
    assert said.code == 0
    assert "acme/own-model-1, whose price is not known" in said.out
    assert written(folder)["baseline"] == {"model": "acme/own-model-1"}
    assert load_config("farthing.json", environ={}).baseline.model == "acme/own-model-1"


def test_the_guide_shows_the_file_that_is_written(farthing: Command, folder: Path) -> None:
    guide = (ROOT / "docs/guides/first-day.md").read_text(encoding="utf-8")
    command = re.search(r"^<!-- output of: farthing (init .*) -->$", guide, re.MULTILINE)
    assert command is not None
    assert farthing(*command[1].split()).code == 0
    (shown,) = blocks_of("docs/guides/first-day.md", "json")
    assert written(folder) == json.loads(shown.text)


def test_the_guides_rules_are_those_that_decide(farthing: Command, folder: Path) -> None:
    guide = (ROOT / "docs/guides/first-day.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\| .* \| `(--.*)` \| `(\w+)` \|$", guide, re.MULTILINE)
    assert len(rules) == 6
    for number, (options, profile) in enumerate(rules):
        told = farthing("init", str(number), "--yes", *options.split(), "--json").json
        assert told["profile"] == profile, options


def test_on_a_terminal_bad_answers_are_asked_again(tmp_path: Path) -> None:
    with Terminal("init", home=tmp_path) as terminal:
        terminal.shows("What kind of work", "Workload [typical]: ")
        terminal.types("codng=1")
        terminal.shows("did you mean 'coding'", "Workload [typical]: ")
        terminal.types("coding=.6,general=.4")
        terminal.shows("Volume [typical]: ")
        terminal.types("lots")
        terminal.shows("give it as 10M", "Volume [typical]: ")
        terminal.types("10M")
        terminal.shows("Criticality [production]: ")
        terminal.types("")
        terminal.shows("Budget [typical]: ")
        terminal.types("-4")
        terminal.shows("no budget for a month", "Budget [typical]: ")
        terminal.types("$120")
        terminal.shows("Compliance [none]: ")
        terminal.types("zdr")
        terminal.shows("Today [nothing]: ")
        terminal.types("gpt")
        terminal.shows("Recommended profile: production", "What the file changes", "[Y/n]: ")
        assert there(tmp_path) == []
        terminal.types("y")
        terminal.shows("written: farthing.json", "next:", "farthing run")
        assert terminal.ends() == 0
        assert "Traceback" not in terminal.screen
    assert written(tmp_path) == {
        "$schema": "./farthing.schema.json",
        "extends": "production",
        "budget": {"monthlyLimit": 120, "dailyLimit": 12},
        "provider": {"zdr": True},
        "baseline": {"model": "openai/gpt-5.1"},
    }


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_leaving_a_terminal_leaves_nothing_behind(tmp_path: Path, key: str) -> None:
    with Terminal("init", "shop", home=tmp_path) as terminal:
        terminal.shows("Workload [typical]: ")
        terminal.types("")
        terminal.shows("Volume [typical]: ")
        terminal.presses(key, until="stopped; nothing was written")
        assert terminal.ends() == 130
        assert "Traceback" not in terminal.screen
    assert there(tmp_path) == []


def test_only_what_was_not_said_is_asked_and_a_no_writes_nothing(tmp_path: Path) -> None:
    with Terminal("init", *ALL[:-2], home=tmp_path) as terminal:
        terminal.shows("Today [nothing]: ")
        assert "Volume [" not in terminal.screen
        terminal.types("claude")
        terminal.shows("Recommended profile: balanced", "[Y/n]: ")
        terminal.types("n")
        terminal.shows("nothing was written")
        assert terminal.ends() == 0
    assert there(tmp_path) == []


def test_a_slip_in_an_option_is_told_before_any_question(tmp_path: Path) -> None:
    with Terminal("init", "--today", "claud", home=tmp_path) as terminal:
        assert terminal.ends() == 2
        assert "did you mean 'claude'" in terminal.screen
        assert "Workload" not in terminal.screen


def test_yes_on_a_terminal_asks_nothing(tmp_path: Path) -> None:
    with Terminal("init", "--yes", home=tmp_path) as terminal:
        assert terminal.ends() == 0
    assert there(tmp_path) == FOUR
