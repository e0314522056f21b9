"""The packaged data says what the tutorial says, to the cent, and names its source and day."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from farthing.catalog.pricing import computed_cost
from farthing.config.packaged import book_ids, book_rows, load_catalog, profile_names
from farthing.errors import ConfigError
from farthing.task import TASK_TYPES, TaskType, Usage

MILLION = Decimal(1_000_000)
TUTORIAL = load_catalog("tutorial")
SNAPSHOT = load_catalog()

# name in the tutorial, dollars per million input and output, score of 100, context window in tokens
TABLE = [
    ("deepseek-v3", "deepseek/deepseek-chat", "0.15", "0.15", 88, 163_840),
    ("llama-3.3-70b", "meta-llama/llama-3.3-70b-instruct", "0.10", "0.40", 90, 131_072),
    ("qwen-2.5-coder-32b", "qwen/qwen-2.5-coder-32b-instruct", "0.23", "0.23", 92, 32_768),
    ("mistral-small-3.1", "mistralai/mistral-small-3.1-24b-instruct", "0.30", "0.30", 93, 128_000),
    ("glm-4-9b", "thudm/glm-4-9b:free", "0", "0", 75, 32_000),
]


@pytest.mark.parametrize(("alias", "model_id", "prompt", "completion", "score", "context"), TABLE)
def test_the_tutorial_book_has_the_tutorials_models(
    alias: str, model_id: str, prompt: str, completion: str, score: int, context: int
) -> None:
    model, price = TUTORIAL.find(alias), TUTORIAL.price(alias)
    assert model is not None
    assert price is not None
    assert model.id == model_id
    assert (price.rates.prompt * MILLION, price.rates.completion * MILLION) == (
        Decimal(prompt),
        Decimal(completion),
    )
    assert model.quality == pytest.approx(score / 100)
    assert model.context_tokens == context
    assert set(model.quality_by_type) == set(TASK_TYPES)


def test_the_baseline_costs_3_and_15_dollars_a_million() -> None:
    price = TUTORIAL.price("claude-3.5-sonnet")
    assert price is not None
    usage = Usage(input_tokens=10_000_000, output_tokens=2_000_000)
    assert (
        computed_cost(price, usage, at=datetime(2025, 10, 7, tzinfo=UTC)) == 60
    )  # the tutorial's calculator


def test_the_free_models_of_the_tutorial_are_free() -> None:
    for name in ("glm-4-9b:free", "meta-llama/llama-3.3-70b-instruct:free", "llama-3.3-70b:free"):
        price = TUTORIAL.price(name)
        assert price is not None
        assert price.is_free
    llama = TUTORIAL.find("llama-3.3-70b")
    assert llama is not None
    assert llama.free_variant == "meta-llama/llama-3.3-70b-instruct:free"


def test_glm_has_no_native_tools_and_the_others_have() -> None:
    able = {row[0]: model.native_tools for row in TABLE if (model := TUTORIAL.find(row[0])) is not None}
    assert able == {row[0]: row[0] != "glm-4-9b" for row in TABLE}


def test_the_scores_by_type_make_the_tutorials_mapping_the_sensible_one() -> None:
    def best(task_type: TaskType, *names: str) -> str:
        found = {name: model for name in names if (model := TUTORIAL.find(name)) is not None}
        return max(found, key=lambda name: found[name].score(task_type) or 0)

    paid = [row[0] for row in TABLE if row[0] != "glm-4-9b"]
    assert best("coding", *paid) == "qwen-2.5-coder-32b"
    assert best("general", *paid) == "llama-3.3-70b"
    assert best("analysis", *paid) == "llama-3.3-70b"
    assert best("structured", *paid) == "mistral-small-3.1"
    assert best("simple", "deepseek-v3", "glm-4-9b") == "deepseek-v3"


def test_best_for_tags_are_the_tutorials() -> None:
    deepseek, glm = TUTORIAL.find("deepseek-v3"), TUTORIAL.find("glm-4-9b")
    assert deepseek is not None
    assert glm is not None
    assert deepseek.best_for == ("general", "coding", "cost-optimization")
    assert glm.best_for == ("testing", "development", "simple_tasks")


def test_the_snapshot_names_its_source_and_day() -> None:
    raw = book_rows("snapshot")
    assert SNAPSHOT.prices.id == raw["id"] == f"{raw['day']}/snapshot"
    assert SNAPSHOT.prices.day > date(2026, 1, 1)
    assert "genai-prices" in SNAPSHOT.prices.source
    assert not SNAPSHOT.live
    assert len(json.dumps(raw, default=str)) < 400_000


def test_the_snapshot_prices_every_listed_model_and_only_free_ids_are_free() -> None:
    for model in SNAPSHOT.models.values():
        price = SNAPSHOT.price(model.id)
        assert (price is not None) is model.listed, model.id
        if price is not None:
            assert price.is_free is model.id.endswith(":free"), model.id
            assert price.rates.prompt < Decimal("0.001"), model.id  # per token, not per million


def test_models_that_are_gone_are_known_but_not_listed() -> None:
    for name in ("claude-3.5-sonnet", "glm-4-9b"):
        model = SNAPSHOT.find(name)
        assert model is not None
        assert not model.listed
        assert model.successor is not None


@pytest.mark.parametrize("name", ["tutorial", "2025-10-07", "2025-10-07/tutorial"])
def test_a_book_is_found_by_name_day_or_id(name: str) -> None:
    assert load_catalog(name).prices.id == "2025-10-07/tutorial"


def test_an_unknown_book_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="tutorial") as caught:
        load_catalog("tutorail")
    assert caught.value.faults[0].nearest == "tutorial"


def test_the_names_of_profiles_and_books_are_told() -> None:
    dated = ("balanced-2026", "budget-2026", "premium-2026")
    assert profile_names() == tuple(sorted(("balanced", "budget", "premium", "production", *dated)))
    assert "2025-10-07/tutorial" in book_ids()
