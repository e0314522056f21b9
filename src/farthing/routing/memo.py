"""Remembers decided routes: tasks of one kind and about one size go the same way while nothing changes.

A route is a pure function of the task's features, the configuration, the catalogue, health, money, what the
ledger teaches, and time. Where a conversation is warm comes after it and is not remembered here: `warmth.py`.
It is remembered only while every model is healthy and money is plenty, for one minute (prices may have
hours), and by the estimated input in steps of two digits: an estimate that is off by a tenth anyway. Long
prompts, for which a step could decide what fits, are decided one by one.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from msgspec import structs

from farthing.catalog.models import Catalog
from farthing.config.schema import DeploymentConfig
from farthing.result import Route
from farthing.routing.classify import Features
from farthing.routing.experience import Experience
from farthing.routing.health import CandidateHealth, Healthy
from farthing.routing.route import LOW_FUNDS_CALLS, NoRoute, decide_route
from farthing.task import Task

_MOST = 2048
_LONG_TOKENS = 4000


class _Known(NamedTuple):
    """A remembered route; with less money left than `scarce_below` (US dollars) it is decided anew."""

    route: Route
    scarce_below: Decimal


class RouteMemo:
    """`decide_route` with a memory, for one pipeline."""

    def __init__(self) -> None:
        self._routes: dict[tuple[object, ...], _Known] = {}
        self._config: DeploymentConfig | None = None
        self._catalog: Catalog | None = None
        self._experience: Experience | None = None
        self._minute: tuple[int, ...] = ()

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
        experience: Experience = Experience(),  # noqa: B008 - an immutable value
    ) -> Route | NoRoute:
        """The same answer as `decide_route`, expected costs and confidence to two digits of the input."""
        self._forget_if_changed(config, catalog, experience, now)
        key = None
        if features.input_tokens <= _LONG_TOKENS and all(isinstance(one, Healthy) for one in health.values()):
            key = _key(features, task)
            known = self._routes.get(key)
            if known is not None and (remaining_usd is None or remaining_usd >= known.scarce_below):
                return known.route
        decide = partial(
            decide_route,
            task=task,
            config=config,
            catalog=catalog,
            health=health,
            now=now,
            clock_s=clock_s,
            experience=experience,
        )
        if key is None or key in self._routes:
            return decide(features, remaining_usd=remaining_usd)
        rounded = structs.replace(features, input_tokens=two_digits(features.input_tokens), reasons=())
        route = decide(rounded, remaining_usd=None)
        known = self._remember(key, route)
        if known is None or (remaining_usd is not None and remaining_usd < known.scarce_below):
            return decide(features, remaining_usd=remaining_usd)
        return known.route

    def _remember(self, key: tuple[object, ...], route: Route | NoRoute) -> _Known | None:
        """A route that was decided while money is plenty; none is nothing to remember."""
        if isinstance(route, NoRoute):
            return None
        known = _Known(route, _scarce_below(route))
        if len(self._routes) < _MOST:
            self._routes[key] = known
        return known

    def _forget_if_changed(
        self, config: DeploymentConfig, catalog: Catalog, experience: Experience, now: datetime
    ) -> None:
        """What is learned comes as a new value, every few seconds at most."""
        minute = (now.minute, now.hour, now.day, now.month)
        same = config is self._config and catalog is self._catalog and experience is self._experience
        if not same or minute != self._minute:
            self._routes.clear()
            self._config, self._catalog, self._experience = config, catalog, experience
            self._minute = minute


def _key(features: Features, task: Task) -> tuple[object, ...]:
    """All of a task that a decision reads, the input by its size."""
    return (
        features.task_type,
        features.complexity,
        features.confidence,
        two_digits(features.input_tokens),
        features.needs_tools,
        features.needs_schema,
        task.max_tokens,
        task.model,
    )


def two_digits(number: int) -> int:
    """The number rounded up to two significant digits: 137 becomes 140. Up, so that what fits still fits."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _scarce_below(route: Route) -> Decimal:
    """With less money left than this the order may change; `route.py` decides by the same measure."""
    costs = [candidate.expected_cost for candidate in route.candidates]
    return max(Decimal("Infinity") if cost is None else LOW_FUNDS_CALLS * cost for cost in costs)
