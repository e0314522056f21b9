"""Carries out the steps of drills, and gathers what was seen on both sides. Decides nothing: a drill judges.

Each drill has a deployment, a ledger and a clock of its own. The clock is virtual: a wait moves it, and takes
no time. What is held by a reply is held for real, until it is let go.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_never

from sqlalchemy.exc import SQLAlchemyError

from farthing.cli.work.stage import Stage, drill_clock
from farthing.clock import VirtualClock
from farthing.deployment import Deployment
from farthing.errors import FarthingError, StreamBrokenError, TaskFailedError
from farthing.policies.drill import (
    Ask,
    Asked,
    Begin,
    Drill,
    Finish,
    Look,
    Pass,
    Planned,
    Pretend,
    Row,
    Scene,
    Seen,
    Settle,
    Step,
    Told,
    failed,
    judged,
)
from farthing.policies.setup import Setup
from farthing.result import Attempt, TaskFinished, TaskResult, TokenReceived
from farthing.spend.budget import Claim
from farthing.spend.ledger import SIMULATOR, Intent, Outcome
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.task import Task

_STILL_S = 0.15
"""No request more for so long: nobody else is on the way."""
_PATIENCE_S = 3.0
"""Nor does anybody come after so long, however many were to."""
_LOOK_S = 0.01
_DRILL_S = 60.0
"""What a drill may take for real before it is broken off."""


async def carried_out(
    stage: Stage, setup: Setup, plan: Iterable[Planned], *, began: Callable[[Planned], None]
) -> AsyncGenerator[Row]:
    """The line of each policy, in the plan's order; `began` hears of each before."""
    for planned in plan:
        began(planned)
        yield planned if isinstance(planned, Row) else await _carry_out(stage, setup, planned)


async def _carry_out(stage: Stage, setup: Setup, drill: Drill) -> Row:
    clock = drill_clock(setup)
    with TemporaryDirectory(prefix="farthing-drill-") as name:
        folder = Path(name)
        try:
            async with asyncio.timeout(_DRILL_S):
                await stage.clear()
                deployment = stage.deployment(folder, clock, drill.changes, drill.refused_keys)
                async with deployment:
                    play = Play(stage, deployment, clock, folder)
                    for step in drill.steps:
                        await play.step(step)
        except TimeoutError:
            return failed(drill, f"it was not over after {_DRILL_S:g} s")
        except (FarthingError, SQLAlchemyError, OSError) as error:
            return failed(drill, f"{type(error).__name__}: {error}")
        # What is delivered while the deployment closes counts, too.
        return judged(drill, Seen(told=tuple(play.told), heard=tuple(stage.recorder.heard)))


class Play:
    """One drill under way."""

    def __init__(self, stage: Stage, deployment: Deployment, clock: VirtualClock, folder: Path) -> None:
        self._stage, self._deployment, self._clock, self._folder = stage, deployment, clock, folder
        self._begun: list[asyncio.Task[Told]] = []
        self._pretended = 0
        self.told: list[Told] = []

    async def step(self, step: Step) -> None:
        match step:
            case Scene():
                await self._stage.set_scene(step.faults)
            case Ask():
                slept = len(self._clock.slept)
                told = await (self._streamed(step.task) if step.streamed else self._asked(step.task))
                self.told.append(await self._with_upstream(told, slept))
            case Look():
                self.told.append(Told(route=self._deployment.explain(step.task)))
            case Begin():
                await self._begin(step)
            case Finish():
                await self._finish()
            case Settle():
                await self._deployment.cost_report()  # it waits until all is booked
                await asyncio.sleep(_LOOK_S)  # alerts come back to the loop after that
            case Pass():
                self._clock.advance(step.seconds)
            case Pretend():
                await self._pretend(step)
            case _:
                assert_never(step)

    async def _with_upstream(self, told: Told, slept: int) -> Told:
        return Told(
            result=told.result,
            error=told.error,
            message=told.message,
            attempts=told.attempts,
            text=told.text,
            asked=in_order(await self._stage.received(), told.attempts),
            slept_s=sum(self._clock.slept[slept:]),
        )

    async def _asked(self, task: Task) -> Told:
        try:
            return _answered(await self._deployment.execute_task(task))
        except FarthingError as error:
            return _failed(error)

    async def _streamed(self, task: Task) -> Told:
        text = ""
        try:
            async for event in self._deployment.stream_task(task):
                if isinstance(event, TokenReceived):
                    text += event.text
                elif isinstance(event, TaskFinished):
                    return _answered(event.result, text)
        except FarthingError as error:
            return _failed(error, text)
        return Told(error="no end", text=text)

    async def _begin(self, step: Begin) -> None:
        before = await self._stage.count()
        self._begun += [asyncio.ensure_future(self._asked(task)) for task in step.tasks]
        held, still = 0, 0.0
        while still < _STILL_S or (held < step.held and still < _PATIENCE_S):
            await asyncio.sleep(_LOOK_S)
            now = await self._stage.count() - before
            still = 0.0 if now != held else still + _LOOK_S
            held = now
            if all(one.done() for one in self._begun):
                break
        received, most = await self._stage.received(), await self._stage.most_at_once()
        self.told.append(Told(asked=received, most_at_once=most))

    async def _finish(self) -> None:
        while not all(one.done() for one in self._begun):
            await self._stage.release()
            await asyncio.sleep(_LOOK_S)
        received, most = await self._stage.received(), await self._stage.most_at_once()
        for number, one in enumerate(self._begun):
            told = one.result()
            asked = received if number == 0 else ()
            self.told.append(
                Told(
                    result=told.result,
                    error=told.error,
                    message=told.message,
                    attempts=told.attempts,
                    asked=asked,
                    most_at_once=most,
                )
            )
        self._begun.clear()

    async def _pretend(self, step: Pretend) -> None:
        """Books spend as another process on the same ledger would."""
        self._pretended += 1
        database = Database(f"sqlite:///{self._folder / 'ledger.db'}")
        try:
            ledger = LedgerWriter(database, label="check", now_us=self._clock.now_us)
            await ledger.start()
            intent = _pretended(step, self._pretended, self._clock.now_us(), self._deployment)
            await ledger.reserve(intent, deadline=float("inf"))
            ledger.record(_settled(intent))
            await ledger.aclose()
        finally:
            database.close()


def _pretended(step: Pretend, number: int, at_us: int, deployment: Deployment) -> Intent:
    return Intent(
        call_id=f"call_pretended_{number}",
        at_us=at_us,
        task_id="task_pretended",
        model="pretended",
        upstream=SIMULATOR,
        price_book=deployment.catalog.prices.id,
        worst=step.nano,
        floor=step.nano,
        claims=(Claim(step.key, None),),
        task_type="general",
        purpose="task",
        reason="spend that a check pretends",
    )


def _settled(intent: Intent) -> Outcome:
    return Outcome(
        call_id=intent.call_id,
        at_us=intent.at_us,
        cost=intent.worst,
        basis="reported",
        accepted=True,
        reason="ok",
    )


def in_order(received: tuple[Asked, ...], attempts: tuple[Attempt, ...]) -> tuple[Asked, ...]:
    """What several simulators received, in the order in which it was sent, as far as the attempts tell."""
    left, ordered = list(received), list[Asked]()
    for attempt in attempts:
        at = next((number for number, one in enumerate(left) if one.model == attempt.model), None)
        if at is not None:
            ordered.append(left.pop(at))
    return (*ordered, *left)


def _answered(result: TaskResult, text: str = "") -> Told:
    return Told(result=result, attempts=result.attempts, text=text)


def _failed(error: FarthingError, text: str = "") -> Told:
    tried = error.attempts if isinstance(error, TaskFailedError) else ()
    received = error.received if isinstance(error, StreamBrokenError) else ""
    return Told(
        error=type(error).__name__,
        message=error.message,
        attempts=tuple(one for one in tried if isinstance(one, Attempt)),
        text=text or received,
    )
