"""What is looked at before a deployment works: configuration, key, models, prices, budget, database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from rich.console import Console
from rich.text import Text

from farthing.catalog.models import Catalog
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, standing
from farthing.cli.work import show
from farthing.config.schema import DeploymentConfig, Slot
from farthing.errors import FarthingError
from farthing.money import format_usd
from farthing.result import Notice
from farthing.spend.report import CostReport

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("!", "yellow")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `ok` is None for what works and should be known."""

    name: str
    ok: bool | None
    text: str


def config_checks(config: DeploymentConfig) -> Iterable[Check]:
    """That a configuration came through loading is the check."""
    free_only = config.environment == "development" and not config.allow_paid
    yield Check(
        name="configuration",
        ok=True,
        text=f"{config.name}, {config.environment}{', free models only' if free_only else ''}",
    )


def key_check(*, given: bool, needed: bool) -> Check:
    """The key is told as set or not, and never shown."""
    if given:
        return Check(name="key", ok=True, text="OPENROUTER_API_KEY is set (never shown)")
    if needed:
        return Check(name="key", ok=False, text="OPENROUTER_API_KEY is not set")
    return Check(name="key", ok=True, text="none set, and none needed on this machine")


def model_checks(config: DeploymentConfig, catalog: Catalog, now: datetime) -> Iterable[Check]:
    """Each slot's model, as configured, against the catalogue of the day."""
    for slot, entry in config.models.by_slot().items():
        yield _model_check(slot, entry.model, catalog, now)


def _model_check(slot: Slot, name: str, catalog: Catalog, now: datetime) -> Check:
    title = f"model, {slot}"
    found = standing(catalog, name, now.date())
    match found:
        case Present():
            return Check(name=title, ok=True, text=f"{name}: {_rates(catalog, found.model.id)}")
        case Replaced():
            rates = _rates(catalog, found.by.id)
            text = f"{name} is gone; {found.by.id} stands in since {found.since}: {rates}"
            return Check(name=title, ok=None, text=text)
        case Gone():
            return Check(name=title, ok=False, text=f"{name} is gone: {found.reason}")
        case Unknown():
            return Check(name=title, ok=None, text=f"{name} is not in the catalogue: score and price unknown")
        case _:
            assert_never(found)


def _rates(catalog: Catalog, model: str) -> str:
    price = catalog.price(model)
    if price is None:
        return "no known price"
    if price.is_free:
        return "free"
    inward, outward = (format_usd(rate * 1_000_000) for rate in (price.rates.prompt, price.rates.completion))
    return f"{inward} in, {outward} out per million tokens"


def price_check(catalog: Catalog) -> Check:
    """Prices read at start, or the packaged ones with their date."""
    if catalog.live:
        return Check(name="prices", ok=True, text=f"read at start: {catalog.prices.id}")
    return Check(name="prices", ok=None, text=f"packaged, of {catalog.prices.day}: {catalog.prices.id}")


def budget_check(costs: CostReport) -> Check:
    """The month's limit and what is left of it."""
    spent = f"{show.usd(costs.total_spend)} settled, {show.usd(costs.held)} held"
    spent += f", {show.usd(costs.uncertain)} uncertain"
    if costs.limit is None:
        return Check(name="budget", ok=None, text=f"no monthly limit; {spent}")
    left = f"{show.usd(costs.remaining)} left of {show.usd(costs.limit)} this month; {spent}"
    return Check(name="budget", ok=costs.remaining != 0 or costs.limit == 0, text=left)


def database_check(url: str, error: FarthingError | None, *, simulated: bool) -> Check:
    """The ledger's place without its password, and what opening said."""
    if error is not None:
        return Check(name="database", ok=False, text=error.message)
    kind = ", simulated money" if simulated else ""
    return Check(name="database", ok=True, text=f"{show.masked(url)}{kind}")


def notice_checks(notices: Iterable[Notice]) -> Iterable[Check]:
    """What opening had to say, but for replaced models, which have their own lines."""
    own = {"successor", "model_gone", "unknown_model"}
    for notice in notices:
        if notice.code not in own:
            yield Check(name="note", ok=None, text=notice.text)


def show_checks(out: Console, checks: Sequence[Check]) -> None:
    """The checks as a table with a mark each."""
    rows = [[Text(*_MARKS[check.ok]), check.name, check.text] for check in checks]
    out.print(show.table(["", "preflight", ""], rows))
