"""The cost calculator: the packaged profiles and dated price books, put into `projection.py`'s sums.

Reads the same files as a deployment does, and the books that `farthing models refresh` has kept.
Sends nothing and needs no key.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal

import msgspec

from farthing.catalog.kept import catalog_named
from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.config.load import load_config, profile_names
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault, NoCandidateError, nearest
from farthing.spend.projection import CostPart, Costs, project
from farthing.spend.workload import UsageProfile, typical

__all__ = ["CostCalculator", "CostPart", "Costs", "UsageProfile"]

DEFAULT_BASELINE = "anthropic/claude-3.5-sonnet"


class CostCalculator:
    """What a month of work costs. `prices`: `current`, `tutorial`, a book's id or its date.

    `current` is the newest book: one that `farthing models refresh` has kept, else the packaged snapshot.
    `baseline` is any model of the book; one that is gone keeps its price of the tutorial's book. Raises
    `ConfigError` for a book or a baseline that there is not.
    """

    def __init__(self, prices: str = "current", *, baseline: str = DEFAULT_BASELINE) -> None:
        self.catalog: Catalog = _catalog(prices)
        self.baseline: Price = _baseline(self.catalog, baseline)

    def calculate_cost(self, usage: UsageProfile, *, profile: str | DeploymentConfig = "balanced") -> Costs:
        """The month on a profile's name, a configuration file (see `read_profile`) or a configuration."""
        config = read_profile(profile) if isinstance(profile, str) else profile
        return project(usage, config, self.catalog, self.baseline, now=self._now)

    def calculate_budget_cost(self, usage: UsageProfile) -> Costs:
        return self.calculate_cost(usage, profile="budget")

    def calculate_balanced_cost(self, usage: UsageProfile) -> Costs:
        return self.calculate_cost(usage, profile="balanced")

    def calculate_premium_cost(self, usage: UsageProfile) -> Costs:
        return self.calculate_cost(usage, profile="premium")

    def calculate_model_cost(self, usage: UsageProfile, model: str) -> Costs:
        """The month on one model for everything. Raises `ConfigError` when the book does not price it."""
        found = self.catalog.find(model)
        if found is None or self.catalog.price(found.id) is None:
            raise _unknown("model", model, self.catalog)
        values = {"name": found.id, "models": {"primary": found.id}, "budget": {"monthlyLimit": None}}
        return self.calculate_cost(usage, profile=read_profile(values))

    def compare(self, usage: UsageProfile) -> tuple[Costs, ...]:
        """All profiles and curated models that the book prices, cheapest first, on the same work.

        `production` is left out: it is `balanced` with stricter settings. Without a mix it is `balanced`'s.
        """
        if usage.task_distribution is None:
            usage = msgspec.structs.replace(usage, task_distribution=typical("balanced").mix)
        rivals: list[Costs] = []
        for name in profile_names():
            with suppress(NoCandidateError):  # a profile of other years has no prices in this book
                rivals += [] if name == "production" else [self.calculate_cost(usage, profile=name)]
        for model in self.catalog.models.values():
            known = model.quality is not None and model.id != self.baseline.model
            if known and self.catalog.price(model.id) is not None:
                rivals.append(self.calculate_model_cost(usage, model.id))
        return tuple(sorted(rivals, key=lambda costs: (costs.total, costs.profile)))

    @property
    def _now(self) -> datetime:
        """The day of the prices: what is gone by then is replaced, and the same question has one answer."""
        return datetime.combine(self.catalog.prices.day, time(12), UTC)


def monthly_total(usage: UsageProfile, config: DeploymentConfig, catalog: Catalog) -> Decimal:
    """The month's dollars by any catalogue, without the baseline's sample. Raises `NoCandidateError`."""
    alone = UsageProfile(
        input_tokens_per_month=usage.input_tokens_per_month,
        output_tokens_per_month=usage.output_tokens_per_month,
        task_distribution=usage.task_distribution,
    )
    baseline = _baseline(catalog, DEFAULT_BASELINE)
    now = datetime.combine(catalog.prices.day, time(12), UTC)
    return project(alone, config, catalog, baseline, now=now).total


def read_profile(source: str | Mapping[str, object]) -> DeploymentConfig:
    """A profile or a file as a deployment here would read it, `.env` and environment included.

    Except for `environment`: an estimate is of what production costs, and development has free models only.
    """
    return load_config(source, overrides={"environment": "production"})


def _catalog(book: str) -> Catalog:
    return catalog_named(book, os.environ)


def _baseline(catalog: Catalog, name: str) -> Price:
    price = catalog.price(name) or _catalog("tutorial").price(name)
    if price is None:
        raise _unknown("baseline", name, catalog)
    return price


def _unknown(path: str, name: str, catalog: Catalog) -> ConfigError:
    problem = f"{catalog.prices.id} has no price for {name!r}"
    near = nearest(name, sorted(catalog.prices.prices))
    return ConfigError("the calculator", [ConfigFault(path=path, value=name, problem=problem, nearest=near)])
