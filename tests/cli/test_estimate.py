"""The estimate on the command line: tables, JSON, plots, and clear words for bad input."""

import sys
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
        "Together $1.17 to $1.68, 54 to 77 % of the month",
        "$2.76 on qwen-2.5-coder-32b-instruct: routing saves 20.9 %",
        "$1.80 on llama-3.3-70b-instruct: routing costs 21.3 % more",
        "5.5 % of credits bought by card, $0.80 a purchase at least",
        "Free models answer at most",
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


def test_what_routing_and_levers_do_is_in_the_json(farthing: Command) -> None:
    told = farthing(*TUTORIAL, "--prices", "tutorial", "--json").json
    assert [(one["model"].split("/")[0], Decimal(one["total"])) for one in told["routing"]] == [
        ("qwen", Decimal("2.76")),
        ("meta-llama", Decimal("1.8")),
    ]
    assert Decimal(told["levers"][0]["least"]) == Decimal("2.184") * Decimal("0.3")


def test_a_file_is_among_the_rivals_by_its_name_and_with_its_profiles_month(
    farthing: Command, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(
        '{"extends": "premium", "models": {"primary": "deepseek/deepseek-chat"},'
        ' "baseline": {"model": "qwen/qwen-2.5-coder-32b-instruct"}}',
        encoding="utf-8",
    )
    told = farthing("estimate", str(path), "--prices", "tutorial", "--compare", "--json").json
    assert (told["profile"], told["usage"]["input_tokens_per_month"]) == (str(path), 104_166_667)
    assert told["baseline_model"] == "qwen/qwen-2.5-coder-32b-instruct"
    names = [one["profile"] for one in told["compared"]]
    assert {str(path), "premium"} <= set(names)
    assert len(names) == len(set(names))
    totals = [Decimal(one["total"]) for one in told["compared"]]
    assert totals == sorted(totals)


def test_without_a_profile_it_is_the_deployments(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert farthing("estimate", "--json").json["profile"] == "balanced"
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "premium")
    assert farthing("estimate", "--json").json["profile"] == "premium"


def test_a_model_that_nobody_scored_is_compared_too(farthing: Command) -> None:
    told = farthing("estimate", "--model", "openai/gpt-5.1", "--volume", "1M", "--compare", "--json").json
    assert "openai/gpt-5.1" in [one["profile"] for one in told["compared"]]


def test_a_baselines_price_of_another_book_is_said(farthing: Command) -> None:
    said = farthing("estimate", "--volume", "1M", "--prices", "current").out
    assert "on anthropic/claude-3.5-sonnet, by 2025-10-07/tutorial" in said
    assert "claude-3.5-sonnet, by" not in farthing("estimate", "--volume", "1M", "--prices", "tutorial").out


def test_a_month_over_the_limit_says_so(farthing: Command) -> None:
    assert "does not fit" in farthing("estimate", "budget", "--volume", "1B", "--prices", "tutorial").out


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_plot_is_drawn(farthing: Command, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"costs.{kind}"
    assert farthing(*TUTORIAL, "--plot", str(path)).code == 0
    start = path.read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in start


def test_a_baseline_that_is_also_a_rival_is_drawn_twice(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "costs.png"
    said = farthing("estimate", "--baseline", "deepseek-v3", "--model", "deepseek-v3", "--plot", str(path))
    assert (said.code, path.read_bytes()[:4]) == (0, b"\x89PNG")


def test_without_matplotlib_it_says_what_to_install(
    farthing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "costs.png"
    said = farthing("estimate", "--plot", str(path))
    assert said.code == 1
    assert "pip install '.[plot]'" in said.err
    assert not path.exists()


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
        (("--model", "no/such-model"), "no price for 'no/such-model'"),
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
