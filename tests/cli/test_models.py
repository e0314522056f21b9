"""The models commands: lists and comparisons, a refresh that is kept with its date, a check that tells."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess


def test_a_list_is_filtered_and_sorted(farthing: Command) -> None:
    told = farthing("models", "list", "--type", "coding", "--tools", "--by", "score", "--json").json
    scores = [model["quality_by_type"]["coding"] for model in told["models"]]
    assert scores == sorted(scores, reverse=True)
    assert all(model["native_tools"] for model in told["models"])
    everything = farthing("models", "list", "--all", "--max-price", "0.5", "--json").json["models"]
    assert len(everything) > 5
    for model in everything:
        price = 5 * Decimal(model["prompt_per_million"]) + Decimal(model["completion_per_million"])
        assert price <= Decimal("0.5")


def test_one_model_has_its_prices_of_every_book(farthing: Command) -> None:
    told = farthing("models", "show", "llama-3.3-70b", "--json").json
    assert told["prices"]["2025-10-07/tutorial"] == "$0.100 in, $0.400 out"
    assert "balanced (primary)" in told["profiles"]
    assert "native" in farthing("models", "show", "llama-3.3-70b").out


def test_models_stand_side_by_side(farthing: Command) -> None:
    said = farthing("models", "compare", "deepseek-v3.2", "qwen3-235b")
    assert said.code == 0
    for words in ("deepseek/deepseek-v3.2", "qwen/qwen3-235b-a22b-2507", "163,840", "score, coding"):
        assert words in said.out


def test_an_unknown_model_is_told_with_its_nearest(farthing: Command) -> None:
    said = farthing("models", "show", "lama-3.3-70b")
    assert said.code == 2
    assert "llama-3.3-70b" in said.err


def test_a_check_tells_what_to_use_instead_and_fails_where_a_model_is_gone(farthing: Command) -> None:
    said = farthing("models", "check", "--profile", "balanced", "--json")
    assert said.code == 0
    slots = {one["slot"]: one for one in said.json["slots"]}
    assert slots["primary"]["instead"] == "qwen/qwen3-235b-a22b-2507"
    assert Decimal(slots["primary"]["monthly_change"]) < 0
    gone = farthing("models", "check", "--profile", "budget")
    assert gone.code == 1
    assert "stands in" in gone.out
    assert farthing("models", "check", "--profile", "balanced-2026").code == 0


def test_a_configuration_file_is_checked(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "models": {"primary": "no/such-model"}}))
    said = farthing("models", "check", "--config", str(path))
    assert said.code == 1
    assert "unknown" in said.out


def test_a_refresh_is_kept_with_its_date_and_never_overwritten(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatorProcess(book="tutorial") as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        tried = farthing("models", "refresh", "--dry-run")
        assert "Nothing was kept" in tried.out
        told = farthing("models", "refresh", "--json").json
        kept = Path(told["kept"])
        text = kept.read_text()
        kinds = {(change["kind"], change["model"]) for change in told["changes"]}
        assert ("cheaper", "qwen/qwen-2.5-coder-32b-instruct") in kinds  # it serves the tutorial's prices
        again = farthing("models", "refresh", "--json").json
        assert (again["changes"], again["kept"]) == ([], None)
    assert kept.is_relative_to(os.environ["XDG_STATE_HOME"])
    assert kept.read_text() == text
    listed = farthing("models", "list", "--json").json
    assert listed["price_book"] == f"{kept.name[:10]}/openrouter"
    prices = {model["id"]: model["prompt_per_million"] for model in listed["models"]}
    assert Decimal(prices["qwen/qwen-2.5-coder-32b-instruct"]) == Decimal("0.23")
    assert "openrouter" in farthing("models", "show", "qwen-2.5-coder").out


def test_a_refresh_that_fails_keeps_nothing(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9/api/v1")
    said = farthing("models", "refresh")
    assert said.code == 1
    assert "could not be fetched" in said.err


def test_a_kept_book_that_is_broken_is_named(farthing: Command) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "farthing" / "books"
    folder.mkdir(parents=True)
    (folder / "2099-01-01-openrouter.json").write_text("{}")
    said = farthing("models", "list")
    assert said.code == 2
    assert "2099-01-01-openrouter.json" in said.err
