"""`farthing explain`: the route a prompt would take, and what the alternatives would cost. Sends nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from farthing.catalog.further import with_upstreams
from farthing.catalog.models import Catalog
from farthing.catalog.pricing import computed_cost
from farthing.catalog.successors import replace_gone
from farthing.cli import prompt
from farthing.cli.work import show, tables
from farthing.cli.work.ledger import opened
from farthing.cli.work.report import ledger_urls
from farthing.config.load import load_catalog, load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import NoCandidateError
from farthing.money import percent_saved
from farthing.result import Candidate, Excluded, Notice, Route
from farthing.routing.classify import Features, classify
from farthing.routing.eligible import circumstances
from farthing.routing.experience import Experience
from farthing.routing.reckoning import sequence_cost
from farthing.routing.route import NoRoute, decide_route
from farthing.spend.lessons import catch_up, read_experience
from farthing.task import Task, Usage

_CHUNKS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A route with what it was decided from. `baseline_cost` is None where the baseline has no price."""

    route: Route
    features: Features
    usage: Usage
    baseline_model: str
    baseline_cost: Decimal | None
    notices: tuple[Notice, ...]


def explain_prompt(
    asked: prompt.Asked,
    source: str | Path | None,
    *,
    book: str,
    database: str | None,
    simulated: bool,
    as_json: bool,
) -> None:
    """Tells the route by the prices of a packaged book and, where the strategy asks, by the ledger."""
    settings, now = load_config(source), datetime.now(UTC)
    experience = Experience()
    if settings.routing.strategy == "cheapest_good_enough":
        experience = learned_from(ledger_urls(settings, database=database, simulated=simulated)[0], now)
    told = explained(prompt.task_from(asked), settings, load_catalog(book), now=now, experience=experience)
    if as_json:
        show.write_json(_json(told))
    else:
        _show(told)


def learned_from(url: str, now: datetime) -> Experience:
    """What a ledger teaches; nothing, where there is none."""
    with opened(url) as ledger:
        if ledger is None:
            return Experience()
        while catch_up(ledger, today=now.date(), chunks=_CHUNKS):
            pass
        return read_experience(ledger, today=now.date())


def explained(
    task: Task,
    settings: DeploymentConfig,
    catalog: Catalog,
    *,
    now: datetime,
    experience: Experience = Experience(),  # noqa: B008 - an immutable value
) -> Explained:
    """The route at this moment by the catalogue's prices. Raises `NoCandidateError` when no model fits."""
    catalog = with_upstreams(catalog, settings.upstreams)
    settings, notices = replace_gone(settings, catalog, now.date())
    features = classify(task)
    asked = circumstances(features, task, config=settings, catalog=catalog, health={}, now=now, clock_s=0.0)
    route = decide_route(
        features,
        task,
        config=settings,
        catalog=catalog,
        health={},
        now=now,
        clock_s=0.0,
        remaining_usd=None,
        experience=experience,
    )
    if isinstance(route, NoRoute):
        raise NoCandidateError(route.message, reasons=dict(route.reasons), hint=route.hint)
    name = settings.baseline.model
    price = catalog.price(name) or load_catalog("tutorial").price(name)
    return Explained(
        route=route,
        features=features,
        usage=asked.usage,
        baseline_model=name,
        baseline_cost=None if price is None else computed_cost(price, asked.usage, at=now),
        notices=notices,
    )


def _show(told: Explained) -> None:
    out, route, usage = show.console(), told.route, told.usage
    for notice in told.notices:
        out.print(f"note: {show.plain(notice.text)}", style="yellow", soft_wrap=True)
    sure = f"confidence {route.confidence:.2f}; {'; '.join(told.features.reasons)}"
    out.print(
        show.facts(
            [
                ("task", f"{route.task_type}, {route.complexity} complexity ({sure})"),
                ("strategy", f"{route.strategy}: {route.reason}"),
                ("reckoned", f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out (estimates)"),
                ("prices", route.price_book),
            ]
        )
    )
    rows = [_candidate_row(at, one, told) for at, one in enumerate(route.candidates, start=1)]
    rows.append(["", told.baseline_model, "baseline", "what savings are measured against"])
    rows[-1] += [show.usd(told.baseline_cost), "", ""]
    columns = ["#", "model", "slot", "why", "expected", "score", "saves"]
    out.print(show.table(columns, rows, title="Candidates", right=["#", "expected", "score", "saves"]))
    _show_reckoned(out, route)
    if route.excluded:
        left = [[one.model, one.slot, one.reason, show.usd(one.expected_cost)] for one in route.excluded]
        out.print(
            show.table(["model", "slot", "why not", "expected"], left, title="Left out", right=["expected"])
        )
    out.print("Nothing was sent.", style="dim")


def _show_reckoned(out: Console, route: Route) -> None:
    """What each accepted answer is expected to take, where that decided the order."""
    if route.strategy != "cheapest_good_enough":
        return
    rows = [
        [
            one.model,
            f"{made.usage.output_tokens:,}",
            f"{made.usage.cached_tokens:,}",
            f"{made.accepted:.1%}",
            show.usd(made.cost),
            show.usd(made.cost_per_answer),
            f"{made.observations:,} of the {made.basis}" if made.observations else "none",
        ]
        for one in route.candidates
        if (made := one.reckoned) is not None
    ]
    columns = ["model", "tokens out", "cached in", "accepted", "a call", "an answer", "observed"]
    title = "Expected for an accepted answer"
    out.print(show.table(columns, rows, title=title, right=columns[1:6]))
    in_order = sequence_cost([one.reckoned for one in route.candidates if one.reckoned is not None])
    if in_order is not None:
        out.print(f"In this order, fallbacks included: {show.usd(in_order)} an accepted answer.", style="dim")


def _candidate_row(at: int, one: Candidate, told: Explained) -> list[str]:
    score = "unknown" if one.quality is None else f"{one.quality:.2f}"
    saved = _saved(one.expected_cost, told.baseline_cost)
    return [str(at), one.model, one.slot, one.reason, show.usd(one.expected_cost), score, show.percent(saved)]


def _saved(cost: Decimal | None, baseline: Decimal | None) -> Decimal | None:
    return None if cost is None or baseline is None else percent_saved(cost, baseline)


def _json(told: Explained) -> dict[str, object]:
    route = told.route
    return {
        "task_type": route.task_type,
        "complexity": route.complexity,
        "confidence": route.confidence,
        "reasons": told.features.reasons,
        "strategy": route.strategy,
        "reason": route.reason,
        "price_book": route.price_book,
        "expected_input_tokens": told.usage.input_tokens,
        "expected_output_tokens": told.usage.output_tokens,
        "expected_cost_per_answer": sequence_cost(
            [one.reckoned for one in route.candidates if one.reckoned is not None]
        ),
        "candidates": [_candidate_json(one, told.baseline_cost) for one in route.candidates],
        "excluded": [_excluded_json(one) for one in route.excluded],
        "baseline_model": told.baseline_model,
        "baseline_cost": told.baseline_cost,
        "notices": [notice.text for notice in told.notices],
    }


def _candidate_json(one: Candidate, baseline: Decimal | None) -> dict[str, object]:
    return {
        "model": one.model,
        "slot": one.slot,
        "reason": one.reason,
        "expected_cost": one.expected_cost,
        "quality": one.quality,
        "expected": one.reckoned,
        "savings_percent": tables.rounded(_saved(one.expected_cost, baseline)),
    }


def _excluded_json(one: Excluded) -> dict[str, object]:
    return {
        "model": one.model,
        "slot": one.slot,
        "reason": one.reason,
        "expected_cost": one.expected_cost,
    }
