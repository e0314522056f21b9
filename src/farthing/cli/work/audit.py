"""Does `farthing audit`: exports in, one comparison out, and a line for `farthing migrate` to remember."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from farthing.catalog.models import Catalog
from farthing.cli.work import auditview, show
from farthing.cli.work.auditview import Verdict
from farthing.cli.work.exports import read_exports
from farthing.cli.work.milestones import change_kept, kept_path
from farthing.config.answers import workload_from
from farthing.config.load import book_ids, load_catalog, profile_names
from farthing.config.schema import DeploymentConfig
from farthing.errors import (
    ConfigError,
    ConfigFault,
    FarthingError,
    InvalidTaskError,
    NoCandidateError,
    nearest,
)
from farthing.spend.audit import (
    MONTH_DAYS,
    Audited,
    ProfileCost,
    audited,
    cost_at,
    mix_of,
    price_from,
    recommend,
)
from farthing.spend.calculator import CostCalculator, UsageProfile, read_profile
from farthing.spend.workload import typical
from farthing.task import TASK_TYPES, TaskType
from farthing.usage.checklist import AuditMark
from farthing.usage.migration import audit_kept
from farthing.usage.naming import known_as
from farthing.usage.record import Format

Mix = Mapping[TaskType, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command's options as they were given."""

    files: tuple[Path, ...]
    baseline: str | None
    prices: str
    profile: str | None
    maps: tuple[str, ...]
    mix: str
    days: int | None
    only: Format | None


def tell_audit(asked: Asked, *, as_json: bool) -> None:
    """Prints the audit. Raises `FarthingError` when nothing can be compared, `ConfigError` for an option."""
    calculator = CostCalculator(asked.prices)
    shelf = _shelf(calculator.catalog)
    stated, profiles = _stated_mix(asked.mix), _profiles(asked.profile)
    exports = read_exports(asked.files, only=asked.only)
    names, types = _mapped(asked.maps, exports.tally.sums, shelf)
    found = audited(exports.tally, shelf, renamed=names, days=asked.days)
    if not found.usage.total_tokens:
        raise FarthingError(
            "\n  ".join(["the exports hold nothing that can be compared", *auditview.why_nothing(found)]),
            hint="an export of usage says the tokens, one of costs alone does not",
        )
    baseline, model = _baseline(asked.baseline, found, shelf)
    mixes = {one.name: stated or mix_of(found, types, typical(one.name).mix) for one in profiles}
    costs, unpriced = _costs(calculator, profiles, found, mixes, named=asked.profile is not None)
    known_types = stated or mix_of(found, types, {})
    verdict = Verdict(
        found=found,
        exports=exports,
        days_stated=asked.days is not None,
        book=calculator.catalog.prices.id,
        baseline=baseline,
        baseline_model=model,
        costs=tuple(sorted(costs, key=lambda one: (one.total, one.profile))),
        unpriced=unpriced,
        mixes=mixes,
        mix_source=_mix_source(stated, known_types),
        advice=recommend(found, baseline, costs, known_types, named=asked.profile is not None),
    )
    kept = _keep(verdict)
    if as_json:
        show.write_json(auditview.as_json(verdict))
    else:
        auditview.show_verdict(show.console(), verdict, kept=kept)


def _shelf(first: Catalog) -> list[Catalog]:
    """The asked book's catalogue, then the others, newest first: an older price is better than none."""
    others = [book for book in reversed(book_ids()) if book != first.prices.id]
    return [first, *(load_catalog(book) for book in others)]


def _stated_mix(text: str) -> Mix | None:
    try:
        return workload_from(text)
    except ValueError as fault:
        raise InvalidTaskError(str(fault)) from None


def _profiles(named: str | None) -> list[DeploymentConfig]:
    """The one that is named, or all but `production`, which is `balanced` with stricter settings."""
    if named is not None:
        return [read_profile(named)]
    return [read_profile(name) for name in profile_names() if name != "production"]


def _costs(
    calculator: CostCalculator,
    profiles: Iterable[DeploymentConfig],
    found: Audited,
    mixes: Mapping[str, Mix],
    *,
    named: bool,
) -> tuple[list[ProfileCost], tuple[str, ...]]:
    """What each profile would cost, and the profiles whose models the book does not price.

    Raises `NoCandidateError` where that is the one that was named.
    """
    month, priced, unpriced = found.monthly_usage, list[ProfileCost](), list[str]()
    for config in profiles:
        usage = UsageProfile(
            input_tokens_per_month=month.input_tokens,
            output_tokens_per_month=month.output_tokens,
            task_distribution=mixes[config.name],
        )
        try:
            costs = calculator.calculate_cost(usage, profile=config)
        except NoCandidateError:
            if named:
                raise
            unpriced.append(config.name)
            continue
        priced.append(ProfileCost(profile=config.name, total=costs.total, limit=costs.monthly_limit))
    return priced, tuple(unpriced)


def _baseline(name: str | None, found: Audited, shelf: Sequence[Catalog]) -> tuple[Decimal, str | None]:
    """US dollars a month, and the model that was named; None is what is used today."""
    if name is None:
        return found.monthly_cost, None
    known = next((model for catalog in shelf if (model := known_as(name, catalog)) is not None), None)
    price = None if known is None else price_from(shelf, known)
    if price is None:
        raise _fault("--baseline", name, "no price book has it", shelf)
    requests = sum(one.use.requests for one in found.models if one.comparable)
    factor = Decimal(MONTH_DAYS) / found.days
    return cost_at(price, found.usage, requests=requests) * factor, price.model


def _mapped(
    maps: Iterable[str], known: Iterable[str], shelf: Sequence[Catalog]
) -> tuple[dict[str, str], dict[str, TaskType]]:
    """What `--map` says: export's name → known model, and export's name → task type."""
    names: dict[str, str] = {}
    types: dict[str, TaskType] = {}
    written = list(known)
    for text in maps:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise _fault("--map", text, "is no NAME=VALUE", shelf)
        if name not in written:
            near = nearest(name, written)
            problem = f"the exports name no such model; they have {', '.join(sorted(written)[:8])}"
            raise ConfigError("--map", [ConfigFault(path=name, value=text, problem=problem, nearest=near)])
        task_type: TaskType | None = next((word for word in TASK_TYPES if word == value), None)
        if task_type is not None:
            types[name] = task_type
            continue
        model = next((model for catalog in shelf if (model := known_as(value, catalog)) is not None), None)
        if model is None or price_from(shelf, model) is None:
            raise _fault("--map", value, "is neither a model with a price nor a task type", shelf)
        names[name] = model
    return names, types


def _fault(option: str, value: str, problem: str, shelf: Sequence[Catalog]) -> ConfigError:
    near = nearest(value, [*TASK_TYPES, *shelf[0].names()] if option == "--map" else shelf[0].names())
    return ConfigError(option, [ConfigFault(path=value, value=value, problem=problem, nearest=near)])


def _mix_source(stated: Mix | None, known: Mix) -> str:
    if stated is not None:
        return "--mix"
    share = sum(known.values())
    if not share:
        return "each profile's typical mix"
    part = f"the exports for {share * 100:.0f} %"
    return "the exports" if share > 0.999 else f"{part}, else each profile's typical mix"


def _keep(verdict: Verdict) -> bool:
    """For `farthing migrate status`. An audit that cannot be remembered is an audit all the same."""
    advice = verdict.advice
    chosen = next((one.total for one in verdict.costs if one.profile == advice.profile), None)
    mark = AuditMark(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        files=tuple(Path(file.file).name for file in verdict.exports.files),
        days=verdict.found.days,
        monthly_baseline=round(verdict.baseline, 9),
        baseline=verdict.baseline_model or "today's models",
        recommended=advice.profile,
        monthly_cost=None if chosen is None else round(chosen, 9),
    )
    try:
        change_kept(kept_path(os.environ), lambda kept: audit_kept(kept, mark))
    except FarthingError as fault:
        show.note(f"not kept for farthing migrate: {fault.message}")
        return False
    return True
