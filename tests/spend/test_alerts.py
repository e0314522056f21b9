"""Which levels a balance has reached: settled and uncertain money count, held money does not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend.alerts import AlertRule, levels_reached
from farthing.spend.budget import AccountKey, Balance

MONTH = AccountKey("deployment", "month:2026-11")
RULE = AlertRule(
    scope="deployment",
    period="month",
    base_nano=1000,
    thresholds={"critical": Decimal("0.95"), "warning": Decimal("0.8")},
)


@pytest.mark.parametrize(
    ("balance", "levels"),
    [
        (Balance(799), []),
        (Balance(800), ["warning"]),
        (Balance(500, 0, 300), ["warning"]),
        (Balance(799, 10_000, 0), []),
        (Balance(950), ["warning", "critical"]),
        (Balance(5000), ["warning", "critical"]),
    ],
)
def test_levels_come_lowest_first(balance: Balance, levels: list[str]) -> None:
    assert [alert.level for alert in levels_reached(RULE, MONTH, balance)] == levels


@pytest.mark.parametrize(
    "key", [AccountKey("deployment", "day:2026-11-01"), AccountKey("swarm:1", "month:2026-11")]
)
def test_a_rule_is_for_one_scope_and_kind_of_period(key: AccountKey) -> None:
    assert levels_reached(RULE, key, Balance(5000)) == ()


def test_a_rule_without_a_base_never_alerts() -> None:
    free = AlertRule(scope="deployment", period="month", base_nano=0, thresholds=RULE.thresholds)
    assert levels_reached(free, MONTH, Balance(5000)) == ()


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_an_alert_says_what_is_committed(settled: int, held: int, uncertain: int) -> None:
    shares = {str(level): share for level, share in RULE.thresholds.items()}
    for alert in levels_reached(RULE, MONTH, Balance(settled, held, uncertain)):
        assert alert.committed == settled + uncertain
        assert alert.committed >= shares[alert.level] * alert.base
