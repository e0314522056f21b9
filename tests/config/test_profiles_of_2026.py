"""The profiles of 2026: today's open models, cheaper than today's price of the tutorial's, and no weaker."""

import pytest

from farthing import CostCalculator
from farthing.catalog.successors import Present, standing
from farthing.config.load import load_config
from farthing.config.packaged import load_catalog
from farthing.spend.workload import typical

NAMES = ["budget", "balanced", "premium"]
TODAY = load_catalog()


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_listed_priced_and_takes_tools(name: str) -> None:
    for entry in load_config(f"{name}-2026", environ={}).models.by_slot().values():
        found = standing(TODAY, entry.model, TODAY.prices.day)
        assert isinstance(found, Present), entry.model
        assert TODAY.price(entry.model) is not None
        assert found.model.native_tools


@pytest.mark.parametrize("name", NAMES)
def test_it_costs_less_today_than_the_profile_it_is_named_after(name: str) -> None:
    calculator, usage = CostCalculator("current"), typical(name).usage()
    old, new = (calculator.calculate_cost(usage, profile=one) for one in (name, f"{name}-2026"))
    assert new.total < old.total
    assert new.savings_percent is not None
    assert new.savings_percent > 85


@pytest.mark.parametrize("name", NAMES)
def test_no_type_goes_to_a_weaker_model(name: str) -> None:
    """By the catalogue's scores, which start with those of the model whose place is taken."""
    old, new = (load_config(one, environ={}) for one in (name, f"{name}-2026"))
    for kind, slot in old.routing.task_type_mapping.items():
        before = TODAY.find(old.models.by_slot()[slot].model)
        after = TODAY.find(new.models.by_slot()[new.routing.task_type_mapping[kind]].model)
        assert before is not None
        assert after is not None
        assert (after.score(kind) or 0) >= (before.score(kind) or 0) - 0.02, kind


@pytest.mark.parametrize("name", NAMES)
def test_limits_and_targets_are_those_of_its_namesake(name: str) -> None:
    old, new = (load_config(one, environ={}) for one in (name, f"{name}-2026"))
    assert (new.budget, new.scaling, new.alerts, new.fallback_rules) == (
        old.budget,
        old.scaling,
        old.alerts,
        old.fallback_rules,
    )
