"""A team on a goal: what `demo`, `swarm run` and `deploy --goal` share. Prints nothing but the live table."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from farthing.cli.work.approvals import Asking
from farthing.cli.work.ledger import RunReport, opened, read_run
from farthing.cli.work.live import watch
from farthing.cli.work.show import masked, note
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.storage.database import default_path, sqlite_url
from farthing.swarm.agent import AgentSpec
from farthing.swarm.definition import Team
from farthing.swarm.out import write_run
from farthing.swarm.placing import Place
from farthing.swarm.results import SwarmResult
from farthing.task import Labels

RUN_LIMIT = "budget.swarmLimit"
"""The setting that bounds what one run may spend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRun:
    """A run that has ended, with what the ledger says of it once every call was settled.

    `report` is None when no call was sent; `folder` is where the run was kept, if it was asked for.
    """

    result: SwarmResult
    report: RunReport | None
    simulated: bool
    ledger: str
    """The ledger's URL."""
    folder: Path | None = None
    resumable: bool = False
    """Whether it stopped before its end, and is journalled."""

    @property
    def report_command(self) -> str:
        """What to type to see the same figures again."""
        url = sqlite_url(default_path(simulated=self.simulated, environ=os.environ))
        place = "" if self.ledger == url else f" --database {masked(self.ledger)}"
        return f"farthing report --run {self.result.run_id}{place}"


def specs_for(config: DeploymentConfig) -> tuple[AgentSpec, ...]:
    """The default team, by the profile's target of agents at once: five, the tutorial's eight, or twelve."""
    target = config.scaling.target_concurrent_agents or 8
    counts = (2, 2, 1) if target <= 5 else (3, 3, 2) if target <= 20 else (4, 4, 4)
    roles = ("researcher", "coder", "reviewer")
    return tuple(AgentSpec(type=role, count=count) for role, count in zip(roles, counts, strict=True))


async def run_goal(
    deployment: Deployment,
    team: Team,
    goal: str,
    *,
    progress: Console,
    labels: Labels | None = None,
    budget_usd: Decimal | None = None,
    asking: Asking | None = None,
    on: Place | None = None,
) -> SwarmResult:
    """Runs the goal on an open deployment, shown as it happens. Ctrl-C ends the run, not the program.

    `asking` is who is asked about calls that need approval; None: nobody here.
    """
    swarm = deployment.prepare_swarm(
        team,
        goal=goal,
        labels=labels,
        budget_usd=budget_usd,
        on_approval=None if asking is None else asking.on_approval,
        on_pause="wait" if asking is None else asking.on_pause,
        on=on,
    )
    await swarm.equip()
    for notice in deployment.notices:
        note(f"note: {notice.text}")
    return await watch(swarm, swarm.goal, out=progress, simulated=deployment.simulated, asking=asking)


def concluded(
    result: SwarmResult, config: DeploymentConfig, *, simulated: bool, out: Path | None = None
) -> TeamRun:
    """The run with its ledger's figures, read after the deployment closed: every call has ended by then."""
    folder = None if out is None else write_run(result, out)
    url = ledger_url(config, simulated=simulated)
    with opened(url) as ledger:
        report = ledger and read_run(
            ledger, result.run_id, baseline_model=config.baseline.model, now=datetime.now(UTC)
        )
    resumable = result.stopped is not None and config.swarm.durable
    return TeamRun(
        result=result, report=report, simulated=simulated, ledger=url, folder=folder, resumable=resumable
    )


def ledger_url(config: DeploymentConfig, *, simulated: bool) -> str:
    """Where a deployment of this configuration keeps its ledger."""
    return config.storage.database_url or sqlite_url(default_path(simulated=simulated, environ=os.environ))


def limited(budget: Decimal | None) -> dict[str, object]:
    """The override that bounds a run; nothing where no bound was given."""
    return {} if budget is None else {RUN_LIMIT: budget}
