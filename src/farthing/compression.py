"""Context compression on the way of a task: each attempt's conversation, and a summary before the first one.

What goes is decided in `prompt/`. A summary is a task of its own (purpose `summary`): it has its own route
and reservation, and when it fails or is refused the task goes on without one.
"""

import logging
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from msgspec import structs

from farthing.attempt import Means
from farthing.cache.embed import is_installed
from farthing.catalog.pricing import Rates, rates_at
from farthing.errors import ConfigError, FarthingError
from farthing.journey import Journey
from farthing.prompt.contexts import TIGHTER_SHARE, Asked, Contexts, Fit, is_long, room_in
from farthing.prompt.nearness import Nearness
from farthing.prompt.summarize import Plan, summarised
from farthing.prompt.tokens import estimate_conversation, estimate_tokens
from farthing.result import Candidate, Shortening, TaskEvent, TaskFinished
from farthing.routing.fallback import Send
from farthing.routing.warmth import WarmBook
from farthing.task import Task

log = logging.getLogger("farthing.prompt")

_TIME_SHARE = 0.3
"""Of the time that a task has left, for its summary."""
_EMBEDDING_S = 2.0
"""For the pieces of one conversation that have not been embedded before; the best come first."""


class Run(Protocol):
    """A pipeline's way to run a task."""

    def __call__(self, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]: ...


class Sent(NamedTuple):
    """The task as an attempt sends it, and all that was left out of what the caller gave."""

    task: Task
    shortening: Shortening | None


class _Writer(NamedTuple):
    candidate: Candidate
    rates: Rates


class Compression:
    """For one pipeline: remembers what was compressed and summarised of its conversations."""

    def __init__(self, means: Means, warmth: WarmBook, run: Run) -> None:
        self._means, self._warmth, self._run = means, warmth, run
        self.acts = _is_on(means)
        """Whether the configuration wants it at all."""
        self._nearness = Nearness() if self.acts and is_installed() else None
        self._contexts = Contexts(None if self._nearness is None else self._nearness.scores)

    async def tighten(self, step: Send, journey: Journey) -> None:
        """Compresses the whole for its question, before an attempt that needs it: after a refusal for length,
        or where the stretches do not fit. The meaning of pieces counts too, where the extra `semantic` is
        installed: they are embedded in a thread, for at most `_EMBEDDING_S`."""
        if not _may_compress(journey.task, self._means):
            return
        asked = self._asked(journey, step.candidate)
        if step.shorten:
            target = _tighter_target(asked, journey)
        elif asked.room_tokens is not None and self._contexts.overflows(asked):
            target = asked.room_tokens
        else:
            return
        fit = self._contexts.tighter(asked, target)
        if self._nearness is not None and await self._embed(self._nearness):
            fit = self._contexts.tighter(asked, target)
        journey.tightened[step.candidate.model] = fit

    async def _embed(self, nearness: Nearness) -> bool:
        """Whether anything was learned of the pieces that were just weighed."""
        clock, texts = self._means.clock, nearness.wanted()
        end = clock.monotonic() + _EMBEDDING_S
        try:
            for text in texts:
                nearness.learn(text, await self._means.semantic.embedder.gist(text))
                if clock.monotonic() > end:
                    break
        except ConfigError as error:  # other weights than those that were measured: words have to do
            log.warning("pieces are ranked by their words alone: %s", error.message)
            self._nearness = None
        return bool(texts)

    def of_attempt(self, step: Send, journey: Journey) -> Sent:
        """The task for one attempt: in the candidate's window, shorter where that pays, and shorter still
        after a refusal for length."""
        task, model = journey.task, step.candidate.model
        if not _may_compress(task, self._means):
            return Sent(task, journey.shortening)
        asked = self._asked(journey, step.candidate)
        fit = journey.tightened.get(model) or self._contexts.fit(asked)
        if fit.shortening is None:
            return Sent(task, journey.shortening)
        return Sent(structs.replace(task, messages=fit.messages), _both(journey.shortening, fit))

    async def summarise(self, journey: Journey) -> None:
        """Has old turns summarised where that pays, and keeps the summary for this task and later ones.

        Not for a task with a limit on its own cost: the summary would be paid outside of it.
        """
        task, means = journey.task, self._means
        if not _may_compress(task, means) or task.max_cost_usd is not None:
            return
        writer = _writer(journey, means)
        if writer is None:
            return
        planned = self._contexts.summary_of(self._asked(journey, journey.route.candidates[0]), writer.rates)
        if planned is None:
            return
        key, plan = planned
        text = await _written(_summary_task(plan, writer, journey, means), means, writer, self._run)
        messages = None if text is None else summarised(plan, text)
        if messages is None:
            self._contexts.give_up(key)
        else:
            self._contexts.remember(key, messages)

    def _asked(self, journey: Journey, candidate: Candidate) -> Asked:
        task, means, tokens = journey.task, self._means, 0
        model, price = means.catalog.find(candidate.model), means.catalog.price(candidate.model)
        if price is not None and price.overrides:
            tokens = estimate_conversation(task.conversation, task.tools)
        warm = self._warmth.of(journey.conversation, means.clock.monotonic())
        return Asked(
            messages=task.conversation,
            tools=task.tools,
            rates=None if price is None else rates_at(price, input_tokens=tokens, at=means.clock.now()),
            window_tokens=None if model is None else model.context_tokens,
            max_tokens=task.max_tokens or means.config.optimization.max_output_tokens,
            warm=warm is not None and warm.model == candidate.model,
        )


def _may_compress(task: Task, means: Means) -> bool:
    return _is_on(means) and task.purpose != "summary" and is_long(task.conversation)


def _is_on(means: Means) -> bool:
    return means.config.optimization.prompt_optimization.context_compression


def _tighter_target(asked: Asked, journey: Journey) -> int:
    """Tokens after a refusal for length: a part of what was refused, and no more than the window has."""
    last = journey.call.task if journey.call is not None else journey.task
    target = int(estimate_conversation(last.conversation) * TIGHTER_SHARE)
    return target if asked.room_tokens is None else min(target, asked.room_tokens)


def _writer(journey: Journey, means: Means) -> _Writer | None:
    """The cheapest of the route, all of whose models are good enough for the task itself."""
    known = [
        _Writer(candidate, price.rates)
        for candidate in journey.route.candidates
        if (price := means.catalog.price(candidate.model)) is not None
    ]
    return min(known, key=lambda one: (one.rates.prompt, one.rates.completion), default=None)


def _summary_task(plan: Plan, writer: _Writer, journey: Journey, means: Means) -> Task:
    """Charged to whom the task is charged to, under the limits of the scopes around it."""
    task = journey.task
    return Task(
        description=plan.prompt,
        type="general",
        complexity="low",
        model=writer.candidate.model,
        max_tokens=plan.max_tokens,
        timeout_s=max((journey.deadline - means.clock.monotonic()) * _TIME_SHARE, 0.001),
        limits=task.limits,
        key=task.key,
        tags=task.tags,
        metadata=task.metadata,
        purpose="summary",
        priority=task.priority,
        run_id=task.run_id,
        agent_id=task.agent_id,
        role=task.role,
    )


async def _written(task: Task, means: Means, writer: _Writer, run: Run) -> str | None:
    """The summary's text; None where it does not fit, was refused, failed, or was cut."""
    model = means.catalog.find(writer.candidate.model)
    window = None if model is None else model.context_tokens
    room = room_in(window, max_tokens=task.max_tokens or 0, tools=())
    if room is not None and estimate_tokens(task.description) > room:
        return None
    text: str | None = None
    try:
        async for event in run(task, stream=False):
            if isinstance(event, TaskFinished) and event.result.finish_reason == "stop":
                text = event.result.output
    except FarthingError:
        return None  # the ledger has the attempts; the task itself is sent without a summary
    return text


def _both(first: Shortening | None, fit: Fit) -> Shortening | None:
    """What was left out by two hands, one after the other."""
    second = fit.shortening
    if first is None or second is None:
        return first or second
    after = first.tokens_before - first.saved_tokens - second.saved_tokens
    return Shortening(
        tokens_before=first.tokens_before,
        tokens_after=max(after, 0),
        changes=(*first.changes, *second.changes),
    )
