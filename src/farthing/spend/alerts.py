"""Which alert levels a balance has reached, and how an alert is told. Pure; sending is `notify.py`'s.

Alerts count settled and uncertain money, not what is held: a hold usually comes back. Once per scope,
period, level and base amount; the row in table `alert` elects who sends. No address of a receiver here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from farthing.money import format_usd, from_nano
from farthing.spend.budget import AccountKey, Balance, PeriodKind

AlertLevel = str

WARNING, CRITICAL, RUNAWAY = "warning", "critical", "runaway"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Thresholds, as fractions of `base_nano`, for one scope in one kind of period.

    A scope that ends in a colon is each of its kind: `key:` every key, `swarm:` every run.
    """

    scope: str
    period: PeriodKind
    base_nano: int
    thresholds: Mapping[AlertLevel, Decimal]
    steps: tuple[tuple[int, AlertLevel], ...] = field(init=False)
    """The least nano-dollars of each level, lowest first; none where the base is nothing."""

    def __post_init__(self) -> None:
        order = sorted(self.thresholds.items(), key=lambda item: item[1])
        steps = tuple((_nano(share * self.base_nano), level) for level, share in order)
        # Once for each rule: every group commit asks for every account that it touches.
        object.__setattr__(self, "steps", steps if self.base_nano > 0 else ())

    def applies_to(self, key: AccountKey) -> bool:
        """Whether the account is of this rule's scope and kind of period."""
        same = key.scope == self.scope or (self.scope.endswith(":") and key.scope.startswith(self.scope))
        return same and key.period.partition(":")[0] == self.period


class Alert(NamedTuple):
    """One level reached by one account. `committed` is settled + uncertain, nano-dollars.

    `subject` is the call of an overrun; `detail` says more, in words. `base` is 0 where the level is not a
    share of anything.
    """

    key: AccountKey
    level: str
    base: int
    committed: int
    subject: str = ""
    detail: str = ""


class KeptAlert(NamedTuple):
    """An alert as its row has it: when it was raised, and what became of it."""

    alert: Alert
    at_us: int
    tries: int
    delivered: bool


def levels_reached(rule: AlertRule, key: AccountKey, balance: Balance) -> tuple[Alert, ...]:
    """The levels of a rule that an account has reached, lowest first."""
    committed = balance.settled + balance.uncertain
    steps = rule.steps
    if not steps or committed < steps[0][0] or not rule.applies_to(key):
        return ()
    return tuple(Alert(key, level, rule.base_nano, committed) for least, level in steps if committed >= least)


def percent_level(threshold: Decimal) -> AlertLevel:
    """The name of a further threshold, a fraction: `50 %`, `12.5 %`."""
    text = format(threshold * 100, "f")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def alert_id(alert: Alert) -> str:
    """The same for every sending of one alert, so that a receiver knows it again."""
    identity = "\n".join((*alert.key, alert.level, str(alert.base), alert.subject))
    return f"alert-{hashlib.sha256(identity.encode()).hexdigest()[:20]}"


def told(alert: Alert) -> str:
    """One line for people."""
    kind, _, which = alert.key.period.partition(":")
    where = f"{alert.key.scope}, {kind} {which}".rstrip()
    spent = format_usd(from_nano(alert.committed))
    call = f" (call {alert.subject})" if alert.subject else ""
    if alert.level in ("overrun", RUNAWAY) or not alert.base:
        return f"{alert.level}: {alert.detail or spent}{call}; {where}"
    share = f"{percent_of_base(alert):.1f} %"
    more = f"; {alert.detail}" if alert.detail else ""
    return f"{alert.level}: {spent} of {format_usd(from_nano(alert.base))}, {share}; {where}{more}"


def percent_of_base(alert: Alert) -> Decimal | None:
    """What is committed, as 0–100 of the base and beyond; None where there is no base."""
    return Decimal(alert.committed) * 100 / alert.base if alert.base else None


class Message(NamedTuple):
    """An alert on its way. `test`: nothing happened, somebody tries the channels."""

    alert: Alert
    simulated: bool
    test: bool = False

    @property
    def text(self) -> str:
        """One line for people."""
        return f"{told(self.alert)}{' (simulated)' if self.simulated else ''}"

    @property
    def payload(self) -> Mapping[str, object]:
        """What a webhook receives. Money is decimal text; `id` is the same for every sending of an alert."""
        alert, percent = self.alert, percent_of_base(self.alert)
        return {
            "version": 1,
            "id": alert_id(alert),
            "level": alert.level,
            "scope": alert.key.scope,
            "period": alert.key.period,
            "committed_usd": _text(alert.committed),
            "base_usd": _text(alert.base) if alert.base else None,
            "percent": None if percent is None else f"{percent:.1f}",
            "call_id": alert.subject or None,
            "detail": alert.detail,
            "text": self.text,
            "simulated": self.simulated,
            "test": self.test,
        }


def _text(nano: int) -> str:
    return format(from_nano(nano).normalize(), "f")


def _nano(amount: Decimal) -> int:
    return int(amount.to_integral_value(rounding=ROUND_CEILING))
