"""`farthing deploy`: a profile is checked, then given a goal or a file of tasks."""

import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import typer
from rich.live import Live
from rich.text import Text

from farthing.catalog.further import with_upstreams
from farthing.cli.work import preflight, show
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.ledger import month_report, opened
from farthing.cli.work.preflight import Check
from farthing.cli.work.report import find_run, ledger_urls
from farthing.cli.work.swarm import finish
from farthing.cli.work.taskfile import Tally, opened_lines, opened_results, tasks_in, work_through
from farthing.cli.work.team import concluded, ledger_url, run_goal, specs_for
from farthing.config.load import api_key, load_catalog, load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import EXIT_CODES, FarthingError, InvalidTaskError, MissingKeyError, TaskFailedError
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import new_run_id

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CONCURRENCY = 8


def check_only(profile: str, *, strict: bool, as_json: bool) -> str | None:
    """Checks and tells on standard output; the goal that was given on a terminal, if it was asked for.

    `strict` asks for nothing, and raises `FarthingError` when a check failed. Raises what opening raises,
    once the checks are told.
    """
    shown = Shown(as_json=as_json)
    run_async(_open_and_check(load_config(profile), shown))
    if strict:
        if shown.failed:
            raise FarthingError(f"the preflight failed: {', '.join(shown.failed)}")
        return None
    if as_json:
        return None
    if sys.stdin.isatty():
        return str(typer.prompt("Goal", err=True))
    show.note("ready; now give it work:")
    show.note(f'  farthing deploy {profile} --goal "…"          a team on a goal')
    show.note(f"  farthing deploy {profile} --tasks FILE.jsonl  one task a line")
    return None


def deploy_goal(profile: str, goal: str, *, as_json: bool) -> None:
    """Sets a team of the profile's size on the goal."""
    result, settings, simulated = run_async(_run_goal(load_config(profile), goal))
    finish(concluded(result, settings, simulated=simulated), as_json=as_json)


@dataclass(slots=True, kw_only=True)
class Shown:
    """Where checks are told: on standard output, or beside it when that is for results."""

    beside: bool = False
    as_json: bool = False
    failed: list[str] = field(default_factory=list[str])

    def tell(self, checks: Sequence[Check]) -> None:
        self.failed = [check.name for check in checks if check.ok is False]
        if self.as_json and not self.beside:
            show.write_json({"ready": not self.failed, "checks": checks})
        else:
            preflight.show_checks(show.console(stderr=self.beside), checks)


async def _open_and_check(settings: DeploymentConfig, shown: Shown) -> None:
    async with _checked(settings, shown):
        pass


@asynccontextmanager
async def _checked(settings: DeploymentConfig, shown: Shown) -> AsyncGenerator[Deployment]:
    """An open deployment, its checks told. Where it cannot be opened, what can be checked is told first."""
    deployment = Deployment(settings)
    try:
        await deployment.__aenter__()
    except FarthingError as error:
        shown.tell(_closed_checks(settings, error))
        raise
    try:
        shown.tell(await _open_checks(settings, deployment))
        yield deployment
    finally:
        await deployment.__aexit__(None, None, None)


async def _open_checks(settings: DeploymentConfig, deployment: Deployment) -> list[Check]:
    costs = await deployment.cost_report()
    url = ledger_url(deployment.config, simulated=deployment.simulated)
    return [
        *preflight.config_checks(settings),
        preflight.key_check(given=api_key() is not None, needed=_needs_key(settings)),
        *preflight.model_checks(settings, deployment.catalog, datetime.now(UTC)),
        preflight.price_check(deployment.catalog),
        preflight.budget_check(costs),
        preflight.database_check(url, None, simulated=deployment.simulated),
        *preflight.notice_checks(deployment.notices),
    ]


def _closed_checks(settings: DeploymentConfig, error: FarthingError) -> list[Check]:
    """What is known of a deployment that did not open: the packaged catalogue, the ledger as it lies."""
    catalog, now = with_upstreams(load_catalog(), settings.upstreams), datetime.now(UTC)
    checks = [
        *preflight.config_checks(settings),
        preflight.key_check(given=api_key() is not None, needed=_needs_key(settings)),
        *preflight.model_checks(settings, catalog, now),
        preflight.price_check(catalog),
    ]
    url = ledger_url(settings, simulated=False)
    if isinstance(error, MissingKeyError):
        with opened(url) as ledger:
            checks.append(preflight.budget_check(month_report(ledger, settings, now=now, simulated=False)))
        return [*checks, preflight.database_check(url, None, simulated=False)]
    return [*checks, preflight.database_check(url, error, simulated=False)]


def _needs_key(settings: DeploymentConfig) -> bool:
    return urlsplit(settings.upstream.base_url).hostname not in _LOOPBACK


async def _run_goal(settings: DeploymentConfig, goal: str) -> tuple[SwarmResult, DeploymentConfig, bool]:
    async with _checked(settings, Shown(beside=True)) as deployment:
        specs = specs_for(deployment.config)
        result = await run_goal(deployment, specs, goal, progress=show.console(stderr=True))
        return result, deployment.config, deployment.simulated


def deploy_tasks(profile: str, tasks: Path, out: Path | None, *, concurrency: int | None) -> None:
    """Works through the file; whatever ends it, tells how far it came and what the ledger says it cost."""
    settings = load_config(profile)
    tally, run_id = Tally(), new_run_id()
    scaling = settings.scaling
    workers = concurrency or scaling.max_concurrency or scaling.target_concurrent_agents or _CONCURRENCY
    with opened_lines(tasks) as lines, opened_results(out) as results:
        found = tasks_in(lines, run_id=run_id, skip=lambda number, fault: _skip(tally, number, fault))
        simulated = False

        async def work() -> bool:
            async with _checked(settings, Shown(beside=True)) as deployment:
                with _progress(tally):
                    await work_through(deployment, found, concurrency=workers, out=results, tally=tally)
                return deployment.simulated

        try:
            simulated = run_async(work())
        finally:
            _tell_end(settings, run_id, tally, simulated=simulated)
    if tally.failed or tally.skipped:
        raise typer.Exit(EXIT_CODES[TaskFailedError if tally.failed else InvalidTaskError])


def _skip(tally: Tally, number: int, fault: str) -> None:
    tally.skipped += 1
    show.note(f"line {number} is skipped: {fault}")


@contextmanager
def _progress(tally: Tally) -> Generator[None]:
    """A line that counts, on a terminal."""
    beside = show.console(stderr=True)
    if not beside.is_terminal:
        yield
        return
    with Live(get_renderable=lambda: Text(_counts(tally)), console=beside, transient=True):
        yield


def _counts(tally: Tally) -> str:
    text = f"{tally.done:,} done, {tally.failed:,} failed, {tally.skipped:,} skipped"
    return f"{text}, {show.usd(tally.cost)}"


def _tell_end(settings: DeploymentConfig, run_id: str, tally: Tally, *, simulated: bool) -> None:
    show.note(_counts(tally))
    try:
        urls = [ledger_url(settings, simulated=simulated), *ledger_urls(settings, any_run=True)]
        costs = find_run(run_id, urls, settings, now=datetime.now(UTC)).costs
    except FarthingError:
        return  # nothing was sent, or the error that ended the work says why
    spent = f"{show.usd(costs.total_spend)} settled, {show.usd(costs.uncertain + costs.held)} uncertain"
    saved = f"{show.percent(costs.savings_percent)} saved against {costs.baseline_model}"
    show.note(f"the ledger: {spent}, {saved}{', simulated' if costs.simulated else ''}")
    show.note(f"in full: farthing report --run {run_id}")
