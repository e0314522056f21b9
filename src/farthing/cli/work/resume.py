"""`farthing swarm resume`: finds the run, deploys what it was begun with, and goes on."""

from decimal import Decimal
from pathlib import Path

from farthing.cli.work import show
from farthing.cli.work.approvals import ApproveMode, Asking
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.ledger import opened
from farthing.cli.work.live import watch
from farthing.cli.work.report import ledger_urls
from farthing.cli.work.swarm import finish
from farthing.cli.work.team import concluded
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import ConfigError, SwarmError
from farthing.swarm import runs
from farthing.swarm.placing import Place
from farthing.swarm.results import SwarmResult
from farthing.swarm.resuming import decode_order


def resume_run(
    prefix: str,
    source: str | Path | None,
    *,
    budget: Decimal | None,
    out: Path | None,
    approve: ApproveMode,
    as_json: bool,
    on: Place | None = None,
) -> None:
    """Goes on with the run whose id begins so. `source` None is what it was begun with, `on` None here."""
    run_id, begun_with = _found(prefix, load_config(source))
    settings = load_config(source) if source is not None else _settings(begun_with)
    result, settings, simulated = run_async(_resumed(settings, run_id, budget, approve, on))
    finish(concluded(result, settings, simulated=simulated, out=out), as_json=as_json)


def _found(prefix: str, settings: DeploymentConfig) -> tuple[str, str | None]:
    """The run and its profile, from the first database that has it."""
    for url in ledger_urls(settings, any_run=True):
        with opened(url) as ledger:
            if ledger is None:
                continue
            with ledger.read() as connection:
                rows = runs.named(connection, prefix)
            if len(rows) > 1:
                raise SwarmError(f"{len(rows)} runs begin with {prefix!r}", hint="give more of the id")
            if rows:
                return rows[0].run_id, decode_order(rows[0].body).profile
    raise SwarmError(f"there is no run {prefix!r}", hint="`farthing runs list` shows those there are")


def _settings(begun_with: str | None) -> DeploymentConfig:
    try:
        return load_config(begun_with)
    except ConfigError:  # made in code, or a file that is gone
        show.note(f"note: the run was begun with {begun_with}, which is not found: going on with the default")
        return load_config(None)


async def _resumed(
    settings: DeploymentConfig, run_id: str, budget: Decimal | None, approve: ApproveMode, on: Place | None
) -> tuple[SwarmResult, DeploymentConfig, bool]:
    async with Deployment(settings) as deployment:
        for notice in deployment.notices:
            show.note(f"note: {notice.text}")
        progress = show.console(stderr=True)
        asking = Asking(approve, progress)
        swarm = await deployment.resume_swarm(
            run_id, budget_usd=budget, on_approval=asking.on_approval, on_pause=asking.on_pause, on=on
        )
        simulated = deployment.simulated
        result = await watch(swarm, swarm.goal, out=progress, simulated=simulated, asking=asking)
        return result, deployment.config, deployment.simulated
