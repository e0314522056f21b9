"""Models and routing on paper: slots that no task can reach, mappings that are never looked at. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from farthing.catalog.pricing import computed_cost
from farthing.catalog.successors import Replaced, Unknown
from farthing.config.schema import Slot
from farthing.money import format_usd
from farthing.policies.finding import Finding, Findings, finding, note, says
from farthing.policies.setup import Filled, Setup
from farthing.routing.eligible import EXPECTED_OUTPUT_TOKENS, Rejected
from farthing.task import COMPLEXITIES, TASK_TYPES, TaskType, Usage

_BY_COMPLEXITY: tuple[TaskType, ...] = ("general", "simple")
"""The types that `complexityMapping` may lead elsewhere."""
_ANOTHER = "put another model into the slot; `farthing models check` knows some"


def reach_findings(setup: Setup) -> Findings:
    """What is to be said of `models`, `routing` and `environment`."""
    barred: dict[Slot, Barred] = {filled.slot: _barred(setup, filled) for filled in setup.slots}
    yield from _slots(setup, barred)
    yield from _mapped(setup, barred)
    yield from _types_without_model(setup)
    yield from _mappings(setup)
    yield from _filters(setup, barred)
    yield from _environment(setup)


Barred = dict[TaskType, Rejected]
"""Why a slot's model may not take the plainest task, by the types that it may not take."""


def _barred(setup: Setup, filled: Filled) -> Barred:
    found: Barred = {}
    for kind in TASK_TYPES:
        why = setup.barred(filled, kind)
        if why is not None:
            found[kind] = why
    return found


def _dead(barred: Barred) -> bool:
    return len(barred) == len(TASK_TYPES)


def _slots(setup: Setup, barred: dict[Slot, Barred]) -> Findings:
    first: dict[str, Slot] = {}
    for filled in setup.slots:
        path, name = f"models.{filled.slot}", filled.entry.model
        why = barred[filled.slot]
        if _dead(why):
            yield _unreachable(setup, filled, why)
        elif filled.id in first:
            told = f"is {filled.id}, as models.{first[filled.id]} is: no second chance"
            yield finding(path, told, "put another model into one of the two slots")
        elif isinstance(filled.standing, Replaced):
            told = f"{name} is gone; {filled.id} stands in since {filled.standing.since}"
            yield note(path, told, f"write {filled.id}")
        elif isinstance(filled.standing, Unknown):
            told = f"{name} is not in {setup.catalog.prices.id}: its price and score are unknown"
            yield note(path, told, "budget.unknownPriceCeiling is reserved for each call")
        if not _dead(why):
            first.setdefault(filled.id, filled.slot)
    yield from _late(setup)


def _unreachable(setup: Setup, filled: Filled, barred: Barred) -> Finding:
    """A model that no task can be sent to, whoever leads to its slot."""
    why = barred["general"]
    mapping = setup.config.routing.task_type_mapping
    leading = [kind for kind in TASK_TYPES if mapping.get(kind) == filled.slot]
    led = f"; {', '.join(leading)} {'lead' if len(leading) > 1 else 'leads'} to it" if leading else ""
    remedies = {
        "free_only": "set allowPaid, or name a free model: development uses no other",
        "quality": "lower routing.qualityThreshold, or put a better model there",
        "max_cost": "raise routing.maxCostPerRequest",
        "context": "lower optimization.maxOutputTokens",
        "price_unknown": "set budget.unknownPriceCeiling, or name a model of the catalogue",
    }
    told = f"no task can be sent to {filled.entry.model}: {why.reason}{led}"
    return finding(f"models.{filled.slot}", told, remedies.get(why.by, _ANOTHER))


def _late(setup: Setup) -> Findings:
    """Slots that come only after so many others that the attempts are used up before."""
    most = setup.config.fallback_rules.max_retries
    ids: dict[str, Slot] = {filled.id: filled.slot for filled in reversed(setup.slots)}
    soonest: dict[Slot, int] = {}
    for candidates in setup.kinds().values():
        for place, candidate in enumerate(candidates):
            slot = ids.get(candidate.model)
            if slot is not None:
                soonest[slot] = min(place, soonest.get(slot, place))
    for slot, place in soonest.items():
        if place > most > 0:
            told = f"is asked after {place} others, and maxRetries {most} ends a task before that"
            told += " unless one of them rests or is refused"
            yield note(f"models.{slot}", told, f"set fallbackRules.maxRetries to {place} or more")


def _mapped(setup: Setup, barred: dict[Slot, Barred]) -> Findings:
    for kind, slot in setup.config.routing.task_type_mapping.items():
        why = barred[slot].get(kind)
        if why is not None and not _dead(barred[slot]):
            told = f"leads {kind} to {slot}, whose model is left out: {why.reason}"
            yield finding(f"routing.taskTypeMapping.{kind}", told, "lead it elsewhere, or mend that")


def _types_without_model(setup: Setup) -> Findings:
    without = [kind for kind, candidates in setup.kinds().items() if not candidates]
    if without:
        told = f"no model can take {', '.join(without)} tasks: each of them ends with NoCandidateError"
        yield finding("models", told, "`farthing explain --type TYPE` says why each was left out")


def _mappings(setup: Setup) -> Findings:
    routing = setup.config.routing
    by_type, by_complexity = routing.task_type_mapping, routing.complexity_mapping
    if routing.strategy != "mapped":
        for name, mapping in (("taskTypeMapping", by_type), ("complexityMapping", by_complexity)):
            if mapping:
                told = f"is never looked at: the strategy {routing.strategy} orders by cost"
                yield finding(f"routing.{name}", told, "set it to {}, or routing.strategy to mapped")
        return
    if all(complexity in by_complexity for complexity in COMPLEXITIES):
        for kind in _BY_COMPLEXITY:
            if kind in by_type:
                told = "is never looked at: complexityMapping has a slot for every complexity"
                yield finding(f"routing.taskTypeMapping.{kind}", told, "leave one of the two out")
    for complexity, slot in by_complexity.items():
        if all(by_type.get(kind, "primary") == slot for kind in _BY_COMPLEXITY):
            told = f"changes nothing: general and simple lead to {slot} anyway"
            yield note(f"routing.complexityMapping.{complexity}", told)


def _filters(setup: Setup, barred: dict[Slot, Barred]) -> Findings:
    routing = setup.config.routing
    threshold = routing.quality_threshold
    if threshold > 0 and not any(why.by == "quality" for slot in barred.values() for why in slot.values()):
        scores = [score for filled in setup.slots for score in _scores(filled)]
        lowest = f": the lowest score of a slot's model is {min(scores):.2f}" if scores else ""
        yield note("routing.qualityThreshold", f"{threshold:.2f} excludes nobody{lowest}")
    limit = routing.max_cost_per_request
    costs = [cost for filled in setup.slots if (cost := _fullest(setup, filled)) is not None]
    if limit is not None and costs and max(costs) <= limit:
        told = f"{format_usd(limit)} excludes nobody: the longest prompt that fits is expected to cost"
        yield note("routing.maxCostPerRequest", f"{told} {format_usd(max(costs))}")


def _scores(filled: Filled) -> Iterator[float]:
    for kind in TASK_TYPES:
        score = None if filled.model is None else filled.model.score(kind)
        if score is not None:
            yield score


def _fullest(setup: Setup, filled: Filled) -> Decimal | None:
    """What a prompt that fills the model's context is expected to cost; None where that has no bound."""
    if filled.model is None or filled.price is None or filled.model.context_tokens is None:
        return setup.config.budget.unknown_price_ceiling if filled.price is None else None
    most = setup.config.optimization.max_output_tokens
    usage = Usage(
        input_tokens=max(filled.model.context_tokens - most, 0),
        output_tokens=min(most, EXPECTED_OUTPUT_TOKENS["high"]),
    )
    return computed_cost(filled.price, usage, at=setup.now)


def _environment(setup: Setup) -> Findings:
    config = setup.config
    development = config.environment == "development"
    if config.allow_paid and not development and says(config, "allow_paid"):
        yield note("allowPaid", "changes nothing in production, where paid models are used anyway")
    if development and not config.allow_paid and config.budget.monthly_limit:
        told = f"{format_usd(config.budget.monthly_limit)} is not in force: development's limit is $0"
        yield note("budget.monthlyLimit", told, "set allowPaid to spend in development")
    for name, lacking in (("tools", _without_tools(setup)), ("a response format", _without_schema(setup))):
        if lacking and all(lacking):
            told = f"no slot's model has {name} of its own: it is told in the prompt, and read from the text"
            yield note("models", told)


def _without_tools(setup: Setup) -> list[bool]:
    return [filled.model is None or not filled.model.native_tools for filled in setup.slots]


def _without_schema(setup: Setup) -> list[bool]:
    return [filled.model is None or not filled.model.native_schema for filled in setup.slots]
