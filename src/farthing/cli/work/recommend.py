"""`farthing recommend`: reads the ledger's rows and tells what they recommend. Sends and changes nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from farthing.catalog.further import with_upstreams
from farthing.catalog.successors import replace_gone
from farthing.cli.work import show, tables
from farthing.cli.work.ledger import opened
from farthing.cli.work.report import ledger_urls
from farthing.cli.work.reportperiod import calls_in, one_kind, progress, rollups_of
from farthing.config.load import load_catalog, load_config
from farthing.spend import readings
from farthing.spend.advice import Advice, Advised, Unsupported
from farthing.spend.ledger import SIMULATOR
from farthing.spend.observed import Observed
from farthing.spend.recommending import advise
from farthing.spend.span import Span
from farthing.storage.database import Database


def tell_advice(
    source: str | Path | None, *, days: int, database: str | None, simulated: bool, as_json: bool
) -> None:
    """What the last so many days recommend, today included."""
    settings, now = load_config(source), datetime.now(UTC)
    url = ledger_urls(settings, database=database, simulated=simulated)[0]
    span = Span(first=now.date() - timedelta(days=days - 1), last=now.date())
    with opened(url) as ledger:
        if ledger is None:
            show.note(f"nothing was spent yet: there is no ledger at {show.masked(url)}")
        observed, pretended = (Observed(), simulated) if ledger is None else observe(ledger, span)
    catalog = with_upstreams(load_catalog(), settings.upstreams)
    settings, _ = replace_gone(settings, catalog, now.date())
    found = advise(observed, settings, catalog, now=now)
    if as_json:
        days_told = {"since": span.first.isoformat(), "until": span.last.isoformat()}
        show.write_json({"simulated": pretended, **days_told, **_json(found)})
    else:
        _show(show.console(), found, span, simulated=pretended)


def observe(ledger: Database, span: Span) -> tuple[Observed, bool]:
    """The sums of a period's rows, and whether the money is simulated."""
    observed = Observed()
    with ledger.read() as connection:
        rollups = rollups_of(connection, span)
        kinds = {key.upstream == SIMULATOR for key, _ in rollups}
        one_kind(kinds)
        with progress(calls_in(rollups)) as step:
            for call, _ in readings.read_entries(connection, span):
                step()
                observed.add(call)
    return observed, True in kinds


def _show(out: Console, found: Advised, span: Span, *, simulated: bool) -> None:
    out.print(f"{span}, {found.calls:,} calls", style="bold")
    spent = f"{show.usd(found.month)} a month, at the rate of {found.days:,.1f} days with calls"
    out.print(show.facts([("spent", spent)]))
    _show_list(out, "Among what is configured", found.settings)
    _show_list(out, "With other models of the catalogue", found.catalogue)
    if not found.settings and not found.catalogue:
        out.print("Nothing is recommended: see below for what the ledger cannot say.")
    if found.unsupported:
        rows = [[one.lever, one.why] for one in found.unsupported]
        out.print(show.table(["lever", "why nothing is claimed"], rows, title="Not claimed"))
    out.print("Each saving is reckoned by itself: they do not add up. Nothing was changed.", style="dim")
    if simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow")


def _show_list(out: Console, title: str, found: Sequence[Advice]) -> None:
    if not found:
        return
    out.print()
    out.print(title, style="bold")
    for number, one in enumerate(found, start=1):
        saves = f"saves {show.usd(one.saves)} a month, {show.percent(one.saves_percent)}"
        out.print(f"{number}. {show.plain(one.title)}", soft_wrap=True)
        out.print(
            show.facts(
                [
                    ("", saves if one.saves else "saves nothing by itself"),
                    ("reckoned", one.reckoned),
                    ("confidence", f"{one.confidence}, {one.observations:,} observations"),
                    ("risk", one.risk),
                    ("setting", json.dumps(show.as_json(one.change))),
                ]
            )
        )


def _json(found: Advised) -> dict[str, object]:
    return {
        "days": round(found.days, 3),
        "calls": found.calls,
        "spent_a_month": found.month,
        "settings": [_advice_json(one) for one in found.settings],
        "catalogue": [_advice_json(one) for one in found.catalogue],
        "not_claimed": [_unsupported_json(one) for one in found.unsupported],
    }


def _advice_json(one: Advice) -> dict[str, object]:
    return {
        "lever": one.lever,
        "title": one.title,
        "change": one.change,
        "saves_usd_a_month": round(one.saves, 9),
        "saves_percent": tables.rounded(one.saves_percent),
        "reckoned": one.reckoned,
        "observations": one.observations,
        "confidence": one.confidence,
        "risk": one.risk,
    }


def _unsupported_json(one: Unsupported) -> dict[str, object]:
    return {"lever": one.lever, "why": one.why, "observations": one.observations, "needed": one.needed}
