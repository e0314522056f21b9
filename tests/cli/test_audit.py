"""`farthing audit`: on the samples and on broken files, as tables and JSON, with what each option changes."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from farthing.cli.work.milestones import kept_path

SAMPLES = Path(__file__).parents[2] / "examples" / "samples"
ANTHROPIC = str(SAMPLES / "usage-anthropic.csv")
TABLE = (
    "date,model,input_tokens,output_tokens\n"
    "2026-09-01,gpt-4o,1000000,100000\n"
    "2026-09-30,gpt-4o,1000000,100000\n"
)


@pytest.fixture
def usage(tmp_path: Path) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(TABLE)
    return path


def test_for_people_it_shows_tokens_costs_profiles_and_one_recommendation(farthing: Command) -> None:
    said = farthing("audit", ANTHROPIC)
    assert said.code == 0
    for words in (
        "Anthropic Console, usage, 15 rows, 2 not counted",
        "2026-09-01 to 2026-09-28, 28 days; a month is 30",
        "anthropic/claude-sonnet-4.5",
        "each profile's typical mix",
        "Recommended: balanced",
        "What no export tells:",
        "usage-anthropic.csv:7: input: 'n/a' is no number",
        "tokens that came from a cache",
        "batch API",
    ):
        assert words in said.out, words
    assert said.err == ""


@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.glob("usage-*")))
def test_every_sample_gives_an_audit_or_says_why_not(farthing: Command, sample: str) -> None:
    said = farthing("audit", str(SAMPLES / sample), "--json")
    if sample == "usage-anthropic-cost.csv":
        assert (said.code, said.out) == (1, "")
        assert "come without tokens" in said.err
        return
    assert said.code == 0
    told = said.json
    assert told["files"][0]["bad_rows"] == len(told["bad_rows"]) == told["bad_row_count"]
    assert Decimal(told["month"]["cost"]) > 0
    assert {one["profile"] for one in told["profiles"]} >= {"budget", "balanced", "premium"}


def test_the_figures_are_those_of_the_prices(farthing: Command, usage: Path) -> None:
    told = farthing("audit", str(usage), "--json").json
    (model,) = told["models"]
    assert (model["known_as"], model["basis"], model["exported_cost"]) == ("openai/gpt-4o", "computed", None)
    assert Decimal(model["cost"]) == Decimal("7.00")  # $2.50 and $10 per million
    assert told["period"] == {"first": "2026-09-01", "last": "2026-09-30", "days": 30, "month_days": 30}
    assert Decimal(told["baseline"]["cost"]) == Decimal(7)
    assert told["baseline"]["model"] is None
    for one in told["profiles"]:
        assert Decimal(one["savings"]) == Decimal(7) - Decimal(one["cost"])
        assert Decimal(one["annual_savings"]) == 12 * Decimal(one["savings"])


def test_the_profiles_cost_what_the_calculator_says(farthing: Command, usage: Path) -> None:
    told = farthing("audit", str(usage), "--json", "--mix", "coding=1").json
    for one in told["profiles"]:
        estimate = farthing(
            "estimate", one["profile"], "--volume", "2M/200k", "--mix", "coding=1", "--json"
        ).json
        assert Decimal(estimate["total"]) == Decimal(one["cost"])


def test_the_json_of_two_halves_is_that_of_the_whole(farthing: Command, tmp_path: Path, usage: Path) -> None:
    header, first, second = TABLE.splitlines(keepends=True)
    (tmp_path / "a.csv").write_text(header + first)
    (tmp_path / "b.csv").write_text(header + second)
    whole = farthing("audit", str(usage), "--json").json
    parts = farthing("audit", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--json").json
    assert {**parts, "files": None} == {**whole, "files": None}


def test_another_baseline_is_measured_against_at_its_own_rates(farthing: Command, usage: Path) -> None:
    told = farthing("audit", str(usage), "--baseline", "claude-3.5-sonnet", "--json").json
    assert told["baseline"]["model"] == "anthropic/claude-3.5-sonnet"
    assert Decimal(told["baseline"]["cost"]) == 2 * 3 + Decimal("0.2") * 15
    assert Decimal(told["month"]["cost"]) == 7


def test_cached_tokens_are_cheaper_for_the_model_that_cached_them_and_not_for_a_profile(
    farthing: Command, tmp_path: Path
) -> None:
    header = "date,model,input_tokens,cached_tokens,output_tokens\n"
    path = tmp_path / "cached.csv"
    path.write_text(header + "2026-09-01,claude-sonnet-4-5,1000000,500000,0\n")
    cached = farthing("audit", str(path), "--json").json
    path.write_text(header + "2026-09-01,claude-sonnet-4-5,1000000,0,0\n")
    fresh = farthing("audit", str(path), "--json").json
    assert Decimal(cached["models"][0]["cost"]) == Decimal("1.65")
    assert Decimal(fresh["models"][0]["cost"]) == Decimal(3)
    assert [one["cost"] for one in cached["profiles"]] == [one["cost"] for one in fresh["profiles"]]


def test_the_book_changes_the_costs(farthing: Command, usage: Path) -> None:
    def costs(book: str) -> list[str]:
        told = farthing("audit", str(usage), "--prices", book, "--json").json
        return [one["cost"] for one in told["profiles"]]

    assert costs("tutorial") != costs("current")
    assert costs("2025-10-07") == costs("tutorial")
    said = farthing("audit", str(usage), "--prices", "tutorial")
    assert "2025-10-07/tutorial does not price the models of balanced-2026" in said.out
    assert farthing("audit", str(usage), "--prices", "tutorial", "-p", "premium-2026").code == 5
    assert farthing("audit", str(usage), "--prices", "tutorail").code == 2


UNKNOWN = TABLE + "2026-09-02,gpt-3.5-turbo-0125,500,500\n"


def test_an_unknown_model_is_named_with_its_nearest_and_can_be_mapped(farthing: Command, usage: Path) -> None:
    usage.write_text(UNKNOWN)
    told = farthing("audit", str(usage), "--json").json
    assert told["left_out"] == ["gpt-3.5-turbo-0125"]
    assert Decimal(told["month"]["cost"]) == 7
    assert told["month"]["input_tokens"] == 2_000_000
    said = farthing("audit", str(usage))
    assert "1,000 tokens of gpt-3.5-turbo-0125 are in neither side" in said.out
    assert "without what is left out below" in said.out
    mapped = farthing("audit", str(usage), "--map", "gpt-3.5-turbo-0125=openai/gpt-4o-mini", "--json").json
    assert mapped["left_out"] == []
    assert mapped["month"]["input_tokens"] == 2_000_500
    assert Decimal(mapped["month"]["cost"]) == Decimal(7) + Decimal("0.000375")


def test_a_model_can_be_mapped_to_the_type_of_its_work(farthing: Command, usage: Path) -> None:
    told = farthing("audit", str(usage), "--map", "gpt-4o=structured", "--json").json
    assert told["mix_source"] == "the exports"
    assert told["mixes"]["balanced"] == {"structured": 1.0}
    assert told["recommended"] == "premium"


@pytest.mark.parametrize(
    ("mapped", "words"),
    [
        ("gpt-4o", "is no NAME=VALUE"),
        ("gpt-5o=coding", "did you mean 'gpt-4o'"),
        ("gpt-4o=codng", "did you mean 'coding'"),
        ("gpt-4o=nobody/nothing", "neither a model with a price nor a task type"),
    ],
)
def test_a_map_that_maps_nothing_is_refused(farthing: Command, usage: Path, mapped: str, words: str) -> None:
    said = farthing("audit", str(usage), "--map", mapped)
    assert said.code == 2
    assert words in said.err


def test_one_profile_can_be_asked_about(farthing: Command, usage: Path, tmp_path: Path) -> None:
    told = farthing("audit", str(usage), "--profile", "premium", "--json").json
    assert [one["profile"] for one in told["profiles"]] == ["premium"]
    assert told["recommended"] == "premium"
    assert "you asked about it" in told["reasons"][0]
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"extends": "balanced", "name": "own", "budget": {"monthlyLimit": 1}}))
    assert farthing("audit", str(usage), "-p", str(own), "--json").json["profiles"][0]["monthly_limit"] == "1"
    assert farthing("audit", str(usage), "--profile", "premum").code == 2


def test_rows_without_a_day_are_a_month_unless_it_is_said_otherwise(farthing: Command, usage: Path) -> None:
    usage.write_text("model,input_tokens,output_tokens\ngpt-4o,1000000,0\n")
    assumed = farthing("audit", str(usage), "--json").json
    stated = farthing("audit", str(usage), "--days", "15", "--json").json
    assert [told["month"]["input_tokens"] for told in (assumed, stated)] == [1_000_000, 2_000_000]
    assert any("no row has a day" in caution for caution in assumed["cautions"])
    assert not any("no row has a day" in caution for caution in stated["cautions"])


def test_the_format_can_be_named(farthing: Command, usage: Path) -> None:
    assert farthing("audit", str(usage), "--format", "plain", "--json").json["files"][0]["formats"] == [
        "plain"
    ]
    said = farthing("audit", str(usage), "--format", "litellm")
    assert said.code == 1
    assert "none of its columns is what an export of litellm has" in said.err
    assert farthing("audit", str(usage), "--format", "excel").code == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [("--mix", "codng=1"), ("--baseline", "claude-9"), ("--prices", "never"), ("--days", "0")],
)
def test_options_that_mean_nothing_are_refused(
    farthing: Command, usage: Path, option: str, value: str
) -> None:
    said = farthing("audit", str(usage), option, value)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_ten_bad_rows_are_shown_and_all_are_in_json(farthing: Command, usage: Path) -> None:
    usage.write_text(TABLE + "2026-09-03,gpt-4o,x,1\n" * 25)
    said = farthing("audit", str(usage))
    assert said.out.count(f"{usage}:") == 11  # ten rows and the line of the file
    assert "and 15 more" in said.out
    assert len(farthing("audit", str(usage), "--json").json["bad_rows"]) == 25


def test_nothing_usable_is_an_error(farthing: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for path in (empty, tmp_path / "none.csv"):
        said = farthing("audit", str(path))
        assert (said.code, said.out) == (1, "")
        assert "no row of the exports could be used" in said.err
    assert not kept_path({"XDG_STATE_HOME": str(tmp_path)}).exists()


def test_what_a_file_says_cannot_move_the_cursor(farthing: Command, usage: Path) -> None:
    usage.write_text(TABLE + "2026-09-02,\x1b[31mred,5,5\n2026-09-02,gpt-4o,\x1b[2J,5\n")
    said = farthing("audit", str(usage))
    assert said.code == 0
    assert "\x1b" not in said.out


def test_an_audit_that_cannot_be_remembered_is_an_audit(
    farthing: Command, usage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    said = farthing("audit", str(usage))
    assert said.code == 0
    assert "not kept for farthing migrate" in said.err
    assert "kept for" not in said.out
