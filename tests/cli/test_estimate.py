"""The estimate on the command line: tables, JSON, plots, and clear words for bad input."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.conftest import Command

TUTORIAL = ("estimate", "balanced", "--volume", "10M/2M", "--mix", "coding=.4,general=.4,analysis=.2")


def test_the_tutorials_example(farthing: Command) -> None:
    told = farthing(*TUTORIAL, "--prices", "tutorial", "--agents", "20", "--json").json
    assert Decimal(told["total"]) == Decimal("2.184")
    assert Decimal(told["baseline"]) == 60
    assert Decimal(told["savings_percent"]) == Decimal("96.36")
    assert Decimal(told["per_agent"]) == Decimal("0.1092")
    assert (told["target_agents"], told["carries_agents"], told["within_limit"]) == (20, True, True)
    assert sum(Decimal(part["cost"]) for part in told["breakdown"]) == Decimal(told["total"])
    assert Decimal(told["credit_fee"]) == Decimal("0.12012")


def test_for_people_it_shows_the_month_its_parts_and_what_pays(farthing: Command) -> None:
    said = farthing(*TUTORIAL, "--prices", "tutorial", "--agents", "30", "--investment", "500", "--compare")
    assert said.code == 0
    for words in (
        "$2.18, $26.21 a year",
        "96.4 %",
        "qwen/qwen-2.5-coder-32b-instruct",
        "is made for fewer: 20",
        "Paid back: 9 months",
        "not measured here",
        "mistralai/mistral-small-3.1-24b-instruct",
    ):
        assert words in said.out


def test_without_options_it_is_the_typical_month_with_its_sample(farthing: Command) -> None:
    told = farthing("estimate", "premium", "--prices", "tutorial", "--json").json
    sample = [part for part in told["breakdown"] if part["kind"] == "baseline_sample"]
    assert [part["share"] for part in sample] == ["0.075"]
    told = farthing("estimate", "premium", "--volume", "10M", "--json").json
    assert [part["kind"] for part in told["breakdown"] if part["kind"] != "model"] == []
    told = farthing("estimate", "premium", "--volume", "10M", "--sample", "10%", "--json").json
    assert [part["share"] for part in told["breakdown"] if part["kind"] != "model"] == ["0.1"]


def test_one_model_for_everything(farthing: Command) -> None:
    told = farthing(
        "estimate", "--model", "deepseek-v3", "--volume", "10M", "--prices", "tutorial", "--json"
    ).json
    assert (told["profile"], Decimal(told["total"])) == ("deepseek/deepseek-chat", Decimal("1.8"))


def test_a_month_over_the_limit_says_so(farthing: Command) -> None:
    assert "does not fit" in farthing("estimate", "budget", "--volume", "1B", "--prices", "tutorial").out


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_plot_is_drawn(farthing: Command, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"costs.{kind}"
    assert farthing(*TUTORIAL, "--plot", str(path)).code == 0
    start = path.read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in start


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--volume", "ten"), "10M"),
        (("--mix", "codign=1"), "coding"),
        (("--mix", "coding=.5"), "add up"),
        (("--sample", "200%"), "0 to 1"),
        (("--sample", "some"), "10%"),
        (("--prices", "yesterday"), "price book"),
        (("--baseline", "anthropic/claude-3.5-sonet"), "anthropic/claude"),
        (("--plot", "costs.jpg"), ".svg"),
        (("--plot", "/no/such/folder/costs.png"), "cannot be written"),
        (("no-such-profile",), "balanced"),
    ],
)
def test_what_cannot_be_reckoned_is_said_and_no_traceback(
    farthing: Command, arguments: tuple[str, ...], words: str
) -> None:
    said = farthing("estimate", *arguments)
    assert said.code != 0
    assert words in said.err
    assert said.out == ""
