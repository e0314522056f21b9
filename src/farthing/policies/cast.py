"""Who plays a part in drills: the task with most candidates, a model alone, one that costs money. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from farthing.policies.drill import Change
from farthing.policies.setup import SHORT, Setup
from farthing.result import Candidate
from farthing.task import TASK_TYPES, Task, TaskType, Tool

FORM: Mapping[str, object] = {
    "type": "json_schema",
    "json_schema": {
        "name": "rivers",
        "schema": {
            "type": "object",
            "properties": {
                "rivers": {"type": "array", "minItems": 8, "items": {"type": "string", "minLength": 12}}
            },
            "required": ["rivers"],
            "additionalProperties": False,
        },
    },
}
"""A form for answers, long enough to be cut short."""
TOOL = Tool(
    name="length_of",
    description="The length of a river in kilometres.",
    parameters={"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]},
)
RUN, AGENT, KEY = "run-check", "agent-check", "check"
"""The names that drills charge to."""


class Scenes(NamedTuple):
    """The parts, cast once for a configuration."""

    task: Task
    """Of the type with most candidates."""
    candidates: tuple[Candidate, ...]
    lone: Task
    """Names a model, so that it is the only candidate."""
    lone_model: str
    paid: Task | None
    """Names a model that costs money; None where every model is free."""
    paid_model: str

    @property
    def first(self) -> str:
        return self.candidates[0].model


def cast_for(setup: Setup) -> Scenes | None:
    """The parts; None where no model can take any task."""
    kinds = setup.kinds()
    kind: TaskType = max(TASK_TYPES, key=lambda one: len(kinds[one]))
    if not kinds[kind]:
        return None
    lone = _alone(setup, kind)
    paid = _paid(setup, kind)
    return Scenes(
        task=Task(description=SHORT, type=kind),
        candidates=kinds[kind],
        lone=lone,
        lone_model=setup.candidates(lone)[0].model,
        paid=paid,
        paid_model="" if paid is None else setup.candidates(paid)[0].model,
    )


def _alone(setup: Setup, kind: TaskType) -> Task:
    """The fallback slot's model alone, where it may serve: any other has it behind itself."""
    named = [filled for filled in setup.slots if filled.slot == "fallback"]
    named += [filled for filled in setup.slots if filled.slot != "fallback"]
    tasks = [Task(description=SHORT, type=kind, model=filled.id) for filled in named]
    found = [task for task in tasks if len(setup.candidates(task)) == 1]
    return found[0] if found else Task(description=SHORT, type=kind)


def _paid(setup: Setup, kind: TaskType) -> Task | None:
    for filled in setup.slots:
        task = Task(description=SHORT, type=kind, model=filled.id)
        candidates = setup.candidates(task)
        price = setup.catalog.price(candidates[0].model) if candidates else None
        if candidates and candidates[0].model == filled.id and price is not None and not price.is_free:
            return task
    return None


def without_rates(setup: Setup) -> tuple[Change, ...]:
    """Rates lifted for all drills but their own: who waits for a turn lets other waits pass meanwhile."""
    limits, why = setup.config.limits, "a call that waits for its turn lets other waits pass"
    rates: dict[str, object] = {
        "limits.requestsPerMinute": limits.requests_per_minute,
        "limits.tokensPerMinute": limits.tokens_per_minute,
        "limits.perKey.requestsPerMinute": limits.per_key.requests_per_minute,
        "limits.perKey.tokensPerMinute": limits.per_key.tokens_per_minute,
    }
    if any(filled.id.endswith(":free") for filled in setup.slots):
        rates["limits.freeRequestsPerMinute"] = limits.free_requests_per_minute
    lifted = [Change(setting=name, value=None, why=why) for name, rate in rates.items() if rate is not None]
    return (*lifted, Change(setting="limits.models", value={}, why=why)) if limits.models else tuple(lifted)


def varied(task: Task, number: int) -> Task:
    """The task in other words, so that upstream draws anew."""
    return msgspec.structs.replace(task, description=f"{task.description} Number {number}.")
