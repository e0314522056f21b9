"""Remembers decided routes: tasks of one kind and about one size go the same way while nothing changes.

A route is a pure function of the task's features, the configuration, the catalogue, health, money and time.
It is remembered only while every model is healthy and money is plenty, for one minute (prices may have
hours), and by the estimated input in steps of two digits: an estimate that is off by a tenth anyway. Long
prompts, for which a step could decide what fits, are decided one by one.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial

from msgspec import structs

from farthing.catalog.models import Catalog
from farthing.config.schema import DeploymentConfig
from farthing.result import Route
from farthing.routing.classify import Features
from farthing.routing.health import CandidateHealth, Healthy
from farthing.routing.route import LOW_FUNDS_CALLS, NoRoute, decide_route
from farthing.task import Task

_MOST = 2048
_LONG_TOKENS = 4000


class RouteMemo:
    """`decide_route` with a memory, for one pipeline."""

    def __init__(self) -> None:
        self._routes: dict[tuple[object, ...], Route] = {}
        self._config: DeploymentConfig | None = None
        self._catalog: Catalog | None = None
        self._minute: datetime | None = None

    def decide(
        self,
        features: Features,
        task: Task,
        *,
        config: DeploymentConfig,
        catalog: Catalog,
        health: Mapping[str, CandidateHealth],
        now: datetime,
        clock_s: float,
        remaining_usd: Decimal | None,
    ) -> Route | NoRoute:
        """The same answer as `decide_route`, expected costs and confidence to two digits of the input."""
        decide = partial(
            decide_route, task=task, config=config, catalog=catalog, health=health, now=now, clock_s=clock_s
        )
        healthy = all(isinstance(state, Healthy) for state in health.values())
        if not healthy or features.input_tokens > _LONG_TOKENS:
            return decide(features, remaining_usd=remaining_usd)
        self._forget_if_changed(config, catalog, now)
        rounded = structs.replace(features, input_tokens=two_digits(features.input_tokens), reasons=())
        key = (*structs.astuple(rounded), task.max_tokens, task.model)
        route = self._routes.get(key)
        if route is None:
            found = decide(rounded, remaining_usd=None)
            if isinstance(found, NoRoute):
                return decide(features, remaining_usd=remaining_usd)
            route = found
            if len(self._routes) < _MOST:
                self._routes[key] = route
        return decide(features, remaining_usd=remaining_usd) if _is_scarce(route, remaining_usd) else route

    def _forget_if_changed(self, config: DeploymentConfig, catalog: Catalog, now: datetime) -> None:
        minute = now.replace(second=0, microsecond=0)
        if config is not self._config or catalog is not self._catalog or minute != self._minute:
            self._routes.clear()
            self._config, self._catalog, self._minute = config, catalog, minute


def two_digits(number: int) -> int:
    """The number rounded up to two significant digits: 137 becomes 140. Up, so that what fits still fits."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _is_scarce(route: Route, remaining_usd: Decimal | None) -> bool:
    """Whether so little money is left that the order may change; `route.py` decides by the same measure."""
    if remaining_usd is None:
        return False
    costs = [candidate.expected_cost for candidate in route.candidates]
    return any(cost is None or remaining_usd < LOW_FUNDS_CALLS * cost for cost in costs)
