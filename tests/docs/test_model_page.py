"""The page on models names what the profiles name."""

import re

import pytest
from tests.docs.blocks import ROOT

from farthing import CostCalculator
from farthing.catalog.changes import at_five_to_one
from farthing.config.load import load_catalog, load_config
from farthing.spend.workload import typical

PAGE = (ROOT / "docs" / "01-model-selection.md").read_text(encoding="utf-8")
NAMES = ["budget-2026", "balanced-2026", "premium-2026"]


@pytest.mark.parametrize("name", NAMES)
def test_each_slot_is_justified_with_its_task_types(name: str) -> None:
    config = load_config(name, environ={})
    table = PAGE.partition(f"| `{name}` |")[2]
    rows = [line for line in f"| `{name}` |{table}".splitlines() if line.startswith("|")]
    count = len(config.models.by_slot())
    found = {re.split(r"[:|]", row)[2].strip(): row for row in rows[:count]}
    assert set(found) == set(config.models.by_slot())
    for slot, entry in config.models.by_slot().items():
        assert f"`{entry.model}`" in found[slot]
        kinds = [kind for kind, where in config.routing.task_type_mapping.items() if where == slot]
        if len(config.models.by_slot()) > 2:
            assert all(kind in found[slot].split("|")[2] for kind in kinds), slot


@pytest.mark.parametrize("name", NAMES)
def test_they_cost_a_fifth_to_two_fifths_of_the_others(name: str) -> None:
    calculator, usage = CostCalculator(), typical(name).usage()
    work = [
        sum(
            part.cost
            for part in calculator.calculate_cost(usage, profile=one).breakdown
            if part.kind == "model"
        )
        for one in (name, name.removesuffix("-2026"))
    ]
    assert 0.2 < work[0] / work[1] < 0.43


@pytest.mark.parametrize("name", NAMES)
def test_each_choice_cites_a_figure_that_the_catalogue_has(name: str) -> None:
    catalog = load_catalog()
    for entry in load_config(name, environ={}).models.by_slot().values():
        model = catalog.find(entry.model)
        assert model is not None
        assert model.public_scores, entry.model
        rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{entry.model}`" in line]
        for score in model.public_scores:
            assert any(score.benchmark in row and score.value in row for row in rows), score


def test_no_figure_is_cited_that_the_catalogue_does_not_have() -> None:
    """Every number with a decimal in the table of choices and below it is some model's published score."""
    known = {score.value for model in load_catalog().models.values() for score in model.public_scores}
    part = PAGE.partition("| profile | slot |")[2].partition("## The catalogue")[0]
    cited = set(re.findall(r"(?<![\w.])\d\d\.\d(?![\w.])", part))
    assert cited
    assert cited <= known


def test_scores_that_are_said_to_be_anothers_are() -> None:
    models = load_catalog().models.values()
    by_name = {model.name: model for model in models}
    taken = [model for model in models if model.scores_from.startswith("those of ")]
    assert len(taken) > 5
    for model in taken:
        other = by_name[model.scores_from.removeprefix("those of ").partition(",")[0]]
        assert (model.quality, model.quality_by_type) == (other.quality, other.quality_by_type)


def test_every_score_says_where_it_comes_from_and_every_citation_is_whole() -> None:
    for model in load_catalog().models.values():
        assert (model.quality is None) == (model.scores_from == ""), model.id
        for score in model.public_scores:
            assert all((score.benchmark, score.by, score.source)), model.id
            assert re.fullmatch(r"20\d\d(-\d\d)?", score.day)
            assert 0 < float(score.value) < 100


def test_the_tutorials_models_are_dearer_by_what_the_page_says() -> None:
    then, now = load_catalog("tutorial"), load_catalog()
    factors = [
        at_five_to_one(after) / at_five_to_one(before)
        for name, before in then.prices.prices.items()
        if (after := now.price(name)) is not None and not before.is_free
    ]
    assert f"{min(factors):.1f} to {max(factors):.1f} times the tutorial's prices" in " ".join(PAGE.split())
