"""Which alert levels a balance has reached. Pure; sending is `notify.py`'s.

Alerts count settled and uncertain money, not what is held: a hold usually comes back. Once per scope,
period, level and base amount; the row in table `alert` elects who sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from farthing.spend.budget import AccountKey, Balance, PeriodKind

AlertLevel = Literal["warning", "critical"]
"""The levels of thresholds; other alerts are `soft limit` and `overrun`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Thresholds, as fractions of `base_nano`, for one scope in one kind of period."""

    scope: str
    period: PeriodKind
    base_nano: int
    thresholds: Mapping[AlertLevel, Decimal]

    def applies_to(self, key: AccountKey) -> bool:
        return key.scope == self.scope and key.period.partition(":")[0] == self.period


class Alert(NamedTuple):
    """One level reached by one account. `committed` is settled + uncertain, nano-dollars.

    `subject` is the call of an overrun; `detail` says more, in words.
    """

    key: AccountKey
    level: str
    base: int
    committed: int
    subject: str = ""
    detail: str = ""


def levels_reached(rule: AlertRule, key: AccountKey, balance: Balance) -> tuple[Alert, ...]:
    """The levels of a rule that an account has reached, lowest first."""
    if rule.base_nano <= 0 or not rule.applies_to(key):
        return ()
    committed = balance.settled + balance.uncertain
    return tuple(
        Alert(key, level, rule.base_nano, committed)
        for level, threshold in sorted(rule.thresholds.items(), key=lambda item: item[1])
        if committed >= threshold * rule.base_nano
    )
