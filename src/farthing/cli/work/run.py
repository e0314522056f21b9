"""`farthing run`: one prompt to one answer. The answer goes to standard output, everything else beside it."""

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from farthing.cli import prompt
from farthing.cli.options import Using
from farthing.cli.work import show, tables
from farthing.cli.work.approvals import ApproveMode, Asking
from farthing.cli.work.interrupt import INTERRUPTED, run_async
from farthing.cli.work.ledger import REUSE_IN_WORDS, basis_of
from farthing.cli.work.report import find_run, ledger_urls
from farthing.cli.work.toolnames import tools_asked, within
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import FarthingError, StreamBrokenError
from farthing.money import percent_saved
from farthing.result import Deferral, TaskFinished, TaskResult, TokenReceived, Waiting
from farthing.swarm.events import LoopEvent, ToolRan
from farthing.swarm.run import new_run_id
from farthing.task import Task

_LONG_WAIT_S = 60.0
"""From here on a person is told what is waited for."""


def run_prompt(
    asked: prompt.Asked,
    source: str | Path | None,
    *,
    using: Using,
    stream: bool | None,
    as_json: bool,
) -> None:
    """Sends the prompt; `stream` None is by whether standard output is a terminal."""
    settings = load_config(source, overrides=within(using.workdir))
    named = tools_asked(using.tools, using.workdir)
    task = prompt.task_from(asked, run_id=new_run_id())
    streams = not as_json and (sys.stdout.isatty() if stream is None else stream)
    try:
        result = run_async(_answer(settings, task, named, using.approve.value, streams=streams))
    except typer.Exit as left:
        if left.exit_code == INTERRUPTED:
            _tell_interrupted(settings, task)
        raise
    if as_json:
        show.write_json(result_json(result, task))
        return
    if not streams:
        sys.stdout.write(_shown(result.output) + "\n")
    sys.stdout.flush()
    show.note(footer(result))


async def _answer(
    settings: DeploymentConfig, task: Task, named: Sequence[str], approve: ApproveMode, *, streams: bool
) -> TaskResult:
    async with Deployment(settings) as deployment:
        tools = await deployment.tools(*named) if named else ()
        for notice in deployment.notices:
            show.note(f"note: {notice.text}")
        if not streams and task.deadline is None and not tools:
            return await deployment.execute_task(task)
        on_approval = Asking(approve, show.console(stderr=True)).on_approval
        events = deployment.stream_task(task, tools=tools or None, on_approval=on_approval)
        try:
            return await _written(events, streams=streams)
        except StreamBrokenError:
            sys.stdout.write("\n")
            raise


async def _written(events: AsyncIterator[LoopEvent], *, streams: bool) -> TaskResult:
    """Writes the tokens to standard output as they come, and what is waited for beside it."""
    async for event in events:
        if isinstance(event, Waiting) and event.seconds >= _LONG_WAIT_S:
            show.note(f"note: {event.reason}")
        elif isinstance(event, ToolRan):
            show.note(f"tool {show.plain(event.name)} {'ran' if event.ok else 'failed'}")
        elif isinstance(event, TokenReceived) and streams:
            sys.stdout.write(_shown(event.text))
            sys.stdout.flush()
        elif isinstance(event, TaskFinished):
            if streams:
                sys.stdout.write("\n")
            return event.result
    raise FarthingError("the task ended without a result")


def _shown(text: str) -> str:
    """What a model wrote: as it is in a pipe, without control characters on a terminal."""
    return show.plain(text) if sys.stdout.isatty() else text


def footer(result: TaskResult) -> str:
    """One line: model, reason, cost with its basis, baseline, saved, and whether it was simulated."""
    metrics = result.metrics
    parts = [
        result.model,
        reason_of(result),
        f"{show.usd(metrics.cost)} {metrics.cost_basis}",
        f"baseline {show.usd(metrics.baseline_cost)} ({metrics.baseline_model})",
    ]
    if metrics.baseline_cost is not None:
        parts.append(f"saved {show.percent(percent_saved(metrics.cost, metrics.baseline_cost))}")
    if result.reused is not None:
        parts.append(f"{REUSE_IN_WORDS[result.reused.how]}, {result.reused.age_s:.0f} s old")
    failed = [attempt for attempt in result.attempts if attempt.status != "accepted"]
    if failed:
        parts.append("survived " + ", ".join(f"{one.reason} on {tables.short(one.model)}" for one in failed))
    if result.deferral is not None:
        parts.append(deferral_words(result.deferral))
    if result.clamped:
        parts.append("max_tokens was lowered to what the budget affords")
    if result.finish_reason == "length":
        parts.append("cut at max_tokens")
    if result.simulated:
        parts.append(show.SIMULATED)
    return " · ".join(parts)


def deferral_words(deferral: Deferral) -> str:
    """How a task with a deadline was sent, and what it would have cost at once."""
    ways = ", ".join(way.replace("_", " ") for way in deferral.ways) or "at once"
    return f"sent {ways}; at once {show.usd(deferral.cost_at_once)}"


def reason_of(result: TaskResult) -> str:
    """Why the model that answered stood in the route."""
    accepted = next((one.model for one in result.attempts if one.status == "accepted"), result.model)
    return next((one.reason for one in result.route.candidates if one.model == accepted), result.route.reason)


def result_json(result: TaskResult, task: Task) -> dict[str, object]:
    """A result as JSON values."""
    metrics, tokens = result.metrics, result.metrics.tokens
    saved = None if metrics.baseline_cost is None else percent_saved(metrics.cost, metrics.baseline_cost)
    return {
        "run_id": task.run_id,
        "task_id": result.task_id,
        "simulated": result.simulated,
        "output": result.output,
        "data": result.data,
        "model": result.model,
        "reason": reason_of(result),
        "task_type": result.route.task_type,
        "complexity": result.route.complexity,
        "finish_reason": result.finish_reason,
        "clamped": result.clamped,
        "cached": result.cached,
        "reused": result.reused,
        "deferral": result.deferral,
        "cost": metrics.cost,
        "cost_basis": metrics.cost_basis,
        "baseline_model": metrics.baseline_model,
        "baseline_cost": metrics.baseline_cost,
        "savings_percent": tables.rounded(saved),
        "input_tokens": tokens.input_tokens,
        "output_tokens": tokens.output_tokens,
        "latency_ms": metrics.latency_ms,
        "first_token_ms": metrics.first_token_ms,
        "attempts": result.attempts,
    }


def _tell_interrupted(settings: DeploymentConfig, task: Task) -> None:
    """What the ledger has of a task that Ctrl-C ended: the call on the wire is settled or uncertain."""
    try:
        found = find_run(
            task.run_id or "", ledger_urls(settings, any_run=True), settings, now=datetime.now(UTC)
        )
    except FarthingError:
        show.note("interrupted before anything was sent; nothing was spent")
        return
    costs = found.costs
    spent = f"{show.usd(costs.total_spend)} settled, {show.usd(costs.uncertain + costs.held)} uncertain"
    show.note(f"interrupted; spent: {spent} ({basis_of(costs)}); farthing report --run {found.run_id}")
