"""Does `farthing models check`: what is to be said of a configuration's models, with the change in cost."""

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
    """Prints a line a slot. Leaves with 1 when a model does not work as configured."""
    config, catalog = load_config(source), catalog_named(book)
    earlier = [one for one in all_catalogs() if one.prices.day < catalog.prices.day]
    found = findings(config, catalog, earlier, today=catalog.prices.day)
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
    rows = [
        (
            _MARKS[one.level],
            one.slot,
            one.model,
            "; ".join(one.texts) or "listed, priced, as able as before",
            _instead(one, changed.get(one.slot)),
        )
        for one in found
    ]
    out = show.console()
    title = f"{config.name or 'the configuration'} by {catalog.prices.id}"
    out.print(
        show.table(("", "slot", "model", "found", "instead, change of the typical month"), rows, title=title)
    )


def _instead(one: Finding, change: Decimal | None) -> str:
    if one.instead is None:
        return ""
    if not change:
        return one.instead
    sign = "−" if change < 0 else "+"
    return f"{one.instead}, {sign}{show.usd(abs(change))}"
