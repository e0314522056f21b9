"""Which levels a balance has reached: settled and uncertain money count, held money does not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend.alerts import Alert, AlertRule, Message, alert_id, levels_reached, percent_level, told
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


@given(
    shares=st.lists(st.decimals("0.01", "3", places=4), min_size=1, max_size=6, unique=True),
    base=st.integers(1, 10**12),
    spent=st.integers(0, 4 * 10**12),
)
def test_any_number_of_thresholds_each_at_its_share(shares: list[Decimal], base: int, spent: int) -> None:
    rule = AlertRule(
        scope="deployment",
        period="month",
        base_nano=base,
        thresholds={percent_level(share): share for share in shares},
    )
    reached = [alert.level for alert in levels_reached(rule, MONTH, Balance(spent))]
    assert reached == [percent_level(share) for share in sorted(shares) if spent >= share * base]


def test_a_rule_for_each_of_a_kind() -> None:
    rule = AlertRule(scope="key:", period="day", base_nano=100, thresholds=RULE.thresholds)
    assert levels_reached(rule, AccountKey("key:alice", "day:2026-11-24"), Balance(80))
    assert not levels_reached(rule, AccountKey("key:alice", "month:2026-11"), Balance(80))
    assert not levels_reached(rule, AccountKey("swarm:key:", "day:2026-11-24"), Balance(80))


@pytest.mark.parametrize(
    ("share", "name"), [("0.5", "50 %"), ("0.125", "12.5 %"), ("1", "100 %"), ("1.2", "120 %")]
)
def test_a_further_threshold_has_its_percent_for_a_name(share: str, name: str) -> None:
    assert percent_level(Decimal(share)) == name


def test_an_alert_is_told_in_one_line_and_known_again() -> None:
    alert = Alert(MONTH, "50 %", 1_000_000_000, 512_000_000)
    assert told(alert) == "50 %: $0.512 of $1.00, 51.2 %; deployment, month 2026-11"
    over = Alert(MONTH, "overrun", 10, 5, "call_1", "a/model billed $2 for a call that reserved $1")
    assert told(over) == (
        "overrun: a/model billed $2 for a call that reserved $1 (call call_1); deployment, month 2026-11"
    )
    assert alert_id(alert) == alert_id(alert._replace(committed=1, detail="more"))
    assert len({alert_id(alert), alert_id(over), alert_id(alert._replace(base=2))}) == 3
    payload = Message(alert, simulated=True).payload
    assert payload["committed_usd"] == "0.512"
    assert (payload["base_usd"], payload["percent"], payload["simulated"]) == ("1", "51.2", True)
    assert str(payload["text"]).endswith("(simulated)")
