"""One round of tools: the calls of one answer side by side, some of which wait for a person or ask an agent.

Runs what was checked, and leaves nothing running. What follows from the results is `loop.py`'s.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from farthing.errors import SwarmPausedError
from farthing.swarm.arguments import parse_arguments
from farthing.swarm.calls import CheckedCall, ReadyCall, RefusedCall
from farthing.swarm.company import Approved, Company, Denied, Errand, Undecided, Waiting
from farthing.swarm.results import Spent, WorkResult, spent_by
from farthing.swarm.roster import Delegation, HandOff
from farthing.swarm.toolcall import ToolOutcome, run_tool, shown

# A context variable, because a tool that executes tasks reaches this module again only through foreign code.
_depth: ContextVar[int] = ContextVar("farthing_loop_depth", default=0)


def current_depth() -> int:
    """How many agent loops enclose the running code: 0 outside of any tool."""
    return _depth.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A call at its end. `outcome` None: it waits for a person's word, for which nobody waits here."""

    checked: CheckedCall
    outcome: ToolOutcome | None
    spent: Spent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms a round runs. `left_s` is the time left to the loop, `max_cost_usd` what agents
    that are asked may cost together.

    `numbers` give each call that asks an agent its number among those that ask the same role.
    """

    depth: int
    tool_timeout_s: float
    left_s: Callable[[], float]
    max_cost_usd: Decimal | None
    numbers: Mapping[str, int]
    number: int
    clock: Callable[[], float]
    waiting: Waiting


async def run_round(
    calls: Sequence[CheckedCall], terms: Terms, company: Company | None
) -> AsyncGenerator[Ran, None]:
    """Runs the calls side by side; gives each as it ends, and leaves no call running."""
    context = copy_context()
    context.run(_depth.set, terms.depth)
    one = _Round(terms, company)
    running = [asyncio.create_task(one.call(checked), context=context.copy()) for checked in calls]
    try:
        for ended in asyncio.as_completed(running):
            yield await ended
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Round:
    def __init__(self, terms: Terms, company: Company | None) -> None:
        self._terms, self._company = terms, company

    async def call(self, checked: CheckedCall) -> Ran:
        match checked:
            case RefusedCall():
                return Ran(checked=checked, outcome=_refused(checked.text))
            case ReadyCall():
                return await self._ready(checked, self._company)
            case _:
                assert_never(checked)

    async def _ready(self, ready: ReadyCall, company: Company | None) -> Ran:
        run = ready.tool.run
        if isinstance(run, HandOff):
            return Ran(checked=ready, outcome=shown(f"The {run.role} goes on from here.", ok=True))
        if isinstance(run, Delegation) and company is not None:
            return await self._delegated(ready, run, company)
        if company is not None and company.confirm(ready.tool):
            match await self._decided(ready, company):
                case Approved():
                    pass
                case Denied(note=note):
                    why = f": {note}" if note else ""
                    return Ran(
                        checked=ready, outcome=_refused(f"error: not run, a person denied this call{why}")
                    )
                case Undecided():
                    return Ran(checked=ready, outcome=None)
        return Ran(checked=ready, outcome=await self._run(ready))

    async def _decided(self, ready: ReadyCall, company: Company) -> Approved | Denied | Undecided:
        call = ready.call
        self._terms.waiting.enter(call.id)
        try:
            return await company.ask_person(call)
        finally:
            self._terms.waiting.leave(call.id)

    async def _run(self, ready: ReadyCall) -> ToolOutcome:
        return await run_tool(
            ready.tool,
            ready.call.arguments,
            timeout_s=min(self._terms.tool_timeout_s, self._terms.left_s()),
            clock=self._terms.clock,
        )

    async def _delegated(self, ready: ReadyCall, asked: Delegation, company: Company) -> Ran:
        terms, began = self._terms, self._terms.clock()
        if terms.max_cost_usd is not None and terms.max_cost_usd <= 0:
            return Ran(checked=ready, outcome=_refused("error: not asked, the money is spent"))
        task = str(parse_arguments(ready.call.arguments).get("task", ""))
        if not task.strip():
            return Ran(checked=ready, outcome=_refused("error: not asked, the task is empty"))
        errand = Errand(
            agent=asked.agent,
            name=f"{company.piece}/{ready.tool.name}-{terms.numbers[ready.call.id]}",
            text=task,
            max_cost_usd=terms.max_cost_usd,
            fund=f"{company.piece}#{terms.number}",
            max_seconds=terms.left_s(),
            waiting=Waiting(terms.clock, (terms.waiting, ready.call.id)),
        )
        work = await company.ask_agent(errand)
        spent = spent_by(work)
        if isinstance(work.error, SwarmPausedError):
            return Ran(checked=ready, outcome=None, spent=spent)
        outcome = _answer_of(work)
        latency_ms = (terms.clock() - began) * 1000
        return Ran(checked=ready, outcome=replace(outcome, latency_ms=latency_ms), spent=spent)


def _answer_of(work: WorkResult) -> ToolOutcome:
    if work.result is None:
        said = work.error.message if work.error is not None else "no answer"
        return shown(f"error: the {work.role} failed: {said}", ok=False)
    return shown(work.result.output, ok=True)


def _refused(text: str) -> ToolOutcome:
    return ToolOutcome(text=text, ok=False, cut=False, latency_ms=0.0)
