"""The page on models names what the profiles name."""

import re

import pytest
from tests.docs.blocks import ROOT

from farthing import CostCalculator
from farthing.config.load import load_config
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
