"""What a configuration comes to on a day: its slots' models, their prices, the routes of plain tasks. Pure.

Both kinds of check start from it, so that what is said on paper and what is provoked are of one world.
"""

from datetime import date, datetime

import msgspec

from farthing.catalog.further import with_upstreams
from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price
from farthing.catalog.successors import Standing, replace_gone, standing
from farthing.config.schema import DeploymentConfig, Slot, SlotModel
from farthing.config.upstreams import MAIN, place_of
from farthing.fit import PLAIN, fit
from farthing.result import Candidate, Route
from farthing.routing.classify import classify
from farthing.routing.eligible import Rejected, circumstances, weigh
from farthing.routing.route import NoRoute, decide_route
from farthing.spend.reservation import ProviderMemo, Unbounded, WorstCase
from farthing.task import TASK_TYPES, Task, TaskType

SHORT = "Name a river."
"""What the plainest task asks: no filter is stricter on a shorter one."""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A slot with its model as it is configured and as it is sent."""

    slot: Slot
    entry: SlotModel
    standing: Standing
    id: str
    """As it is sent: the successor's, where one stands in."""
    model: Model | None
    price: Price | None


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration (`said` as it was loaded, `config` with successors in their place) at a moment."""

    said: DeploymentConfig
    config: DeploymentConfig
    catalog: Catalog
    now: datetime
    slots: tuple[Filled, ...]

    @property
    def today(self) -> date:
        return self.now.date()

    def at_main(self, model: str) -> bool:
        """Whether the model is asked at OpenRouter rather than at a further upstream."""
        return place_of(model, self.config.upstreams).upstream == MAIN

    def route(self, task: Task) -> Route | NoRoute:
        """The route while everybody is healthy and money plentiful."""
        return decide_route(
            classify(task),
            task,
            config=self.config,
            catalog=self.catalog,
            health={},
            now=self.now,
            clock_s=0.0,
            remaining_usd=None,
        )

    def candidates(self, task: Task) -> tuple[Candidate, ...]:
        route = self.route(task)
        return route.candidates if isinstance(route, Route) else ()

    def kinds(self) -> dict[TaskType, tuple[Candidate, ...]]:
        """The candidates of a plain task of each type, in their order."""
        return {kind: self.candidates(Task(description=SHORT, type=kind)) for kind in TASK_TYPES}

    def barred(self, filled: Filled, kind: TaskType) -> Rejected | None:
        """Why the slot's model may not take even the plainest task of a type; None where it may."""
        task = Task(description=SHORT, type=kind, complexity="low")
        asked = circumstances(
            classify(task),
            task,
            config=self.said,
            catalog=self.catalog,
            health={},
            now=self.now,
            clock_s=0.0,
        )
        outcome = weigh(asked, filled.slot, filled.entry.model, successor=filled.entry.successor)
        return None if outcome.entry is not None or not outcome.rejected else outcome.rejected[-1]

    def worst(self, task: Task, candidate: Candidate) -> WorstCase | None:
        """What an attempt would reserve; None where no worst case can be stated."""
        fitted = fit(
            task, candidate, PLAIN, config=self.config, catalog=self.catalog, preferences=ProviderMemo()
        )
        return None if isinstance(fitted, Unbounded) else fitted.worst


def setup_of(said: DeploymentConfig, catalog: Catalog, *, now: datetime) -> Setup:
    """The world that a configuration is checked in, by the catalogue's day and prices."""
    catalog = with_upstreams(catalog, said.upstreams)
    config, _ = replace_gone(said, catalog, now.date())
    sent = config.models.by_slot()
    slots: list[Filled] = []
    for slot, entry in said.models.by_slot().items():
        model = catalog.find(sent[slot].model)
        name = sent[slot].model if model is None else model.id
        slots.append(
            Filled(
                slot=slot,
                entry=entry,
                standing=standing(catalog, entry.model, now.date()),
                id=name,
                model=model,
                price=catalog.price(name),
            )
        )
    return Setup(said=said, config=config, catalog=catalog, now=now, slots=tuple(slots))
