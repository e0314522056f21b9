"""What the preflight says of models, prices, key and budget."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from farthing.cli.work.preflight import budget_check, key_check, model_checks, price_check
from farthing.config.load import load_catalog, load_config
from farthing.spend.budget import Balance
from farthing.spend.report import cost_report

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_every_slot_is_looked_up_with_its_rates() -> None:
    config = load_config("budget", environ={})
    found = {
        check.name: (check.ok, check.text) for check in model_checks(config, load_catalog("tutorial"), NOW)
    }
    assert found["model, primary"] == (
        True,
        "deepseek/deepseek-chat: $0.150 in, $0.150 out per million tokens",
    )
    assert found["model, fallback"] == (True, "thudm/glm-4-9b:free: free")


def test_a_model_that_nobody_knows_is_a_warning() -> None:
    config = load_config({"models": {"primary": "nobody/knows"}}, environ={})
    (check,) = model_checks(config, load_catalog(), NOW)
    assert (check.ok, "not in the catalogue" in check.text) == (None, True)


def test_a_gone_model_is_told_with_its_stand_in_or_fails() -> None:
    catalog = load_catalog()
    gone = next(model for model in catalog.models.values() if not model.listed and model.successor)
    config = load_config({"models": {"primary": gone.id}}, environ={})
    (check,) = model_checks(config, catalog, NOW)
    assert check.ok is not True
    assert "gone" in check.text


def test_packaged_prices_are_told_with_their_day() -> None:
    catalog = load_catalog("tutorial")
    assert (price_check(catalog).ok, "2025-10-07" in price_check(catalog).text) == (None, True)


@pytest.mark.parametrize(
    ("given", "needed", "ok"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_the_key_is_told_as_set_or_not(given: bool, needed: bool, ok: bool) -> None:
    assert key_check(given=given, needed=needed).ok is ok


@pytest.mark.parametrize(
    ("limit", "settled", "ok"), [(None, 0, None), ("1", 0, True), ("1", 1_000_000_000, False), ("0", 0, True)]
)
def test_a_spent_budget_fails(limit: str | None, settled: int, ok: bool | None) -> None:
    costs = cost_report(
        [],
        Balance(settled=settled),
        scope="deployment",
        period="month:2026-11",
        limit=None if limit is None else Decimal(limit),
        baseline_model="x",
        now=NOW,
        simulated=False,
    )
    assert budget_check(costs).ok is ok
