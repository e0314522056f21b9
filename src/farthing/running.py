"""All that an open deployment has: what is opened in which order, and closed in which.

Thin: single things are opened by `opening.py`. No task is run here, and nothing is decided.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from farthing.attempt import Means
from farthing.catalog.further import with_upstreams
from farthing.catalog.models import Catalog
from farthing.catalog.successors import replace_gone
from farthing.clock import Clock
from farthing.config.load import costly_settings, inert_settings
from farthing.config.schema import DeploymentConfig
from farthing.config.upstreams import MAIN
from farthing.limits.permits import Permits
from farthing.opening import (
    current_catalog,
    keep_prices,
    meet_upstreams,
    open_database,
    open_keys,
    open_means,
    open_permits,
)
from farthing.pipeline import Pipeline
from farthing.prompt.rewritefile import rewrite_book
from farthing.result import Notice
from farthing.shared_rates import sharing_through
from farthing.sharing import Sharing
from farthing.spend.channels import open_channels
from farthing.spend.notify import Alarm
from farthing.spend.thresholds import alert_rules, runaway_rule
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.swarm.finder import Finder
from farthing.swarm.memory.shared import Memories, open_memories
from farthing.swarm.toolset import Toolset, opening_mcp
from farthing.swarm.vectorfile import vector_file
from farthing.telemetry.opened import Watching, open_watching
from farthing.upstream.keyring import KeyRing
from farthing.upstream.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The open parts. `notices` are what a person should know of how they were opened."""

    means: Means
    pipeline: Pipeline
    database: Database
    alarm: Alarm
    sharing: Sharing
    watching: Watching
    toolset: Toolset
    memories: Memories
    finder: Finder
    notices: tuple[Notice, ...]
    simulated: bool

    async def aclose(self) -> None:
        """Waits for settlements up to `upstream.drainTimeout`, then leaves the rest uncertain."""
        means = self.means
        await means.under_way.drain(means.config.upstream.drain_timeout)
        await self.toolset.aclose()
        await self.alarm.aclose(means.config.upstream.drain_timeout)
        await self.memories.aclose()
        self.finder.close()
        means.permits.aclose()
        await means.permits.end_asking()
        await means.keys.aclose()
        await means.semantic.aclose()
        await means.answers.aclose()
        await means.ledger.aclose()
        await self.sharing.aclose()
        await self.watching.aclose()
        self.database.close()


async def start(
    config: DeploymentConfig, *, environ: Mapping[str, str], clock: Clock, transport: Transport | None
) -> Running:
    """Opens everything, or closes what was opened by then. Raises as opening a `Deployment` does."""
    keys = open_keys(config, environ=environ, transport=transport)
    database: Database | None = None
    try:
        client = keys.of(MAIN)[0].client
        catalog, notices = await current_catalog(client, config, now=clock.now(), environ=environ)
        met = await meet_upstreams(keys, config)
        catalog = with_upstreams(catalog, config.upstreams)
        config, replaced = replace_gone(config, catalog, clock.now().date())
        told = (*inert_settings(config), *costly_settings(config), *notices, *met, *replaced)
        database = open_database(config, simulated=client.simulated, environ=environ)
        return await _on(database, config, catalog, keys, environ=environ, clock=clock, notices=told)
    except BaseException:
        await keys.aclose()
        if database is not None:
            database.close()
        raise


async def _on(
    database: Database,
    config: DeploymentConfig,
    catalog: Catalog,
    keys: KeyRing,
    *,
    environ: Mapping[str, str],
    clock: Clock,
    notices: tuple[Notice, ...],
) -> Running:
    """What works on an open database."""
    simulated = keys.of(MAIN)[0].client.simulated
    catalog = keep_prices(database, config, catalog, now=clock.now())
    permits = open_permits(config, catalog, keys, clock=clock, exchange=sharing_through(database))
    alarm, ledger = _alarm_and_ledger(database, config, permits, clock, simulated=simulated)
    means = open_means(
        config, catalog, keys=keys, ledger=ledger, permits=permits, clock=clock, database=database
    )
    pipeline = Pipeline(means, rewrite_book(config.optimization.prompt_optimization.rewrites))
    watching = open_watching(means, database, environ=environ, simulated=simulated)
    try:
        sharing = await _begun(alarm, ledger, pipeline)
    except BaseException:
        await watching.aclose()
        raise
    return Running(
        means=means,
        pipeline=pipeline,
        database=database,
        alarm=alarm,
        sharing=sharing,
        watching=watching,
        toolset=_toolset(config, environ=environ, clock=clock),
        memories=open_memories(database, config.swarm.memory),
        finder=Finder(offered=config.tools.offered, kept=vector_file(environ)),
        notices=notices + watching.notices,
        simulated=simulated,
    )


async def _begun(alarm: Alarm, ledger: LedgerWriter, pipeline: Pipeline) -> Sharing:
    """The ledger first: what is shared with other processes is shared under its epoch."""
    means, database = pipeline.means, ledger.database
    alarm.rules = ledger.rules = alert_rules(means.config)
    await ledger.start()
    alarm.attend(ledger, database, runaway=runaway_rule(means.config))
    sharing = Sharing(database, pipeline.health, means)
    await sharing.begin()
    return sharing


def _toolset(config: DeploymentConfig, *, environ: Mapping[str, str], clock: Clock) -> Toolset:
    """Nothing of it is started before it is asked for."""
    servers = config.mcp_servers
    opening = opening_mcp(servers, environ=environ, clock=clock)
    return Toolset(config.tools, servers=servers, open_servers=opening)


def _alarm_and_ledger(
    database: Database, config: DeploymentConfig, permits: Permits, clock: Clock, *, simulated: bool
) -> tuple[Alarm, LedgerWriter]:
    """Each knows of the other: the ledger raises alerts, and keeps whether they were delivered."""
    tracked = config.monitoring.cost_tracking
    alarm = Alarm(
        permits,
        clock,
        critical_concurrency=config.alerts.critical_concurrency,
        channels=open_channels(config.alerts) if tracked else (),
        simulated=simulated,
    )
    ledger = LedgerWriter(
        database,
        label=f"{socket.gethostname()}:{os.getpid()}",
        now_us=clock.now_us,
        on_alert=alarm.on_alert if tracked else None,
        lease_s=config.storage.lease,
    )
    alarm.note_delivery = ledger.record
    return alarm, ledger
