"""One task's whole journey, in order. Read this file first: it is the product.

    classify ─▶ route ─▶ cache ─▶ ┌─▶ next_step ── Accept | GiveUp
                           │      │      │ Send
                           hit    │      ▼
                                  └── attempt: fit ─▶ permit ─▶ reserve ─▶ send ─▶ settle ─▶ validate

What is decided is decided by pure functions (`routing/`, `spend/`); what is done is done by `attempt.py`.
The journey is an async generator of events: `execute_task` drains it, `stream_task` hands it on.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from typing import assert_never

from farthing.attempt import Call, Means, perform, record_of
from farthing.cache.flight import Hit
from farthing.cache.key import PolicyMemo
from farthing.compression import Compression
from farthing.config.upstreams import place_of
from farthing.errors import (
    BudgetExceededError,
    DeploymentClosedError,
    FarthingError,
    NoCandidateError,
    QueueFullError,
    StreamBrokenError,
    TaskFailedError,
    UnboundedCostError,
)
from farthing.fit import PLAIN, Way, checked
from farthing.journey import Journey, another_is_left, answer_of, reword, rival_of, situation_of, weakest
from farthing.money import from_nano
from farthing.names import Names
from farthing.prompt.rewrites import NO_REWRITES, RewriteBook
from farthing.race import Race
from farthing.result import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Metrics,
    Restarted,
    Route,
    Routed,
    TaskEvent,
    TaskFinished,
    TaskResult,
    TokenReceived,
    Waiting,
)
from farthing.reuse import asked_of, land, result_of
from farthing.routes import Routes
from farthing.routing.fallback import Accept, GiveUp, Send, Tried, next_step
from farthing.routing.healthbook import HealthBook
from farthing.routing.hedging import hedge_after_s
from farthing.routing.retries import RetryBudget
from farthing.routing.route import NoRoute
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion, Task, Usage
from farthing.underway import CLOSED_EARLY
from farthing.upstream.failure import Failure, FailureKind


class Pipeline:
    """Runs journeys with a deployment's means; `health` is what its attempts have taught so far."""

    def __init__(self, means: Means, rewrites: RewriteBook = NO_REWRITES) -> None:
        self.means = means
        self._rewrites = rewrites
        self.health = HealthBook()
        self._retries = RetryBudget()
        self._names = Names()
        self._routes = Routes(means, self.health)
        self._compression = Compression(means, self._routes.warmth, self.run)
        self._policies = PolicyMemo()

    async def run(self, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        """The events of a task, ending with `TaskFinished`. `stream`: whether tokens are wanted on the way.

        Raises `NoCandidateError`, `BudgetExceededError`, `UnboundedCostError`, `TaskFailedError`,
        `StreamBrokenError`, `LedgerUnavailableError`, or `InvalidTaskError` for a task that cannot be sent.
        """
        journey = self._depart(checked(task))
        task_id = journey.task_id
        yield Routed(task_id=task_id, title=task.title, route=journey.route)
        reused = await self._reused(journey)
        if reused is not None:
            if stream and reused.output:
                yield TokenReceived(task_id=task_id, text=reused.output)
            yield TaskFinished(task_id=task_id, result=reused)
            return
        try:
            async with aclosing(self._asked(journey, stream=stream)) as events:
                async for event in events:
                    yield event
        finally:
            if journey.lead is not None:  # who waits for this answer must not wait for ever
                journey.lead.end()

    async def _asked(self, journey: Journey, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        """The attempts, until an answer is accepted or nothing is left to try."""
        task_id = journey.task_id
        reword(journey, self.means.config.optimization, self._rewrites)
        await self._compression.summarise(journey)
        while True:
            step = self._next_step(journey)
            match step:
                case Send(after_s=0):
                    self._refuse_if_closing()
                    if journey.text_received and not step.continues:
                        journey.text_received.clear()
                        yield Restarted(task_id=task_id, reason=step.reason)
                    async with aclosing(self._attempted(journey, step, stream=stream)) as events:
                        async for event in events:
                            yield event
                case Send():  # decided anew after the wait: meanwhile another candidate may have come back
                    self._refuse_if_closing()
                    reason = step.reason or step.candidate.reason
                    if reason != journey.awaited:
                        yield Waiting(task_id=task_id, seconds=step.after_s, reason=reason)
                    journey.awaited = reason
                    await self.means.clock.sleep(step.after_s)
                case Accept():
                    completion = answer_of(journey, step.completion)
                    if stream and not journey.text_received and completion.text:
                        yield TokenReceived(task_id=task_id, text=completion.text)
                    yield TaskFinished(task_id=task_id, result=self._result(journey, completion))
                    return
                case GiveUp():
                    raise _error_of(journey, step)
                case _:
                    assert_never(step)

    async def _reused(self, journey: Journey) -> TaskResult | None:
        """An earlier answer; None where there is none: then this journey may be the one that asks for it."""
        asked = asked_of(self.means, journey, self._policies)
        if asked is None:
            return None
        found = await self.means.answers.take(asked, until=journey.deadline)
        if isinstance(found, Hit):
            return result_of(self.means, journey, found, reuse_id=self._names.new("call"))
        journey.lead = found
        return None

    def _attempted(self, journey: Journey, step: Send, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        """One attempt's events, or two attempts' at one answer. However they end, also when the caller
        leaves, their models' health hears of it: nobody waits for a trying call that is gone."""
        target = self.means.targets.get(step.candidate.model)
        config = self.means.config
        hedge_s = hedge_after_s(
            config.hedging, journey.task, step, streamed=config.upstream.stream, target=target
        )
        if stream or hedge_s is not None:
            return self._raced(journey, step, hedge_s, stream=stream)
        return self._alone(journey, step)

    async def _alone(self, journey: Journey, step: Send) -> AsyncGenerator[TaskEvent]:
        """An attempt whose text nobody waits for runs in the caller's task: that is quickest."""
        call = self._begin(journey, step)
        try:
            yield _started(journey, call)
            await self._performed(call)
        finally:
            self.health.note(call.candidate.model, call.ending, self.means.clock.monotonic())
        yield AttemptFinished(task_id=journey.task_id, attempt=self._note(journey, call))

    async def _raced(
        self, journey: Journey, step: Send, hedge_s: float | None, *, stream: bool
    ) -> AsyncGenerator[TaskEvent]:
        """Text as it comes; while none has come, after `hedge_s` another candidate is asked beside."""
        first, race = self._begin(journey, step), Race(self.means)
        under_way = [first]
        try:
            yield _started(journey, first)
            race.enter(first)
            if hedge_s is not None:
                race.call_late(hedge_s)
            while race.running:
                news = await race.news()
                if isinstance(news, str):
                    if stream:
                        journey.text_received.append(news)
                        yield TokenReceived(task_id=journey.task_id, text=news)
                elif isinstance(news, Call):
                    under_way.remove(news)
                    self.health.note(news.candidate.model, news.ending, self.means.clock.monotonic())
                    yield AttemptFinished(task_id=journey.task_id, attempt=self._note(journey, news))
                elif (rival := self._rival(journey, first)) is not None:
                    under_way.append(rival)
                    yield _started(journey, rival)
                    race.enter(rival)
        finally:
            race.close()  # a caller who leaves ends the exchanges at once
            for call in under_way:
                self.health.note(call.candidate.model, call.ending, self.means.clock.monotonic())
        journey.call = race.winner or journey.call

    def _rival(self, journey: Journey, first: Call) -> Call | None:
        """The hedge, where somebody may be asked and the retry budget allows it: no outage is doubled."""
        if not self._retries.has_room():
            return None
        candidate = rival_of(journey, first.candidate, self.means, self.health)
        if candidate is None:
            return None
        self._retries.take()
        reason = f"beside {first.candidate.model}, which is late"
        call = self._begin(journey, Send(candidate=candidate, after_s=0.0, reason=reason))
        call.hedges = True
        return call

    def explain(self, task: Task) -> Route | NoRoute:
        """The route a task would take now; nothing is sent. Raises `InvalidTaskError`."""
        return self._routes.find(checked(task)).route

    def _depart(self, task: Task) -> Journey:
        route, conversation = self._routes.find(task)
        if isinstance(route, NoRoute):
            raise NoCandidateError(route.message, reasons=dict(route.reasons), hint=route.hint)
        started, config = self.means.clock.monotonic(), self.means.config
        self._retries.add_task(config.fallback_rules.retry_budget)
        total_s = config.upstream.total_timeout
        return Journey(
            task=task,
            task_id=self._names.new("task"),
            route=route,
            conversation=conversation,
            started=started,
            deadline=started + (total_s if task.timeout_s is None else min(task.timeout_s, total_s)),
            jitter=self.means.rng.random(),
        )

    def _next_step(self, journey: Journey) -> Send | Accept | GiveUp:
        return next_step(
            journey.route.candidates,
            journey.tried,
            rules=self.means.config.fallback_rules,
            situation=situation_of(journey, self.means, self.health, may_retry=self._retries.has_room()),
        )

    def _begin(self, journey: Journey, step: Send) -> Call:
        model, now = step.candidate.model, self.means.clock.monotonic()
        if journey.tried:
            journey.jitter = self.means.rng.random()  # of the backoff after this one
            if not step.extends and any(entry.candidate.model == model for entry in journey.tried):
                self._retries.take()
        self.health.begin(model, now)
        avoid = (*step.avoid, *(name for name in self.health.avoided(model, now) if name not in step.avoid))
        received = step.extends.text if step.extends else "".join(journey.text_received)
        continues = received if step.continues else ""
        plain = not (avoid or continues or step.compress or step.repair)
        another = another_is_left(journey, step, self.means, self.health)
        task, shortening = self._compression.of_attempt(step, journey)
        call = Call(
            call_id=self._names.new("call"),
            task=task,
            task_id=journey.task_id,
            route=journey.route,
            candidate=step.candidate,
            reason=step.reason or step.candidate.reason,
            deadline=journey.deadline,
            another=another,
            shortening=shortening,
            key=self.means.keys.choose(place_of(model, self.means.config.upstreams).upstream, now),
            way=PLAIN
            if plain
            else Way(
                avoid=avoid,
                repair=step.repair,
                compress=step.compress,
                continues=continues,
                extends=step.extends is not None,
            ),
        )
        journey.cut = journey.call if step.extends else None
        journey.call = call
        journey.awaited = ""
        return call

    async def _performed(self, call: Call) -> None:
        """Runs the attempt in the caller's task, which closing waits for, and interrupts when it must."""
        under_way = self.means.under_way
        caller = under_way.enter()
        try:
            await perform(self.means, call)
        except asyncio.CancelledError:
            if under_way.leave(caller):
                raise DeploymentClosedError(CLOSED_EARLY) from None
            raise
        finally:
            under_way.leave(caller)

    def _refuse_if_closing(self) -> None:
        if self.means.under_way.closing:
            raise DeploymentClosedError(CLOSED_EARLY)

    def _note(self, journey: Journey, call: Call) -> Attempt:
        """Keeps the attempt among those that were tried; the record of it."""
        attempt = record_of(call, self.means)
        journey.attempts.append(attempt)
        now = self.means.clock.monotonic()
        if isinstance(call.ending, Completion) and not call.overtaken:
            self._routes.warmth.note(journey.conversation, call.candidate.model, call.ending.usage, now)
        # Who was overtaken may be asked again, and a hedge that was refused was no try.
        if call.ending is not None and not call.overtaken and (call.sent or not call.hedges):
            journey.tried.append(Tried(candidate=call.candidate, ending=call.ending, at=now))
        return attempt

    def _result(self, journey: Journey, completion: Completion) -> TaskResult:
        call = journey.call
        answered = call.answered if call else None
        if journey.lead is not None and call is not None:
            land(self.means, journey.lead, call, completion)
        return TaskResult(
            task_id=journey.task_id,
            output=completion.text,
            model=completion.model,
            route=journey.route,
            metrics=self._metrics(journey, completion),
            attempts=tuple(journey.attempts),
            finish_reason=completion.finish_reason,
            tool_calls=completion.tool_calls,
            clamped=call is not None and call.clamped,
            emulated_tools=call is not None and call.emulates_tools,
            continued=call is not None and bool(call.way.continues),
            simulated=answered is not None and answered.simulated,
            data=call.data if call else None,
            repaired=call is not None and call.repaired,
            shortening=call.shortening if call else journey.shortening,
            output_limit=first.limit if (first := journey.cut or call) else None,
        )

    def _metrics(self, journey: Journey, completion: Completion) -> Metrics:
        means = self.means
        call, first = journey.call, journey.cut or journey.call
        answered = first.answered if first else None
        baselines = [one.baseline for one in (journey.cut, call) if one and one.baseline is not None]
        return Metrics(
            cost=sum((attempt.cost for attempt in journey.attempts), Decimal(0)),
            cost_basis=weakest(journey.attempts),
            baseline_cost=from_nano(sum(baselines)) if baselines else None,
            baseline_model=means.config.baseline.model,
            tokens=completion.usage or Usage(),
            latency_ms=round((means.clock.monotonic() - journey.started) * 1000, 3),
            first_token_ms=answered.first_token_ms if answered else None,
        )


def _started(journey: Journey, call: Call) -> AttemptStarted:
    number = len(journey.attempts) + (2 if call.hedges else 1)
    model = call.candidate.model
    return AttemptStarted(task_id=journey.task_id, call_id=call.call_id, model=model, number=number)


def _error_of(journey: Journey, step: GiveUp) -> FarthingError:
    if journey.delivered:
        received = "".join(journey.text_received)
        return StreamBrokenError(step.reason, received=received, attempts=journey.attempts)
    match step.ending:
        case Denied() as denied if all(isinstance(tried.ending, Denied) for tried in journey.tried):
            return BudgetExceededError(
                str(denied),
                refusal=denied,
                hint="raise the limit, lower max_tokens, or wait for the next period",
            )
        case Unbounded() as unbounded if all(isinstance(tried.ending, Unbounded) for tried in journey.tried):
            return UnboundedCostError(
                f"the worst case of a call cannot be stated: {unbounded.reason}",
                hint="set what it names, or budget.unknownPriceCeiling to reserve a fixed amount",
            )
        case Failure(kind=FailureKind.queue_full) as failure:
            return QueueFullError(
                f"{journey.task.title!r} was not begun: {failure.message}",
                hint="ask again later, or raise limits.queueSize, limits or scaling.maxConcurrency",
            )
        case _:
            return TaskFailedError(
                f"{journey.task.title!r} failed: {step.reason}",
                attempts=journey.attempts,
                hint="the attempts are on the error; `farthing explain` shows the candidates",
            )
