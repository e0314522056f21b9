"""Does `farthing compare`: asks what may be spent, sends what is not there yet, tells both sides.

What is sent and kept is `trials.py`'s, what it comes to `sides.py`'s, the page `compare_page.py`'s.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from farthing.catalog.pricing import worst_nano
from farthing.cli.work import show
from farthing.cli.work.compare_page import page_of
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.sides import comparison_json, show_comparison
from farthing.cli.work.team import limited
from farthing.cli.work.trials import Kept, Result, Trial, prompts_in, read_results, trials_of
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import EXIT_CODES, BudgetExceededError, FarthingError, InvalidTaskError
from farthing.money import from_nano
from farthing.names import Names
from farthing.prompt.tokens import TEMPLATE_TOKENS
from farthing.quality.expectations import Check, Verdict, decide
from farthing.quality.jail import run_check
from farthing.routing.route import NoRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """The command's options as they were given."""

    file: Path
    source: str | Path | None
    baseline: str | None
    out: Path | None
    budget: Decimal | None
    limit: int | None
    concurrency: int
    html: Path | None
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What the trials that are left are expected to cost and cost at most, in US dollars; None: unknown."""

    expected: Decimal
    worst: Decimal | None


def compare_prompts(asked: Comparing, *, as_json: bool) -> None:
    """Compares, and leaves with 2 when lines were bad, with 4 when the budget ended it."""
    config = load_config(asked.source, overrides=limited(asked.budget))
    run_id = Names().new("cmp")
    prompts, bad = prompts_in(asked.file, run_id=run_id, limit=asked.limit)
    for number, fault in bad:
        show.note(f"line {number} is skipped: {fault}")
    if not prompts:
        raise InvalidTaskError(f"{asked.file} has no prompt that can be sent")
    baseline = asked.baseline or config.baseline.model
    trials = list(trials_of(prompts, baseline=baseline, fingerprint=_fingerprint(config)))
    folder = asked.out or Path(f"compare-{asked.file.stem}")
    path = folder / "results.jsonl"
    done = read_results(path)
    left = [trial for trial in trials if trial.key not in done]
    if len(left) < len(trials):
        show.note(f"{len(trials) - len(left):,} of {len(trials):,} are there already and are not paid again")
    ended = ""
    if left:
        ended = run_async(_work(asked, config, left, path, done, folder))
    results = [done[trial.key] for trial in trials if trial.key in done]
    _tell(asked, config, baseline, results, path, as_json=as_json)
    if ended:
        show.note(f"the budget ended it: {ended}")
        raise typer.Exit(EXIT_CODES[BudgetExceededError])
    if bad:
        raise typer.Exit(2)


async def _work(
    asked: Comparing,
    config: DeploymentConfig,
    left: Sequence[Trial],
    path: Path,
    done: dict[str, Result],
    folder: Path,
) -> str:
    """Sends the trials that are left. Returns what ended them before their time, or nothing."""
    async with Deployment(config) as deployment:
        _ask(asked, deployment, left)
        kept = Kept(path)
        show.note(f"results are kept in {folder}; the same command goes on from there")
        try:
            return await _send(deployment, left, kept, done, concurrency=asked.concurrency)
        finally:
            kept.close()


async def _send(
    deployment: Deployment,
    left: Sequence[Trial],
    kept: Kept,
    done: dict[str, Result],
    *,
    concurrency: int,
) -> str:
    waiting = iter(left)
    ended: list[str] = []
    beside = show.console(stderr=True)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[spent]}"))
    with Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal) as progress:
        bar = progress.add_task("", total=len(left), spent="")

        async def worker() -> None:
            for trial in waiting:
                if ended:
                    return
                try:
                    result = await _tried(deployment, trial)
                except BudgetExceededError as error:
                    ended.append(str(error).splitlines()[0])
                    return
                kept.add(result)
                if not result.error:
                    done[result.key] = result
                spent = sum((one.cost for one in done.values()), Decimal(0))
                progress.update(bar, advance=1, spent=show.usd(spent))
                if not beside.is_terminal:
                    show.note(f"line {result.line}, {result.side}: {result.error or show.usd(result.cost)}")

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    return ended[0] if ended else ""


async def _tried(deployment: Deployment, trial: Trial) -> Result:
    """One trial to its end. Raises only `BudgetExceededError`."""
    line = trial.prompt.line
    try:
        found = await deployment.execute_task(trial.task)
    except BudgetExceededError:
        raise
    except FarthingError as error:
        return Result(
            key=trial.key,
            line=line.number,
            side=trial.side,
            title=line.task.title,
            model="",
            answer="",
            cost=Decimal(0),
            latency_ms=0.0,
            input_tokens=0,
            output_tokens=0,
            error=f"{type(error).__name__}: {error}".splitlines()[0],
        )
    verdicts = [await _judged(check, found.output) for check in trial.prompt.checks]
    other = trial.side == "baseline" and found.model != found.route.candidates[0].model
    refused = [attempt.reason for attempt in found.attempts if attempt.status == "refused"]
    if other and refused:
        raise BudgetExceededError(refused[0], refusal=None)
    return Result(
        key=trial.key,
        line=line.number,
        side=trial.side,
        title=line.task.title,
        model=found.model,
        answer=found.output,
        cost=found.metrics.cost,
        latency_ms=found.metrics.latency_ms,
        input_tokens=found.metrics.tokens.input_tokens,
        output_tokens=found.metrics.tokens.output_tokens,
        verdicts=tuple(verdicts),
        error=f"the baseline failed and {found.model} answered" if other else "",
        simulated=found.simulated,
    )


async def _judged(check: Check, answer: str) -> Verdict:
    return decide(check, answer) or await run_check(check, answer)


def _ask(asked: Comparing, deployment: Deployment, left: Sequence[Trial]) -> None:
    """Shows what it will cost, and asks. Raises `FarthingError` when nobody can be asked."""
    foreseen = _foreseen(deployment, left)
    told = f"{len(left):,} calls, expected to cost {show.usd(foreseen.expected)}"
    told += f", at most {show.usd(foreseen.worst)} without retries"
    if asked.budget is not None:
        told += f"; the budget is {show.usd(asked.budget)}"
    show.note(f"{told}{' (simulated money)' if deployment.simulated else ''}")
    if asked.yes:
        return
    if not sys.stdin.isatty():
        raise FarthingError(f"this asks before it spends, and there is no terminal: {told}", hint="add --yes")
    typer.confirm("Go on?", abort=True, err=True)


def _foreseen(deployment: Deployment, left: Sequence[Trial]) -> Foreseen:
    expected, worst = Decimal(0), Decimal(0)
    known = True
    for trial in left:
        route = deployment.explain(trial.task)
        if isinstance(route, NoRoute):
            continue
        first = route.candidates[0]
        price = deployment.catalog.price(first.model)
        expected += first.expected_cost or 0
        if price is None:
            known = False
            continue
        sent = sum(len(message.text.encode()) for message in trial.task.conversation) + 2 * TEMPLATE_TOKENS
        most = trial.task.max_tokens or deployment.config.optimization.max_output_tokens
        worst += from_nano(worst_nano(price, input_tokens=sent, output_tokens=most))
    return Foreseen(expected=expected, worst=worst if known else None)


def _fingerprint(config: DeploymentConfig) -> str:
    """What of a configuration decides an answer."""
    parts = (config.models, config.routing, config.optimization.max_output_tokens)
    return sha256("\n".join(str(part) for part in parts).encode()).hexdigest()


def _tell(
    asked: Comparing,
    config: DeploymentConfig,
    baseline: str,
    results: Sequence[Result],
    path: Path,
    *,
    as_json: bool,
) -> None:
    if asked.html is not None:
        try:
            asked.html.parent.mkdir(parents=True, exist_ok=True)
            asked.html.write_text(page_of(results, config.name or "custom", baseline), encoding="utf-8")
        except OSError as error:
            raise FarthingError(f"{asked.html} cannot be written: {error.strerror}") from None
        show.note(f"written to {asked.html}")
    if as_json:
        show.write_json({**comparison_json(results, config.name or "custom", baseline), "results": results})
    else:
        show_comparison(show.console(), results, config.name or "custom", baseline)
        show.note(f"every answer in full: {path}")
