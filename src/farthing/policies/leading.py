"""Drills of routing: where types and complexities are led, who is left out, who stands in. Pure values."""

from collections.abc import Iterator

import msgspec

from farthing.catalog.successors import Replaced
from farthing.config.schema import Slot
from farthing.policies.drill import (
    Ask,
    Drill,
    Judge,
    Look,
    Planned,
    Saw,
    Scene,
    Seen,
    cannot,
    evidence,
    not_first,
    off,
    received_in_words,
    short,
    shown,
)
from farthing.policies.setup import SHORT, Setup
from farthing.prompt.tokens import estimate_conversation
from farthing.result import Route
from farthing.routing.route import NoRoute
from farthing.task import COMPLEXITIES, TASK_TYPES, Complexity, Task, TaskType

_WORD = "river "


def leading_drills(setup: Setup) -> Iterator[Planned]:
    """Mappings, thresholds, successors."""
    routing = setup.config.routing
    if routing.strategy == "mapped":
        for kind in TASK_TYPES:
            yield _mapped(setup, kind)
        for kind in ("general", "simple"):
            for complexity in COMPLEXITIES:
                if complexity in routing.complexity_mapping:
                    yield _by_complexity(setup, kind, complexity)
    else:
        yield _by_cost()
    yield _threshold(setup)
    yield _max_cost(setup)
    yield from _successors(setup)


def _mapped(setup: Setup, kind: TaskType) -> Planned:
    slot = setup.config.routing.task_type_mapping.get(kind)
    setting = f"routing.taskTypeMapping.{kind}"
    # A complexity that has no mapping of its own, so that the type's is looked at.
    left: list[Complexity] = [
        one for one in COMPLEXITIES if one not in setup.config.routing.complexity_mapping
    ]
    if slot is None:
        return off(f"{kind} tasks", setting, None, "it has no slot of its own: primary takes it")
    if not left and kind in ("general", "simple"):
        why = "complexityMapping has a slot for every complexity"
        return cannot(f"{kind} tasks", setting, slot, why, "leave one of the two out")
    task = Task(description=SHORT, type=kind, complexity=left[0] if left else "low")
    return _led(setup, f"{kind} tasks", setting, slot, task)


def _by_complexity(setup: Setup, kind: TaskType, complexity: Complexity) -> Planned:
    slot = setup.config.routing.complexity_mapping[complexity]
    task = Task(description=SHORT, type=kind, complexity=complexity)
    setting = f"routing.complexityMapping.{complexity}"
    return _led(setup, f"{kind} tasks, {complexity}", setting, slot, task)


def _led(setup: Setup, policy: str, setting: str, slot: Slot, task: Task) -> Drill:
    model = next(filled.id for filled in setup.slots if filled.slot == slot)

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if told.models and told.models[0] == model:
            return Saw(text=text)
        return Saw(text=text, fault=not_first(model, told))

    return Drill(
        policy=policy,
        setting=setting,
        value=slot,
        provoked="a plain task",
        steps=(Scene(), Ask(task=task)),
        judge=judge,
        remedy="lead it to a slot whose model can take it",
    )


def _by_cost() -> Planned:
    def judge(seen: Seen) -> Saw:
        firsts: list[str] = []
        for told in seen.told:
            if not isinstance(told.route, Route) or not told.route.candidates:
                return Saw(text="", fault="no model can take a task of some type")
            costs = [one.expected_cost for one in told.route.candidates if one.expected_cost is not None]
            if costs != sorted(costs):
                return Saw(text=told.route.reason, fault="a dearer model comes before a cheaper one")
            firsts.append(f"{told.route.task_type}: {short(told.route.candidates[0].model)}")
        return Saw(text="; ".join(firsts))

    return Drill(
        policy="cheapest good enough first",
        setting="routing.strategy",
        value="cheapest_good_enough",
        provoked="the route of a plain task of each type",
        steps=tuple(Look(task=Task(description=SHORT, type=kind)) for kind in TASK_TYPES),
        judge=judge,
        remedy="set budget.unknownPriceCeiling, or name models whose price is known",
    )


def _threshold(setup: Setup) -> Planned:
    threshold, setting = setup.config.routing.quality_threshold, "routing.qualityThreshold"
    if threshold == 0:
        return off("quality threshold", setting, threshold, "0 lets every model pass")
    return _excluding(
        "quality threshold",
        setting,
        f"{threshold:.2f}",
        "the route of a plain task of each type",
        tuple(Look(task=Task(description=SHORT, type=kind)) for kind in TASK_TYPES),
        "the quality threshold is",
    )


def _max_cost(setup: Setup) -> Planned:
    limit, setting = setup.config.routing.max_cost_per_request, "routing.maxCostPerRequest"
    if limit is None:
        return off("most dollars for a request", setting, None, "no limit is set")
    looks: list[Look] = []
    for filled in setup.slots:
        context = filled.model.context_tokens if filled.model is not None else None
        tokens = (context or 8192) - setup.config.optimization.max_output_tokens
        looks.append(Look(task=_of_length(max(tokens, 1), model=filled.id)))
    provoked = "the routes of the longest prompts that fit"
    return _excluding(
        "most dollars for a request", setting, shown(limit), provoked, tuple(looks), "maxCostPerRequest is"
    )


def _of_length(tokens: int, *, model: str) -> Task:
    """A task of about so many input tokens, and no more."""
    task = Task(description=_WORD * tokens, type="general", model=model)
    estimate = estimate_conversation(task.conversation, ())
    words = max(1, int(tokens * tokens / max(estimate, 1) * 0.98)) if estimate > tokens else tokens
    return msgspec.structs.replace(task, description=_WORD * words)


def _excluding(
    policy: str, setting: str, value: str, provoked: str, looks: tuple[Look, ...], words: str
) -> Drill:
    def judge(seen: Seen) -> Saw:
        out = sorted({model for told in seen.told for model, why in _left_out(told.route) if words in why})
        some = any(isinstance(told.route, Route) for told in seen.told)
        text = f"leaves out {', '.join(map(short, out)) or 'nobody'}"
        if not out:
            return Saw(text=text, fault="no slot's model is ever left out by it")
        return Saw(text=text, fault="" if some else "it leaves out everybody")

    return Drill(
        policy=policy,
        setting=setting,
        value=value,
        provoked=provoked,
        steps=looks,
        judge=judge,
        remedy="nothing, if it is a safeguard for other models",
        level="note",
    )


def _left_out(route: Route | NoRoute | None) -> list[tuple[str, str]]:
    return [] if route is None else [(one.model, one.reason) for one in route.excluded]


def _successors(setup: Setup) -> Iterator[Planned]:
    for filled in setup.slots:
        if isinstance(filled.standing, Replaced) and filled.entry.successor:
            task = Task(description=SHORT, model=filled.entry.model)
            yield Drill(
                policy="successor of a gone model",
                setting=f"models.{filled.slot}",
                value=filled.entry.model,
                provoked=f"a task for {short(filled.entry.model)}",
                steps=(Scene(), Ask(task=task)),
                judge=_stands_in(filled.id),
                remedy=f"name {filled.id} in its place",
            )


def _stands_in(successor: str) -> Judge:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = received_in_words(told.asked)
        asked = bool(told.models) and told.models[0] == successor
        return Saw(
            text=text, fault="" if asked else f"{short(successor)} was not asked first: {told.message}"
        )

    return judge
