"""What a ledger recommends of models: each change with its expected saving and how that was reckoned. Pure.

Nothing is claimed that the rows do not support: what they are too few for, or do not tell, is said instead.
The reckoning of a model is that of routing (`routing/reckoning.py`); a saving is a share of what was
really paid. Other levers are `recommending.py`'s. Not `config/recommend.py`, which chooses a first profile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, cast

import msgspec

from farthing.catalog.models import Catalog, Model
from farthing.config.schema import DeploymentConfig, Slot
from farthing.money import format_usd, from_nano
from farthing.result import Reckoned
from farthing.routing.experience import Experience, Record
from farthing.routing.reckoning import reckon
from farthing.spend.observed import Observed
from farthing.task import TaskType

LEAST = 50
"""Accepted answers, or calls, below which nothing is claimed."""
PLENTY = 400
"""From so many in a week on confidence is high, where the model that is proposed was observed itself."""
WEEK_DAYS = 7
TOLERANCE = 0.02
"""A model that is proposed may score so much lower than the one it replaces."""
FAILS_MORE = 0.03
"""Nor may so much less of its attempts be accepted, though failures that nobody bills cost nothing: they take
time."""
MONTH_DAYS = 30
_ZERO = Decimal(0)

Confidence = Literal["low", "medium", "high"]


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `change` is merged into a configuration file as it stands; money is US dollars a month."""

    lever: str
    title: str
    change: Mapping[str, object]
    saves: Decimal
    saves_percent: Decimal
    """Of what the deployment spends, 0–100."""
    reckoned: str
    observations: int
    confidence: Confidence
    risk: str


class Unsupported(msgspec.Struct, frozen=True, kw_only=True):
    """A lever of which the ledger cannot say what it would save. `needed` None: no number of calls would."""

    lever: str
    why: str
    observations: int = 0
    needed: int | None = None


class Advised(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a ledger recommends, dearest first. Savings of two entries do not add up: each is reckoned
    by itself, on what was paid."""

    month: Decimal
    """What the deployment spends in 30 days at the rate of the period, US dollars."""
    days: float
    calls: int
    settings: tuple[Advice, ...]
    """Among the models and settings that are configured."""
    catalogue: tuple[Advice, ...]
    """With other models of the catalogue."""
    unsupported: tuple[Unsupported, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What advice is given on."""

    observed: Observed
    experience: Experience
    config: DeploymentConfig
    catalog: Catalog
    now: datetime

    @property
    def per_month(self) -> Decimal:
        """How many periods a month has."""
        return MONTH_DAYS / Decimal(repr(round(self.observed.days, 6)))

    @property
    def month(self) -> Decimal:
        return from_nano(self.observed.cost) * self.per_month

    def advice(
        self,
        lever: str,
        title: str,
        change: Mapping[str, object],
        *,
        saves: Decimal,
        reckoned: str,
        risk: str,
        observations: int,
        seen: bool = True,
    ) -> Advice:
        """`saves` is US dollars a month; `seen`: whether what is proposed was observed itself."""
        sure: Confidence = "low" if not seen else "medium"
        if seen and observations >= PLENTY and self.observed.days >= WEEK_DAYS:
            sure = "high"
        return Advice(
            lever=lever,
            title=title,
            change=change,
            saves=saves,
            saves_percent=saves * 100 / self.month if self.month else _ZERO,
            reckoned=reckoned,
            observations=observations,
            confidence=sure,
            risk=risk,
        )


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One task type on the model that its slot has."""

    kind: TaskType
    slot: Slot
    model: Model
    record: Record

    @property
    def paid(self) -> Decimal:
        """US dollars in the period, failures and repairs included."""
        return from_nano(self.record.cost)


class Rival(msgspec.Struct, frozen=True, kw_only=True):
    """A model for a use: the part of what was paid that it would save, and whether it was observed."""

    model: Model
    share: Decimal
    seen: bool


def uses_of(ground: Ground) -> tuple[list[Use], list[Unsupported]]:
    """Each task type with its slot's model, and those of which there are too few answers."""
    filled, mapping = ground.config.models.by_slot(), ground.config.routing.task_type_mapping
    uses: list[Use] = []
    missing: list[Unsupported] = []
    for name in sorted(ground.experience.types):
        kind = cast("TaskType", name)
        slot: Slot = mapping.get(kind, "primary")
        model = ground.catalog.find(filled[slot].model)
        record = Record() if model is None else ground.experience.record(name, model.id)
        if model is None or record.accepted < LEAST:
            missing.append(not_enough("mapping", f"{kind} at its slot {slot}", record.accepted))
        else:
            uses.append(Use(kind=kind, slot=slot, model=model, record=record))
    return uses, missing


def not_enough(lever: str, what: str, have: int, needed: int = LEAST) -> Unsupported:
    return Unsupported(
        lever=lever, why=f"{what}: not enough calls ({have} of {needed})", observations=have, needed=needed
    )


def rival_for(ground: Ground, use: Use, model: Model) -> Rival | None:
    """What a model would save on a use; None where it may not take it or saves nothing."""
    if model.id == use.model.id or not _may_replace(ground, use, model):
        return None
    now, there = _expected(ground, use, use.model), _expected(ground, use, model)
    cost, less = now.cost_per_answer, there.cost_per_answer
    fails_more = there.accepted < now.accepted - FAILS_MORE
    if not cost or less is None or less >= cost or fails_more:
        return None
    seen = ground.experience.record(use.kind, model.id).accepted >= LEAST
    return Rival(model=model, share=1 - less / cost, seen=seen)


def _may_replace(ground: Ground, use: Use, model: Model) -> bool:
    """A known score that is about as good and over the threshold, the same native ways, as much context."""
    score, least = model.score(use.kind), use.model.score(use.kind)
    threshold = ground.config.routing.quality_threshold
    good = score is not None and score >= threshold and (least is None or score >= least - TOLERANCE)
    able = model.native_tools >= use.model.native_tools and model.native_schema >= use.model.native_schema
    roomy = (model.context_tokens or 0) >= min(use.model.context_tokens or 0, 32_000)
    gone = not model.listed or (model.expires is not None and model.expires <= ground.now.date())
    free = model.id.endswith(":free")  # has limits a day and other terms of data: no replacement
    return good and able and roomy and not gone and not free


def _expected(ground: Ground, use: Use, model: Model) -> Reckoned:
    """An accepted answer, for the tokens that the use has on average."""
    measured = max(use.record.measured, 1)
    return reckon(
        ground.catalog.price(model.id),
        ground.experience,
        task_type=use.kind,
        model=model.id,
        input_tokens=use.record.input_tokens // measured,
        output_tokens=use.record.output_tokens // measured,
        max_tokens=ground.config.optimization.max_output_tokens,
        now=ground.now,
    )


def mapping_advice(ground: Ground, uses: Iterable[Use]) -> Iterable[Advice]:
    """Another configured slot for a task type."""
    if ground.config.routing.strategy != "mapped":
        return
    filled = ground.config.models.by_slot()
    for use in uses:
        rivals = [
            (slot, rival)
            for slot, entry in filled.items()
            if (model := ground.catalog.find(entry.model)) is not None
            and (rival := rival_for(ground, use, model)) is not None
        ]
        if not rivals:
            continue
        slot, best = max(rivals, key=lambda pair: pair[1].share)
        yield ground.advice(
            "mapping",
            f"map {use.kind} to {slot} ({best.model.id}) in place of {use.slot} ({use.model.id})",
            {"routing": {"taskTypeMapping": {use.kind: slot}}},
            saves=use.paid * best.share * ground.per_month,
            reckoned=_in_words(use, best),
            risk=_risk(use.model, best.model, use.kind),
            observations=use.record.attempts,
            seen=best.seen,
        )


def catalogue_advice(ground: Ground, uses: Iterable[Use]) -> Iterable[Advice]:
    """Another model of the catalogue for a slot: good enough for every type that the slot has."""
    configured = {entry.model for entry in ground.config.models.by_slot().values()}
    by_slot: dict[Slot, list[Use]] = {}
    for use in uses:
        by_slot.setdefault(use.slot, []).append(use)
    for slot, members in by_slot.items():
        best: tuple[Decimal, list[Rival]] | None = None
        for model in ground.catalog.models.values():
            if model.id in configured or configured & set(model.aliases):
                continue
            rivals = [rival_for(ground, use, model) for use in members]
            fit = [rival for rival in rivals if rival is not None]
            if len(fit) < len(members):
                continue
            saves = sum((use.paid * one.share for use, one in zip(members, fit, strict=True)), _ZERO)
            if best is None or saves > best[0]:
                best = (saves, fit)
        if best is None:
            continue
        model, old = best[1][0].model, members[0].model
        yield ground.advice(
            "model",
            f"{model.id} in the slot {slot} in place of {old.id}",
            {"models": {slot: model.id}},
            saves=best[0] * ground.per_month,
            reckoned="; ".join(_in_words(use, one) for use, one in zip(members, best[1], strict=True)),
            risk=f"{_risk(old, model, members[0].kind)}; its price is today's",
            observations=sum(use.record.attempts for use in members),
            seen=all(rival.seen for rival in best[1]),
        )


def strategy_advice(ground: Ground, uses: list[Use]) -> Iterable[Advice]:
    """The cheapest good enough, over the lowest score that is accepted today."""
    config = ground.config
    scores = [score for use in uses if (score := use.model.score(use.kind)) is not None]
    if config.routing.strategy != "mapped" or not uses or len(scores) < len(uses):
        return
    least = max(config.routing.quality_threshold, round(min(scores) - 0.005, 2))
    saves = _ZERO
    for use in uses:
        models = [ground.catalog.find(entry.model) for entry in config.models.by_slot().values()]
        good = [one for one in models if one is not None and (one.score(use.kind) or 0) >= least]
        shares = [rival.share for one in good if (rival := rival_for(ground, use, one)) is not None]
        saves += use.paid * max(shares, default=_ZERO)
    if saves > 0:
        yield ground.advice(
            "strategy",
            f"cheapest_good_enough over quality {least:.2f}, the lowest score in use",
            {"routing": {"strategy": "cheapest_good_enough", "qualityThreshold": least}},
            saves=saves * ground.per_month,
            reckoned="for each type the configured model with the least expected cost of an accepted answer,"
            " as a share of what the type cost",
            risk="answers may come from another model than the mapping's, as the ledger learns",
            observations=sum(use.record.attempts for use in uses),
        )


def _in_words(use: Use, rival: Rival) -> str:
    observed = "observed" if rival.seen else "not observed: its length and failures are taken as the type's"
    return (
        f"{use.kind}: {use.record.accepted:,} answers cost {format_usd(use.paid)}; {rival.model.id} is"
        f" expected to take {rival.share:.0%} less for the same tokens, failures included ({observed})"
    )


def _risk(old: Model, new: Model, kind: TaskType) -> str:
    before, after = old.score(kind), new.score(kind)
    said = "unknown" if before is None else f"{before:.2f}"
    return f"the catalogue's score for {kind} is {after:.2f} where it was {said}; try it on a part first"
