"""The models commands: lists and comparisons, a refresh that is kept with its date, a check that tells."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.cli.listing import listing

from farthing.config.load import book_rows
from farthing.simulator.process import SimulatorProcess

SNAPSHOT: list[dict[str, Any]] = book_rows()["data"]  # pyright: ignore[reportAssignmentType] - raw rows
CODER = "qwen/qwen-2.5-coder-32b-instruct"


def models(farthing: Command, *arguments: str) -> list[dict[str, Any]]:
    return farthing("models", "list", "--json", *arguments).json["models"]


def test_a_list_is_filtered_and_sorted(farthing: Command) -> None:
    told = models(farthing, "--type", "coding", "--needs", "tools", "--needs", "schema", "--by", "score")
    scores = [model["quality_by_type"]["coding"] for model in told]
    assert scores == sorted(scores, reverse=True)
    assert all(model["native_tools"] and model["native_schema"] for model in told)
    assert 0 < len(told) < len(models(farthing))
    everything = models(farthing, "--all", "--max-price", "0.5")
    assert len(everything) > 5
    for model in everything:
        price = 5 * Decimal(model["prompt_per_million"]) + Decimal(model["completion_per_million"])
        assert price <= Decimal("0.5")
    large = models(farthing, "--context", "200k", "--by", "context")
    sizes = [model["context_tokens"] for model in large]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= 200_000
    free = models(farthing, "--free")
    assert {model["prompt_per_million"] for model in free} == {"0"}
    assert {model["id"] for model in free} < {model["id"] for model in models(farthing)}


@pytest.mark.parametrize(
    "wrong", [("--context", "12z"), ("--max-price", "-1"), ("--needs", "wings"), ("--by", "colour")]
)
def test_a_wrong_filter_is_told(farthing: Command, wrong: tuple[str, str]) -> None:
    said = farthing("models", "list", *wrong)
    assert said.code == 2
    assert wrong[1] in said.err


def test_a_wide_list_says_what_models_are_best_for(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "json_mode" in farthing("models", "list").out
    monkeypatch.setenv("COLUMNS", "100")
    narrow = farthing("models", "list").out
    assert "json_mode" not in narrow
    for model in models(farthing):
        assert model["id"] in narrow  # whole, on one line


def test_one_model_has_its_prices_of_every_book(farthing: Command) -> None:
    told = farthing("models", "show", "llama-3.3-70b", "--json").json
    assert told["prices"]["2025-10-07/tutorial"] == "$0.100 in, $0.400 out"
    assert "balanced (primary)" in told["profiles"]
    said = farthing("models", "show", "llama-3.3-70b").out
    assert "native" in said
    assert "overall: the tutorial of 2025-10-07; by type: our judgement" in said
    assert "MMLU-Pro 68.9 by Meta (model card, 2024-12" in said


def test_a_models_tiers_and_its_reasoning_are_told(farthing: Command) -> None:
    said = farthing("models", "show", "qwen/qwen3-coder-flash").out
    assert "above 128,000 tokens in: $0.520 in, $2.60 out" in said
    assert "unless told otherwise" in farthing("models", "show", "deepseek-v3.2").out
    assert "unless told otherwise" not in farthing("models", "show", "qwen3-235b").out


def test_models_stand_side_by_side_with_the_cost_of_a_volume(farthing: Command) -> None:
    said = farthing("models", "compare", "deepseek-v3.2", "qwen3-235b")
    assert said.code == 0
    for words in ("deepseek/deepseek-v3.2", "qwen/qwen3-235b-a22b-2507", "163,840", "score, coding", "5M in"):
        assert words in said.out
    told = farthing("models", "compare", "deepseek-v3.2", "--volume", "50M/10M", "--json").json
    assert Decimal(told["models"][0]["cost"]) == 50 * Decimal("0.26") + 10 * Decimal("0.38")
    wrong = farthing("models", "compare", "deepseek-v3.2", "--volume", "many")
    assert wrong.code == 2
    assert "10M" in wrong.err


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
    fine = farthing("models", "check", "--profile", "balanced-2026")
    assert fine.code == 0
    assert "as able as before" in fine.out


def test_a_configuration_file_is_checked(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "models": {"primary": "no/such-model"}}))
    said = farthing("models", "check", "--config", str(path))
    assert said.code == 1
    assert "unknown" in said.out


def test_a_refresh_tells_what_changed_and_is_read_by_what_comes_later(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New, gone, dearer, cheaper, another capability; three pages; with a key that is in no output."""
    rows = [dict(row) for row in SNAPSHOT if row["id"] != "deepseek/deepseek-chat"]
    coder = next(row for row in rows if row["id"] == CODER)
    coder["pricing"] = {"prompt": "0.00000023", "completion": "0.00000023"}
    llama = next(row for row in rows if row["id"] == "meta-llama/llama-3.3-70b-instruct")
    llama["pricing"] = {"prompt": "0.000002", "completion": "0.000002"}
    llama["supported_parameters"] = ["max_tokens"]
    rows.append({"id": "a/newcomer", "pricing": {"prompt": "0", "completion": "0"}})
    with listing(*rows, page=90) as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-very-secret")
        tried = farthing("models", "refresh", "--dry-run")
        assert "Nothing was kept" in tried.out
        said = farthing("models", "refresh", "--json")
        assert len(upstream.keys) == 2 * -(-len(rows) // 90)
    told = said.json
    assert {(change["kind"], change["model"]) for change in told["changes"]} == {
        ("gone", "deepseek/deepseek-chat"),
        ("cheaper", CODER),
        ("dearer", "meta-llama/llama-3.3-70b-instruct"),
        ("capability", "meta-llama/llama-3.3-70b-instruct"),
        ("new", "a/newcomer"),
    }
    assert told["simulated"] is False
    kept = Path(told["kept"])
    assert kept.is_relative_to(os.environ["XDG_STATE_HOME"])
    assert "very-secret" not in kept.read_text() + said.out + said.err + tried.out
    book = f"{kept.name[:10]}/openrouter"
    assert farthing("models", "list", "--json").json["price_book"] == book
    assert book in farthing("models", "show", "qwen-2.5-coder").out
    assert farthing("estimate", "balanced", "--json").json["price_book"] == book
    check = farthing("models", "check", "--profile", "balanced", "--json")
    assert check.code == 1
    slots = {one["slot"]: one for one in check.json["slots"]}
    assert slots["fallback"]["level"] == "act"
    assert any("native tool calling any more" in text for text in slots["primary"]["texts"])


def test_a_second_refresh_of_a_day_is_kept_beside_the_first(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    row = {"id": "a/model", "pricing": {"prompt": "0.000001", "completion": "0.000001"}}
    with listing(row) as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        first = Path(farthing("models", "refresh", "--json").json["kept"])
        text = first.read_text()
        same = farthing("models", "refresh", "--json").json
        assert (same["changes"], same["kept"]) == ([], None)
        upstream.rows = [{**row, "pricing": {"prompt": "0.000002", "completion": "0.000001"}}]
        second = farthing("models", "refresh", "--json").json
    assert [change["kind"] for change in second["changes"]] == ["dearer"]
    assert Path(second["kept"]) != first
    assert first.read_text() == text
    prices = farthing("models", "show", "a/model", "--json").json["prices"]
    assert list(prices.values()) == ["$1.00 in, $1.00 out", "$2.00 in, $1.00 out"]
    assert farthing("models", "show", "a/model", "--json").json["prompt_per_million"] == "2.000000"


def test_broken_rows_are_left_out_and_prevent_nothing(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"id": "a/model", "pricing": {"prompt": "0.000001", "completion": "0.000001"}}
    rows: list[object] = [
        None,
        "text",
        {},
        {"id": 7, "pricing": {}},
        {"id": "a/dash", "pricing": {"prompt": "-1", "completion": "0"}},
        {"id": "a/nan", "pricing": {"prompt": "NaN", "completion": "0"}},
        {"id": "a/none", "pricing": None, "context_length": "many", "supported_parameters": "tools"},
        good,
    ]
    with listing(*rows, page=3) as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        told = farthing("models", "refresh", "--json").json
    found = {change["model"]: change["text"] for change in told["changes"] if change["kind"] == "new"}
    assert found == {
        "a/model": "$1.00 in, $1.00 out",
        "a/dash": "unpriced",
        "a/nan": "unpriced",
        "a/none": "unpriced",
    }
    assert [model["id"] for model in models(farthing, "--all", "--max-price", "100")] == ["a/model"]


def test_a_list_without_an_end_or_without_a_price_is_refused(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listing({"id": "a/model"}) as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        priceless = farthing("models", "refresh")
        upstream.endless = True
        endless = farthing("models", "refresh")
    assert priceless.code == endless.code == 1
    assert "none of 1 rows has a readable price" in priceless.err
    assert "more than 100 pages" in endless.err
    assert not (Path(os.environ["XDG_STATE_HOME"]) / "farthing" / "books").exists()


def test_a_simulators_book_is_said_to_be_and_kept_apart(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatorProcess(book="tutorial") as upstream:
        monkeypatch.setenv("OPENROUTER_BASE_URL", upstream.base_url)
        told = farthing("models", "refresh", "--json").json
        kinds = {(change["kind"], change["model"]) for change in told["changes"]}
        assert ("cheaper", CODER) in kinds  # it serves the tutorial's prices
        assert told["simulated"] is True
        again = farthing("models", "refresh")
        assert "0 changes" in again.out
        assert "Simulated" in again.out
    assert farthing("models", "list", "--json").json["price_book"] == "2026-11-09/snapshot"
    name = Path(told["kept"]).stem
    listed = farthing("models", "list", "--prices", name, "--json").json
    assert listed["price_book"] == f"{name[:10]}/simulated"
    prices = {model["id"]: model["prompt_per_million"] for model in listed["models"]}
    assert Decimal(prices[CODER]) == Decimal("0.23")


def test_a_refresh_that_fails_keeps_nothing(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9/api/v1")
    said = farthing("models", "refresh")
    assert said.code == 1
    assert "could not be fetched" in said.err
    assert not (Path(os.environ["XDG_STATE_HOME"]) / "farthing").exists()


def test_a_kept_book_that_is_broken_is_named(farthing: Command) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "farthing" / "books"
    folder.mkdir(parents=True)
    (folder / "2099-01-01-openrouter.json").write_text("{}")
    said = farthing("models", "list")
    assert said.code == 2
    assert "2099-01-01-openrouter.json" in said.err
