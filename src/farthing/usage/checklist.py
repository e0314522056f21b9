"""The items of a migration, and what tells that each is done. Pure.

They are those of the tutorial's checklist and of its four weeks. Where a fact can tell that an item is done,
it does; the rest are marked by hand. Simulated money is never a sign of production. What this version cannot
do yet says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from farthing.money import format_usd, percent_saved

WEEK_DAYS = 7


class AuditMark(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an audit: no usage, no prompt, no key. Amounts are US dollars a month."""

    at: str
    files: tuple[str, ...]
    days: int
    monthly_baseline: Decimal
    baseline: str
    """The model that it was computed for, or `today's models`."""
    recommended: str | None
    monthly_cost: Decimal | None
    """Of the recommended profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealUse:
    """What the ledger of real money shows, all time. `days` counts those on which something was spent."""

    answered: int = 0
    days: int = 0
    first: date | None = None
    """The first day with a call, and the last."""
    last: date | None = None
    spend: Decimal = Decimal(0)
    """Settled and uncertain, in US dollars."""
    baseline: Decimal = Decimal(0)
    comparisons: int = 0
    """Runs of `farthing compare` that were billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that can be known without asking."""

    chosen: str | None
    """What DEPLOYMENT_CONFIG names."""
    profile: str | None
    """The name of the configuration in force; None where it is wrong."""
    strategy: str | None
    key_set: bool
    variables: tuple[str, ...]
    """Farthing's variables that are set, of those the tutorial's `.env` has."""
    alerts: str | None
    """When alerts come, in words; None where they are off or have no base."""
    simulated_calls: int
    real: RealUse
    audit: AuditMark | None


def _by_hand(_: Facts) -> None:
    """What no fact can tell."""
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the list. `week` is 0 for the checklist. `told` finds out from the facts, and says how."""

    id: str
    title: str
    week: int = 0
    next: str
    """What to do for it: a command, or words."""
    told: Callable[[Facts], str | None] = _by_hand
    stays: bool = False
    """Whether it stays done when the fact goes: a profile is left for the next one."""
    absent: str = ""
    """What of it this version cannot do yet."""


def _audit(facts: Facts) -> str | None:
    audit = facts.audit
    if audit is None:
        return None
    return f"audited on {audit.at[:10]}: {', '.join(audit.files)}, {audit.days} days"


def _baseline(facts: Facts) -> str | None:
    audit = facts.audit
    if audit is None:
        return None
    return f"{format_usd(audit.monthly_baseline)} a month on {audit.baseline}"


def _configuration(facts: Facts) -> str | None:
    if facts.chosen is None or facts.profile is None:
        return None
    return f"DEPLOYMENT_CONFIG names {facts.chosen}, and it is valid"


def _account(facts: Facts) -> str | None:
    return "OPENROUTER_API_KEY is set (never shown, and not tried out here)" if facts.key_set else None


def _variables(facts: Facts) -> str | None:
    if not facts.key_set or facts.chosen is None:
        return None
    return f"set: {', '.join(facts.variables)}"


def _validation(facts: Facts) -> str | None:
    if not facts.simulated_calls:
        return None
    return f"{facts.simulated_calls:,} calls against the simulator stand in its ledger"


def _monitoring(facts: Facts) -> str | None:
    return None if facts.chosen is None or facts.alerts is None else facts.alerts


def _deployed(facts: Facts) -> str | None:
    real = facts.real
    if not real.answered:
        return None
    return f"{real.answered:,} real calls were answered since {real.first}, for {format_usd(real.spend)}"


def _observed(facts: Facts) -> str | None:
    real = facts.real
    if real.days < WEEK_DAYS:
        return None
    return f"{real.days} days with real spend, {real.first} to {real.last}"


def _profile(name: str) -> Callable[[Facts], str | None]:
    def told(facts: Facts) -> str | None:
        if facts.profile != name or not facts.real.answered:
            return None
        return f"the configuration in force is {name}, and the ledger has {facts.real.answered:,} real calls"

    return told


def _savings(facts: Facts) -> str | None:
    saved = percent_saved(facts.real.spend, facts.real.baseline)
    if saved is None:
        return None
    return f"the ledger shows {saved:.1f} % saved against {format_usd(facts.real.baseline)}"


def _compared(facts: Facts) -> str | None:
    runs = facts.real.comparisons
    return f"comparisons in the ledger: {runs:,}; reading the answers is yours" if runs else None


def _routing(facts: Facts) -> str | None:
    return "routing.strategy is cheapest_good_enough" if facts.strategy == "cheapest_good_enough" else None


_SHARES = "not here yet: your code divides the traffic"
_MARK = "farthing migrate done"

ITEMS: tuple[Item, ...] = (
    Item(id="audit", title="Audit current token usage", next="farthing audit FILE…", told=_audit),
    Item(id="baseline", title="Calculate baseline costs", next="farthing audit FILE…", told=_baseline),
    Item(id="configuration", title="Choose target configuration", next="farthing init", told=_configuration),
    Item(
        id="account",
        title="Set up OpenRouter account",
        next="make a key at openrouter.ai and set OPENROUTER_API_KEY",
        told=_account,
    ),
    Item(
        id="environment",
        title="Configure environment variables",
        next="put OPENROUTER_API_KEY and DEPLOYMENT_CONFIG into .env",
        told=_variables,
    ),
    Item(id="validation", title="Run validation tests", next="farthing demo", told=_validation),
    Item(
        id="monitoring",
        title="Enable cost monitoring",
        next="set DEPLOYMENT_CONFIG and MONTHLY_BUDGET",
        told=_monitoring,
    ),
    Item(id="deploy", title="Deploy to production", next="farthing deploy production", told=_deployed),
    Item(id="observe", title="Monitor for 1 week", next="farthing report", told=_observed),
    Item(id="adjust", title="Adjust configuration if needed", next=f"{_MARK} adjust"),
    Item(
        id="budget",
        title="Deploy budget configuration",
        week=1,
        next="farthing deploy budget",
        told=_profile("budget"),
        stays=True,
    ),
    Item(id="suite", title="Run validation suite", week=1, next="farthing demo", told=_validation),
    Item(
        id="compare",
        title="Compare quality vs Claude",
        week=1,
        next="farthing compare PROMPTS.jsonl",
        told=_compared,
    ),
    Item(id="measure", title="Measure cost savings", week=1, next="farthing report", told=_savings),
    Item(
        id="balanced",
        title="Deploy balanced configuration",
        week=2,
        next="farthing deploy balanced",
        told=_profile("balanced"),
        stays=True,
    ),
    Item(id="tenth", title="Route 10 % of traffic", week=2, next=f"{_MARK} tenth", absent=_SHARES),
    Item(id="watch", title="Monitor performance", week=2, next=f"farthing report; {_MARK} watch"),
    Item(id="rules", title="Adjust routing rules", week=2, next=f"farthing explain; {_MARK} rules"),
    Item(id="half", title="Route 50 % of traffic", week=3, next=f"{_MARK} half", absent=_SHARES),
    Item(id="tune", title="Fine-tune configuration", week=3, next=f"farthing config show; {_MARK} tune"),
    Item(id="costs", title="Optimize costs further", week=3, next=f"farthing report; {_MARK} costs"),
    Item(id="learnings", title="Document learnings", week=3, next=f"{_MARK} learnings --note …"),
    Item(id="all", title="Route 100 % of traffic", week=4, next=f"{_MARK} all", absent=_SHARES),
    Item(
        id="caching",
        title="Implement caching",
        week=4,
        next=f"optimization.caching; {_MARK} caching",
    ),
    Item(
        id="routing",
        title="Enable advanced routing",
        week=4,
        next="routing.strategy: cheapest_good_enough",
        told=_routing,
    ),
    Item(id="roi", title="Calculate final ROI", week=4, next=f"farthing estimate; {_MARK} roi"),
)
"""The checklist, then the weeks."""
