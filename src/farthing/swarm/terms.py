"""What a plan is reckoned from: the deployment's terms, the agents' tools, and the items that a file has.

Thin: reads the file of items. The arithmetic is `costing.py`'s, the pieces are `outlook.py`'s.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.config.patterns import MapReduce, Pattern
from farthing.config.schema import DeploymentConfig
from farthing.swarm.agent import Agent, AgentSpec
from farthing.swarm.conducting.items import facts_in
from farthing.swarm.costing import RouteOf, SwarmPlan, Terms
from farthing.swarm.loop import caps_from
from farthing.swarm.outlook import Outlook, outlook
from farthing.swarm.plan import RunFrame
from farthing.swarm.toolcall import MAX_RESULT_CHARS

Reckon: TypeAlias = Callable[[Sequence[Outlook], frozenset[str]], SwarmPlan]
"""What pieces cost, before anything was sent; the ids are of agents that may get tools not known yet."""


def foreseen(agents: Sequence[Agent], pattern: Pattern, frame: RunFrame) -> tuple[Outlook, ...]:
    """The pieces that a run will have. Raises `SwarmError` for a file of items that cannot be read."""
    path = pattern.items_file if isinstance(pattern, MapReduce) else None
    return outlook(agents, pattern, frame, None if path is None else facts_in(path))


def may_get_tools(specs: Sequence[AgentSpec], agents: Sequence[Agent]) -> frozenset[str]:
    """The agents that are to have tools which are found when they start: named ones, or by capability."""
    named = {
        number
        for number, spec in enumerate(specs, start=1)
        if any(isinstance(source, str) for source in spec.tools)
    }
    return frozenset(agent.id for agent in agents if agent.capabilities or agent.stage in named)


def terms_of(
    config: DeploymentConfig,
    catalog: Catalog,
    *,
    baseline: Price | None,
    now: datetime,
    route_of: RouteOf,
    budget_usd: Decimal | None,
) -> Terms:
    """By what the runs of a deployment's swarms are reckoned."""
    return Terms(
        config=config,
        catalog=catalog,
        baseline=baseline,
        caps=caps_from(config.swarm),
        result_chars=MAX_RESULT_CHARS,
        now=now,
        route_of=route_of,
        budget_usd=config.budget.swarm_limit if budget_usd is None else budget_usd,
    )
