"""Does `farthing models check`: what is to be said of a configuration's models, with the change in cost."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import typer

from farthing.catalog.fitness import Finding, findings
from farthing.catalog.models import Catalog
from farthing.cli.work import show
from farthing.cli.work.books import all_catalogs, catalog_named
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig, Models
from farthing.errors import FarthingError
from farthing.spend.calculator import monthly_total
from farthing.spend.workload import typical

_MARKS = {"fine": "ok", "note": "note", "act": "act"}


def tell_check(source: str | Path | None, *, book: str, as_json: bool) -> None:
    """Prints what was found of each slot. Leaves with 1 when a model does not work as configured."""
    config, catalog = load_config(source), catalog_named(book)
    earlier = [one for one in all_catalogs() if one.prices.day < catalog.prices.day]
    today = max(datetime.now(UTC).date(), catalog.prices.day)
    found = findings(config, catalog, earlier, today=today)
    changed = {one.slot: _change(config, catalog, one) for one in found if one.instead is not None}
    if as_json:
        told = [{**_said(one), "monthly_change": changed.get(one.slot)} for one in found]
        show.write_json({"config": config.name, "price_book": catalog.prices.id, "slots": told})
    else:
        _show(config, catalog, found, changed)
    if any(one.level == "act" for one in found):
        raise typer.Exit(1)


def _said(one: Finding) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _change(config: DeploymentConfig, catalog: Catalog, one: Finding) -> Decimal | None:
    """What the stand-in changes of the typical month, in dollars; None where one of both has no price."""
    slots = {slot: entry.model for slot, entry in config.models.by_slot().items()}
    other = config.model_copy(update={"models": Models.model_validate({**slots, one.slot: one.instead})})
    usage = typical(config.name or "").usage()
    try:
        return monthly_total(usage, other, catalog) - monthly_total(usage, config, catalog)
    except FarthingError:
        return None


def _show(
    config: DeploymentConfig,
    catalog: Catalog,
    found: tuple[Finding, ...],
    changed: dict[str, Decimal | None],
) -> None:
    out = show.console()
    out.print(f"{config.name or 'the configuration'} by {catalog.prices.id}")
    rows: list[tuple[str, str]] = []
    for one in found:
        rows.append((f"{_MARKS[one.level]}  {one.slot}", one.model))
        rows += [("", text) for text in one.texts or ("listed, priced, as able as before",)]
        if one.instead is not None:
            rows.append(("", f"instead: {one.instead}{_month(changed.get(one.slot))}"))
    out.print(show.facts(rows))


def _month(change: Decimal | None) -> str:
    if not change:
        return ""
    return f", {'−' if change < 0 else '+'}{show.usd(abs(change))} on the typical month"
