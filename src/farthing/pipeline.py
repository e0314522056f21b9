"""One task's whole journey, in order. Read this file first: it is the product.

    classify ─▶ route ─▶ cache ─▶ ┌─▶ next_step ── Accept | GiveUp
                           │      │      │ Send
                           hit    │      ▼
                                  └── attempt: fit ─▶ permit ─▶ reserve ─▶ send ─▶ settle ─▶ validate

What is decided is decided by pure functions (`routing/`, `spend/`); what is done is done by `attempt.py`.
The journey is an async generator of events: `execute_task` drains it, `stream_task` hands it on.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import assert_never

from farthing import deferring
from farthing.alike import recall
from farthing.attempt import Call, Means, perform, record_of
from farthing.batching import BatchDesk
from farthing.cache.flight import Hit
from farthing.cache.key import PolicyMemo
from farthing.compression import Compression
from farthing.config.upstreams import place_of
from farthing.deferring import Ways
from farthing.errors import (
    DeploymentClosedError,
    NoCandidateError,
)
from farthing.finish import finished
from farthing.fit import PLAIN, Way, checked
from farthing.giveup import error_of
from farthing.journalling import counts, journal, step_of
from farthing.journey import Journey, another_is_left, answer_of, reword, rival_of, situation_of
from farthing.limits.allowance import is_free
from farthing.names import Names
from farthing.prompt.rewrites import NO_REWRITES, RewriteBook
from farthing.race import Race
from farthing.result import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Restarted,
    Route,
    Routed,
    TaskEvent,
    TaskFinished,
    TaskResult,
    TokenReceived,
    Waiting,
)
from farthing.reuse import result_of
from farthing.routes import Routes
from farthing.routing.deferral import Plan
from farthing.routing.fallback import Accept, GiveUp, Send, Tried, next_step
from farthing.routing.healthbook import HealthBook
from farthing.routing.hedging import hedge_after_s
from farthing.routing.retries import RetryBudget
from farthing.routing.route import NoRoute
from farthing.task import Completion, Task
from farthing.underway import CLOSED_EARLY


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
        self._batches = BatchDesk(means)
        self._policies = PolicyMemo(rewrites.digests)

    async def run(self, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        """The events of a task, ending with `TaskFinished`. `stream`: whether tokens are wanted on the way.

        Raises `NoCandidateError`, `BudgetExceededError`, `UnboundedCostError`, `TaskFailedError`,
        `StreamBrokenError`, `LedgerUnavailableError`, or `InvalidTaskError` for a task that cannot be sent.
        """
        journey = await self._depart(checked(task))
        task_id = journey.task_id
        yield Routed(task_id=task_id, title=task.title, route=journey.route)
        reused = self._given(journey, await recall(self.means, journey, self._policies))
        if reused is not None:
            for event in _told(reused, stream=stream):
                yield event
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
                    if self._compression.acts:
                        await self._compression.tighten(step, journey)
                    async with aclosing(self._attempted(journey, step, stream=stream)) as events:
                        async for event in events:
                            yield event
                case Send():  # decided anew after the wait: meanwhile another candidate may have come back
                    self._refuse_if_closing()
                    reason = step.reason or step.candidate.reason
                    if reason != journey.awaited:
                        yield Waiting(task_id=task_id, seconds=step.after_s, reason=reason)
                    journey.awaited = reason
                    await self._wait(journey, step.after_s)
                case Accept() | GiveUp():
                    for event in self._ended(journey, step, stream=stream):
                        yield event
                    return
                case _:
                    assert_never(step)

    def _ended(self, journey: Journey, step: Accept | GiveUp, *, stream: bool) -> Iterator[TaskEvent]:
        """The last events. Who gives up a recheck gives the answer that was to be rechecked."""
        if isinstance(step, Accept):
            result = finished(self.means, journey, answer_of(journey, step.completion))
            journal(self.means, journey, result)
            return _told(result, stream=stream and not journey.text_received)
        kept = None if journey.delivered else self._given(journey, journey.kept)
        if kept is None:
            raise error_of(journey, step)
        return _told(kept, stream=stream)

    def _given(self, journey: Journey, hit: Hit | None) -> TaskResult | None:
        """The result with an earlier answer, where there is one that fits."""
        result = hit and result_of(self.means, journey, hit, reuse_id=self._names.new("call"))
        if result is not None:
            journal(self.means, journey, result)
        return result

    def _attempted(self, journey: Journey, step: Send, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        """One attempt's events, or two attempts' at one answer. However they end, also when the caller
        leaves, their models' health hears of it: nobody waits for a trying call that is gone."""
        if journey.plan is not None and journey.plan.in_batch:
            return self._in_batch(journey, step, journey.plan)
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

    async def _in_batch(self, journey: Journey, step: Send, plan: Plan) -> AsyncGenerator[TaskEvent]:
        """One attempt among others' in a batch. Unless it brings an answer, a direct one follows in time."""
        call = self._begin(journey, step)
        known: Completion | None = None
        try:
            yield _started(journey, call)
            yield Waiting(task_id=journey.task_id, seconds=plan.latest_s, reason=plan.reason)
            ending = await self._batches.answer(call, latest_s=plan.latest_s)
            known = ending if isinstance(ending, Completion) else None
        finally:  # a batch's trouble says nothing about its model
            self.health.note(call.candidate.model, known, self.means.clock.monotonic())
        deferring.batch_over(self.means, journey, ending)
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

    async def _plan(self, journey: Journey) -> None:
        """How a task with a deadline is sent; its route says it."""
        journey.came = self.means.clock.now()
        if is_free(journey.route.candidates[0].model):
            await self.means.permits.ask_free()
        journey.plan = deferring.planned(self.means, journey.task, journey.route)
        journey.route = deferring.explained(journey.route, journey.plan)
        journey.awaits_hour = journey.plan is not None and journey.plan.wait_s > 0

    async def _wait(self, journey: Journey, seconds: float) -> None:
        """Nothing is held meanwhile. Hours change much: after them the route is decided anew."""
        if not journey.awaits_hour:
            await self.means.clock.sleep(seconds)
            return
        journey.waited_s = await deferring.wait(self.means, seconds)
        journey.awaits_hour = False
        self._refuse_if_closing()
        journey.route = deferring.explained(self._routed(journey.task)[0], journey.plan)
        deferring.start_clock(self.means, journey)

    def explain(self, task: Task) -> Route | NoRoute:
        """The route a task would take now; nothing is sent. Raises `InvalidTaskError`."""
        route = self._routes.find(task := checked(task)).route
        if isinstance(route, NoRoute):
            return route
        return deferring.explained(route, deferring.planned(self.means, task, route))

    async def _depart(self, task: Task) -> Journey:
        (route, conversation), config = self._routed(task), self.means.config
        started = self.means.clock.monotonic()
        self._retries.add_task(config.fallback_rules.retry_budget)
        journey = Journey(
            task=task,
            task_id=self._names.new("task"),
            route=route,
            conversation=conversation,
            started=started,
            deadline=started + deferring.time_given_s(self.means, task),
            jitter=self.means.rng.random(),
        )
        if task.deadline is not None:
            await self._plan(journey)
        return journey

    def _routed(self, task: Task) -> tuple[Route, str]:
        route, conversation = self._routes.find(task)
        if isinstance(route, NoRoute):
            raise NoCandidateError(route.message, reasons=dict(route.reasons), hint=route.hint)
        return route, conversation

    def _next_step(self, journey: Journey) -> Send | Accept | GiveUp:
        if journey.awaits_hour and journey.plan is not None:
            first = journey.route.candidates[0]
            return Send(candidate=first, after_s=journey.plan.wait_s, reason=journey.plan.reason)
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
        goes = deferring.next_ways(journey)
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
            deferral=goes.word,
            waited_s=goes.waited_s,
            key=self.means.keys.choose(place_of(model, self.means.config.upstreams).upstream, now),
            way=self._way(journey, step, goes, now),
        )
        if task.step is not None:
            call.journal = lambda ended: step_of(self.means, journey, ended, self._next_step)
        journey.cut = journey.call if step.extends else None
        journey.call = call
        journey.awaited = ""
        return call

    def _way(self, journey: Journey, step: Send, goes: Ways, now: float) -> Way:
        avoided = self.health.avoided(step.candidate.model, now)
        avoid = (*step.avoid, *(name for name in avoided if name not in step.avoid))
        received = step.extends.text if step.extends else "".join(journey.text_received)
        continues = received if step.continues else ""
        if not (avoid or continues or step.compress or step.repair or goes.word):
            return PLAIN
        return Way(
            avoid=avoid,
            repair=step.repair,
            compress=step.compress,
            continues=continues,
            extends=step.extends is not None,
            floor=goes.floor,
            batch=goes.batch,
        )

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
        if call.ending is not None and counts(call):
            journey.tried.append(Tried(candidate=call.candidate, ending=call.ending, at=now))
        return attempt


def _told(result: TaskResult, *, stream: bool) -> Iterator[TaskEvent]:
    """The last events of a task. `stream`: its text is still to be told."""
    if stream and result.output:
        yield TokenReceived(task_id=result.task_id, text=result.output)
    yield TaskFinished(task_id=result.task_id, result=result)


def _started(journey: Journey, call: Call) -> AttemptStarted:
    number = len(journey.attempts) + (2 if call.hedges else 1)
    model = call.candidate.model
    return AttemptStarted(task_id=journey.task_id, call_id=call.call_id, model=model, number=number)
