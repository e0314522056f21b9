"""What an export's usage cost, what it costs at dated prices, and which profile would do it for less. Pure.

The baseline is what is paid today: the exported cost where an export states one for all of a model's tokens,
else its tokens at a dated price. A model with neither is left out of both sides of the comparison and named;
it is never taken for free. Cached tokens have the rates of the models that cached them; a profile is charged
the full rate for them, as no discount can be counted on. Months are 30 days.

Reading exports is `usage/`'s, a profile's cost the calculator's, showing the command line's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeVar

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price, computed_cost, rates_at
from farthing.money import format_usd, percent_saved
from farthing.task import TASK_TYPES, TaskType, Usage
from farthing.usage.naming import known_as, nearest_model
from farthing.usage.record import Mark
from farthing.usage.tally import ModelUse, Period, Tally

MONTH_DAYS = 30
SMALL_RATE = Decimal(1)
"""US dollars per million tokens, input and output together: below it, what works today is itself small."""
SMALL_MONTH, LARGE_MONTH = Decimal(50), Decimal(1000)
"""US dollars a month on today's models: the tutorial's budgets of a startup and of an enterprise."""
ADVISED = ("budget", "balanced", "premium")
"""The profiles that are recommended: the others are variants of them."""
STRUCTURED_SHARE = 0.30
"""From this share of structured work on, only premium has a specialist for it."""

_ZERO = Decimal(0)
_MILLION = 1_000_000

_Key = TypeVar("_Key", bound=str)
Basis = Literal["exported", "computed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """One model's use and what it cost in the period, in US dollars.

    `known` is the catalogue's id, `book` the price book of `computed`; None where there is none. `cost` is
    the one of the two that counts, by `basis`; None where the model has neither.
    """

    use: ModelUse
    names: tuple[str, ...]
    """What the exports call it."""
    known: str | None
    nearest: str | None
    """The known name most like an unknown one."""
    book: str | None
    computed: Decimal | None
    cost: Decimal | None
    basis: Basis | None

    @property
    def comparable(self) -> bool:
        """Whether it counts on both sides: it has tokens, and what they cost is known."""
        return self.cost is not None and self.use.usage.total_tokens > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What was used in the period and what it cost. Charges for no tokens and models left out are apart."""

    models: tuple[ModelCost, ...]
    period: Period | None
    days: int
    """Of the period; `MONTH_DAYS` where no row has a day and none were stated."""
    usage: Usage
    """Of the comparable models, as `cost` is."""
    cost: Decimal
    other_charges: Decimal
    marked: Mapping[Mark, int]
    by_type: Mapping[TaskType, int]

    @property
    def left_out(self) -> tuple[ModelCost, ...]:
        """Models with tokens that have no cost and no price."""
        return tuple(one for one in self.models if one.use.usage.total_tokens and one.cost is None)

    @property
    def monthly_cost(self) -> Decimal:
        return self.cost * MONTH_DAYS / self.days

    @property
    def monthly_usage(self) -> Usage:
        """Tokens of 30 days, rounded."""
        return _scaled(self.usage, Decimal(MONTH_DAYS) / self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileCost:
    """What a profile would cost a month for the audited tokens, and the hard monthly limit that it sets."""

    profile: str
    total: Decimal
    limit: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The profile, or None where none costs less than today; why; and what no export can tell."""

    profile: str | None
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]


def audited(
    tally: Tally, shelf: Sequence[Catalog], *, renamed: Mapping[str, str], days: int | None = None
) -> Audited:
    """What the records of a tally used and cost.

    `shelf` holds catalogues by preference: the first that has a price for a model counts. `renamed` says
    which known model an export's name stands for; `days` how many days the rows cover, where they do not.
    """
    known = {name: renamed.get(name) or _first_known(name, shelf) for name in tally.sums}
    merged = tally.renamed({name: model for name, model in known.items() if model is not None})
    names: dict[str, list[str]] = {}
    for name, model in known.items():
        names.setdefault(model or name, []).append(name)
    found = [_costed(use, tuple(names[use.model]), shelf) for use in merged.models() if use.model]
    counted = [one for one in found if one.comparable]
    period = merged.period
    return Audited(
        models=tuple(found),
        period=period,
        days=days or (period.days if period else MONTH_DAYS),
        usage=sum((one.use.usage for one in counted), Usage()),
        cost=sum((one.cost or _ZERO for one in counted), _ZERO),
        other_charges=sum((use.cost or _ZERO for use in merged.models() if not use.model), _ZERO),
        marked=_added(one.use.marked for one in counted),
        by_type=_added(one.use.by_type for one in counted),
    )


def price_from(shelf: Iterable[Catalog], model: str) -> Price | None:
    """The first price on the shelf for a model."""
    return next((price for catalog in shelf if (price := catalog.price(model)) is not None), None)


def cost_at(price: Price, usage: Usage, *, requests: int = 0) -> Decimal:
    """A sum of tokens at one price, in US dollars, cached and cache-write tokens at their own rates.

    A rate that depends on a prompt's size follows the mean of `requests`, and is the usual one where these
    are not known (0); one that depends on the time of day does not count. A price per request counts each.
    """
    sized = replace(price, overrides=tuple(o for o in price.overrides if o.utc_start is o.utc_end is None))
    mean = usage.input_tokens // requests if requests else 0
    noon = datetime(2000, 1, 1, 12, tzinfo=UTC)  # no rate that is left depends on it
    rates = rates_at(sized, input_tokens=mean, at=noon)
    flat = Price(model=price.model, book=price.book, rates=rates)
    return computed_cost(flat, usage, at=noon) + rates.request * (requests - 1 if requests else 0)


def mix_of(
    found: Audited, types: Mapping[str, TaskType], typical: Mapping[TaskType, float]
) -> dict[TaskType, float]:
    """The shares of task types: as rows and `types` (by model) say, the rest by the typical mix."""
    told: dict[TaskType, int] = dict(found.by_type)
    for one in found.models:
        named: list[TaskType] = [types[name] for name in (*one.names, one.use.model) if name in types]
        if named and one.comparable:
            rest = one.use.usage.total_tokens - sum(one.use.by_type.values())
            told[named[0]] = told.get(named[0], 0) + rest
    total = max(found.usage.total_tokens, sum(told.values()))
    if not total:
        return dict(typical)
    rest = 1 - sum(told.values()) / total
    shares: dict[TaskType, float] = {
        name: told.get(name, 0) / total + rest * typical.get(name, 0.0) for name in TASK_TYPES
    }
    return {name: share for name, share in shares.items() if share > 0}


def recommend(
    found: Audited,
    baseline: Decimal,
    costs: Sequence[ProfileCost],
    mix: Mapping[TaskType, float],
    *,
    named: bool = False,
) -> Recommendation:
    """One profile by the first rule that applies, with its reasons.

    `baseline` and `costs` are US dollars a month; `mix` is what is known of the task types and may be empty.
    `named`: the one profile of `costs` was asked about; else one of `ADVISED` is recommended.
    """
    candidates = [one for one in costs if named or one.profile in ADVISED]
    cheaper = {one.profile: one for one in candidates if one.total < baseline}
    if not candidates:
        return Recommendation(
            profile=None, reasons=("the book prices no profile's models",), unknown=_UNKNOWN
        )
    if not cheaper:
        least = min(candidates, key=lambda one: one.total)
        told = f"{least.profile} would cost {format_usd(least.total)} a month"
        return Recommendation(
            profile=None, reasons=(f"{told}, the baseline {format_usd(baseline)}",), unknown=_UNKNOWN
        )
    name, reason = _by_rule(found, baseline, mix)
    if named:
        (own,) = cheaper
        reason = "you asked about it" + (
            "" if own == name else f"; by the rules it would be {name}: {reason}"
        )
        name = own
    elif name not in cheaper:
        name = min(cheaper, key=lambda one: cheaper[one].total)
        reason = f"{name} costs the least of the profiles that cost less than the baseline"
    return Recommendation(
        profile=name, reasons=(reason, *_money_reasons(cheaper[name], baseline, costs)), unknown=_UNKNOWN
    )


_UNKNOWN = (
    "whether the answers would be good enough: compare them on your own prompts",
    "how long they would take, and how many tokens another model spends on the same work",
    "how critical the work is: --profile asks about another profile",
)


def _by_rule(found: Audited, baseline: Decimal, mix: Mapping[TaskType, float]) -> tuple[str, str]:
    tokens = found.monthly_usage.total_tokens
    rate = found.monthly_cost / tokens * _MILLION if tokens else _ZERO
    structured = mix.get("structured", 0.0)
    if structured >= STRUCTURED_SHARE:
        share = f"{structured * 100:.0f} % of the work is structured"
        return "premium", f"{share}, and only premium has a specialist for it"
    if rate < SMALL_RATE:
        return "budget", (
            f"today's models cost {format_usd(rate)} per million tokens, input and output together: "
            "small models do this work already"
        )
    if baseline >= LARGE_MONTH:
        return "premium", (
            f"from {format_usd(LARGE_MONTH)} a month on, what a fourth model and a specialist for each task "
            "type cost is little beside what is saved"
        )
    if baseline < SMALL_MONTH:
        return "budget", f"below {format_usd(SMALL_MONTH)} a month the cheapest profile is the place to begin"
    return "balanced", "mixed work of this size: two models share it, each for what it is good at"


def _money_reasons(chosen: ProfileCost, baseline: Decimal, costs: Sequence[ProfileCost]) -> Iterable[str]:
    saved = percent_saved(chosen.total, baseline)
    yield (
        f"about {format_usd(chosen.total)} a month instead of {format_usd(baseline)}: "
        f"{format_usd(baseline - chosen.total)} less ({saved or 0:.1f} %), "
        f"{format_usd((baseline - chosen.total) * 12)} a year"
    )
    if chosen.limit is not None and chosen.total > chosen.limit:
        yield (
            f"its hard monthly limit of {format_usd(chosen.limit)} would stop it: set MONTHLY_BUDGET to "
            f"{format_usd((chosen.total * Decimal('1.25')).quantize(Decimal(1)) + 1)} or more"
        )
    for other in sorted(costs, key=lambda one: one.total):
        is_variant = other.profile.startswith(f"{chosen.profile}-")
        if other.total < chosen.total and (is_variant or other.profile in ADVISED):
            over = other.limit is not None and other.total > other.limit
            stop = f", and its limit of {format_usd(other.limit or 0)} would stop it" if over else ""
            yield f"{other.profile} would cost {format_usd(other.total)}{stop}"


def _first_known(name: str, shelf: Iterable[Catalog]) -> str | None:
    return next((known for catalog in shelf if (known := known_as(name, catalog)) is not None), None)


def _costed(use: ModelUse, names: tuple[str, ...], shelf: Sequence[Catalog]) -> ModelCost:
    known = _first_known(use.model, shelf)
    price = None if known is None else price_from(shelf, known)
    tokens = use.usage.total_tokens
    computed = None if price is None or not tokens else cost_at(price, use.usage, requests=use.requests)
    complete = use.cost is not None and not use.uncosted_tokens
    # A cost for some of the tokens is better than none, and worse than all of them at a dated price.
    basis: Basis | None = "exported" if complete or (use.cost is not None and computed is None) else None
    if basis is None and computed is not None:
        basis = "computed"
    near = nearest_model(use.model, shelf[0]) if known is None and shelf else None
    return ModelCost(
        use=use,
        names=names,
        known=known,
        nearest=near,
        book=None if price is None else price.book,
        computed=computed,
        cost=use.cost if basis == "exported" else computed,
        basis=basis,
    )


def _added(parts: Iterable[Mapping[_Key, int]]) -> dict[_Key, int]:
    total: dict[_Key, int] = {}
    for part in parts:
        for key, number in part.items():
            total[key] = total.get(key, 0) + number
    return total


def _scaled(usage: Usage, factor: Decimal) -> Usage:
    return Usage(
        input_tokens=round(usage.input_tokens * factor),
        output_tokens=round(usage.output_tokens * factor),
        cached_tokens=round(usage.cached_tokens * factor),
        cache_write_tokens=round(usage.cache_write_tokens * factor),
        reasoning_tokens=round(usage.reasoning_tokens * factor),
    )
