"""Drills of limits that make tasks wait: at once, in a minute, in the queue. Pure values.

A minute passes on the deployment's virtual clock. Limits that would need more than a few dozen calls are
lowered, and said to be.
"""

from collections.abc import Iterator
from dataclasses import replace

from farthing.limits.window import MINUTE_S
from farthing.policies.cast import Scenes, varied, without_rates
from farthing.policies.drill import (
    Ask,
    Begin,
    Change,
    Drill,
    Fault,
    Finish,
    Judge,
    Planned,
    Saw,
    Scene,
    Seen,
    off,
    short,
    shown,
)
from farthing.policies.finding import says
from farthing.policies.setup import SHORT, Setup
from farthing.task import Task

_MOST_AT_ONCE, _MOST_CALLS = 70, 60
_FEW, _QUEUE = 5, 3
_HELD = Scene(faults=(Fault(kind="slow_headers"),))


def queueing_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """`scaling.maxConcurrency`, the queue, and every rate of `limits`."""
    yield _at_once(setup, parts)
    yield _queue(setup, parts)
    limits = setup.config.limits
    keys = max(len(setup.config.upstream.api_key_env), 1)
    yield _requests(setup, parts.lone, "limits.requestsPerMinute", limits.requests_per_minute)
    yield _tokens(setup, parts.lone, "limits.tokensPerMinute", limits.tokens_per_minute)
    main = next((filled for filled in setup.slots if setup.at_main(filled.id)), None)
    if main is not None:
        task = Task(description=SHORT, model=main.id)
        yield _requests(
            setup, task, "limits.perKey.requestsPerMinute", limits.per_key.requests_per_minute, keys
        )
        yield _tokens(setup, task, "limits.perKey.tokensPerMinute", limits.per_key.tokens_per_minute, keys)
    yield from _free(setup)
    yield from _by_model(setup)


def _at_once(setup: Setup, parts: Scenes) -> Planned:
    most, setting = setup.config.scaling.max_concurrency, "scaling.maxConcurrency"
    if most is None:
        return off("so many at once", setting, None, "no limit is set")
    changes: tuple[Change, ...] = ()
    if most > _MOST_AT_ONCE:
        changes = (Change(setting=setting, value=_FEW, why=f"{most} calls would have to be held"),)
    allowed = _FEW if changes else most

    def judge(seen: Seen) -> Saw:
        held = max(told.most_at_once for told in seen.told)
        answered = sum(told.result is not None for told in seen.told[1:])
        text = f"{held} of {allowed + 2} calls were on the wire at once; {answered} were answered"
        if held != allowed:
            return Saw(text=text, fault=f"{allowed} were to be")
        return Saw(text=text, fault="" if answered == allowed + 2 else "not all came to their turn")

    tasks = tuple(varied(parts.task, number) for number in range(allowed + 2))
    return Drill(
        policy="so many at once",
        setting=setting,
        value=str(most),
        provoked=f"{allowed + 2} tasks together, held upstream",
        steps=(_HELD, Begin(tasks=tasks, held=allowed), Finish()),
        judge=judge,
        remedy="another limit is lower: alerts.criticalConcurrency or upstream.connectionLimit",
        changes=(*changes, *without_rates(setup)),
    )


def _queue(setup: Setup, parts: Scenes) -> Planned:
    limits, policy, setting = setup.config.limits, "a full queue", "limits.whenFull"
    if limits.queue_size is None:
        return off(policy, setting, limits.when_full, "queueSize is null: everybody may wait")
    stated = says(setup.config, "limits", "queue_size") or says(setup.config, "limits", "when_full")
    if not stated:
        return off(
            policy, setting, limits.when_full, f"{limits.queue_size:,} wait by default, the others before it"
        )
    size = min(limits.queue_size, _QUEUE)
    changes = [Change(setting="scaling.maxConcurrency", value=1, why="one call on the wire fills it soonest")]
    if size < limits.queue_size:
        why = f"{limits.queue_size} tasks would have to wait"
        changes.append(Change(setting="limits.queueSize", value=size, why=why))
    tasks = tuple(varied(parts.task, number) for number in range(size + 2))
    refuses = limits.when_full == "refuse"

    def judge(seen: Seen) -> Saw:
        ends = [told.error or "answered" for told in seen.told[1:]]
        full = ends.count("QueueFullError")
        answered = ends.count("answered")
        text = f"1 on the wire, {size} in line: of {len(tasks)} {full} refused, {answered} answered"
        if full != int(refuses):
            return Saw(text=text, fault=f"{int(refuses)} were to be refused")
        return Saw(text=text, fault="" if answered == len(ends) - full else "not all were answered")

    return Drill(
        policy=policy,
        setting=setting,
        value=limits.when_full,
        provoked=f"{len(tasks)} tasks together, the first held upstream",
        steps=(_HELD, Begin(tasks=tasks, held=1), Finish()),
        judge=judge,
        remedy="see docs/guides/reliability.md, Limits and the queue",
        changes=(*changes, *without_rates(setup)),
    )


def _requests(setup: Setup, task: Task, setting: str, limit: int | None, times: int = 1) -> Planned:
    """So many calls in a minute: the next one waits for its end, or goes to another model."""
    policy = "requests in a minute"
    if limit is None:
        return off(policy, setting, None, "no limit is set")
    changes: tuple[Change, ...] = ()
    if limit * times > _MOST_CALLS:
        changes = (Change(setting=setting, value=_FEW, why=f"{limit * times} calls would be sent"),)
    allowed = (_FEW if changes else limit) * times
    asks = tuple(Ask(task=varied(task, number)) for number in range(allowed + 1))
    return Drill(
        policy=policy,
        setting=setting,
        value=str(limit),
        provoked=f"{allowed + 1} tasks, one after the other",
        steps=(Scene(), *asks),
        judge=_next_waits(task.model, allowed),
        remedy="a budget refuses before, or nothing counts there",
        changes=(*changes, *_other_rates(setup, setting)),
    )


def _other_rates(setup: Setup, setting: str) -> tuple[Change, ...]:
    """The other rates, lifted: each is shown by itself. Which of them forestalls which is told on paper."""
    return tuple(one for one in without_rates(setup) if not setting.startswith(one.setting))


def _next_waits(model: str | None, allowed: int) -> Judge:
    def judge(seen: Seen) -> Saw:
        *before, last = seen.told
        sent = sum(len(told.asked) for told in before)
        waited = sum(told.slept_s for told in before)
        elsewhere = last.models and model is not None and last.models[0] != model
        then = f"went to {short(last.models[0])}" if elsewhere else f"waited {last.slept_s:.0f} s"
        text = f"{sent} were sent at once, the next {then}"
        if sent != allowed or waited >= 1:
            return Saw(text=text, fault=f"{allowed} were to go without waiting")
        if not elsewhere and not MINUTE_S - 1 <= last.slept_s <= MINUTE_S + 1:
            return Saw(text=text, fault="it was to wait until the minute is over")
        return Saw(text=text, fault="" if last.result is not None else f"it was not answered: {last.error}")

    return judge


def _tokens(setup: Setup, task: Task, setting: str, limit: int | None, times: int = 1) -> Planned:
    """So many tokens in a minute: two calls' estimates are more than the lowered limit has room for."""
    policy = "tokens in a minute"
    if limit is None:
        return off(policy, setting, None, "no limit is set")
    value = (setup.config.optimization.max_output_tokens + 20) // times
    change = Change(setting=setting, value=value, why=f"{limit} tokens would have to be used")
    return Drill(
        policy=policy,
        setting=setting,
        value=str(limit),
        provoked="two tasks, whose estimates are more than the limit",
        steps=(Scene(), Ask(task=varied(task, 1)), Ask(task=varied(task, 2))),
        judge=_next_waits(task.model, 1),
        remedy="a budget refuses before, or nothing counts there",
        changes=(change, *_other_rates(setup, setting)),
    )


def _free(setup: Setup) -> Iterator[Planned]:
    free = next((filled.id for filled in setup.slots if filled.id.endswith(":free")), None)
    if free is not None and setup.at_main(free):
        task = Task(description=SHORT, model=free)
        yield _requests(
            setup, task, "limits.freeRequestsPerMinute", setup.config.limits.free_requests_per_minute
        )


def _by_model(setup: Setup) -> Iterator[Planned]:
    limits = setup.config.limits
    for name, own in limits.models.items():
        found = setup.catalog.find(name)
        task = Task(description=SHORT, model=name if found is None else found.id)
        if not setup.candidates(task):
            continue
        for field, setting in (
            ("requests_per_minute", "requestsPerMinute"),
            ("tokens_per_minute", "tokensPerMinute"),
        ):
            limit: int | None = getattr(own, field)
            if limit is None:
                continue
            path = f"limits.models.{name}.{setting}"
            plan = (
                _requests(setup, task, path, limit) if field[0] == "r" else _tokens(setup, task, path, limit)
            )
            yield _with_whole_mapping(setup, name, field, plan)


def _with_whole_mapping(setup: Setup, name: str, field: str, plan: Planned) -> Planned:
    """A model's name has dots, so that its limit is changed with the whole of `limits.models`."""
    if not isinstance(plan, Drill):
        return plan
    own = [change for change in plan.changes if change.setting == plan.setting]
    if not own:
        return plan
    models = dict(setup.config.limits.models)
    models[name] = models[name].model_copy(update={field: own[0].value})
    value = {model: limit.model_dump(by_alias=True, exclude_none=True) for model, limit in models.items()}
    told = f"{name} at {shown(own[0].value)}"
    whole = Change(setting="limits.models", value=value, why=own[0].why, told=told)
    return replace(plan, changes=(whole, *(change for change in plan.changes if change not in own)))
