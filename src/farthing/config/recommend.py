"""Which profile suits a workload, by stated rules, and what a first configuration then says. Pure.

Decides the profile, the reasons that are told for it, and the settings in which the file differs from it.
What it costs is the calculator's to say; asking, showing and writing are the command line's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import assert_never

from farthing.catalog.models import Catalog
from farthing.config.answers import Answers
from farthing.config.schema import DeploymentConfig
from farthing.money import format_usd
from farthing.spend.projection import CostPart

SCHEMA_FILE = "farthing.schema.json"
"""The JSON Schema that a first configuration names, beside it."""

STRUCTURED_SHARE = 0.30
"""From this share of structured work on, its specialist is worth a profile with four models."""

EUROPEAN_PROVIDERS = {"mistral": "France", "nebius": "the Netherlands"}
"""OpenRouter's names of providers that are established in the European Union, with where that is."""

EUROPEAN_MODEL = "mistralai/mistral-small-3.2-24b-instruct"
"""Made and served by Mistral: what is left when no other model has a European provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The profile and why. `named`: it was named by the reader and not by the rules."""

    profile: str
    reasons: tuple[str, ...]
    free_only: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting that the file states, and what it means."""

    path: str
    value: object
    meaning: str


def choose(answers: Answers, *, named: str | None = None) -> Choice:
    """The profile by the first rule that applies; docs/guides/first-day.md lists them in this order.

    `named` takes the place of what the rules say, and the reasons tell both.
    """
    free_only = answers.budget == 0
    profile, reason = _by_rule(answers, free_only=free_only)
    if named is None or named == profile:
        return Choice(profile=profile, reasons=(reason,), free_only=free_only)
    told = f"you named it; by the rules it would be {profile}: {reason}"
    return Choice(profile=named, reasons=(told,), free_only=free_only, named=True)


def _by_rule(answers: Answers, *, free_only: bool) -> tuple[str, str]:
    structured = (answers.workload or {}).get("structured", 0.0)
    if free_only:
        return "budget", "a budget of $0 leaves the free models, and budget is the profile that has one"
    match answers.criticality:
        case "learning":
            return "budget", "learning and testing: cost comes first, and its hard limit is the lowest"
        case "mission-critical":
            return (
                "premium",
                "mission-critical work: each task type has its specialist, and a fourth model behind",
            )
        case "production" if answers.compliance:
            return "production", (
                "production with a demand on data: its settings are strict about data, scores and spending"
            )
        case "production" if structured >= STRUCTURED_SHARE:
            return "premium", (
                f"production with {_percent(structured)} structured work: only premium has its specialist"
            )
        case "production":
            return "balanced", "production with mixed work: two models share it, each for what it is good at"
        case _:
            assert_never(answers.criticality)


def workload_reasons(parts: Iterable[CostPart], catalog: Catalog) -> tuple[str, ...]:
    """Where the work goes and what each part costs a month, the largest part first."""
    told: list[str] = []
    for part in sorted(parts, key=lambda part: -part.share):
        model = catalog.find(part.model)
        scores = [model.score(kind) if model else None for kind in part.task_types]
        known = [score for score in scores if score is not None]
        score = f"score {min(known):.2f}" if known else "score unknown"
        title = model.name if model else part.model
        kinds = ", ".join(part.task_types)
        told.append(
            f"{kinds}, {_percent(part.share)} of the work: {title}, {score}, {format_usd(part.cost)} a month"
        )
    return tuple(told)


def settings(
    answers: Answers, choice: Choice, profile: DeploymentConfig, catalog: Catalog
) -> tuple[Setting, ...]:
    """What the file says besides the profile that it extends: only what differs from it."""
    return (
        *_money(answers, choice, profile),
        *_data(answers, profile),
        *_baseline(answers, profile, catalog),
    )


def _money(answers: Answers, choice: Choice, profile: DeploymentConfig) -> Iterable[Setting]:
    if choice.free_only:
        meaning = "free models only, with a limit of $0; paid ones are left out"
        yield Setting(path="environment", value="development", meaning=meaning)
        return
    if answers.budget is None:
        return
    yield Setting(
        path="budget.monthlyLimit",
        value=answers.budget,
        meaning="hard limit of a calendar month: a call that could pass it is refused before it is sent",
    )
    month, day = profile.budget.monthly_limit, profile.budget.daily_limit
    if month and day and month != answers.budget:
        yield Setting(
            path="budget.dailyLimit",
            value=answers.budget * day / month,
            meaning=f"hard limit of a day: the profile's share of the month, {_percent(day / month)}",
        )


def _data(answers: Answers, profile: DeploymentConfig) -> Iterable[Setting]:
    said = profile.provider
    if answers.compliance and said.data_collection != "deny":
        meaning = "providers that keep prompts or train on them are left out"
        yield Setting(path="provider.dataCollection", value="deny", meaning=meaning)
    if "zdr" in answers.compliance and not said.zdr:
        meaning = "only endpoints that keep nothing once the answer is sent"
        yield Setting(path="provider.zdr", value=True, meaning=meaning)
    if "eu" in answers.compliance:
        places = ", ".join(f"{name} ({place})" for name, place in EUROPEAN_PROVIDERS.items())
        yield Setting(
            path="provider.only",
            value=tuple(EUROPEAN_PROVIDERS),
            meaning=f"only providers established in the European Union: {places}",
        )
        yield Setting(
            path="models.fallback",
            value=EUROPEAN_MODEL,
            meaning="made and served in Europe: what is left when the others have no European provider",
        )


def _baseline(answers: Answers, profile: DeploymentConfig, catalog: Catalog) -> Iterable[Setting]:
    if answers.today is None or _same(answers.today, profile.baseline.model, catalog):
        return
    meaning = "what you use today: savings are measured against its dated price"
    yield Setting(path="baseline.model", value=answers.today, meaning=meaning)


def _same(one: str, other: str, catalog: Catalog) -> bool:
    first, second = catalog.find(one), catalog.find(other)
    return one == other or (first is not None and second is not None and first.id == second.id)


def file_values(choice: Choice, stated: Iterable[Setting]) -> dict[str, object]:
    """The file: the schema, the profile that it extends, and the settings, nested by their paths."""
    values: dict[str, object] = {"$schema": f"./{SCHEMA_FILE}", "extends": choice.profile}
    sections: dict[str, dict[str, object]] = {}
    for setting in stated:
        section, _, key = setting.path.rpartition(".")
        if not section:
            values[key] = setting.value
            continue
        if section not in sections:
            values[section] = sections[section] = {}
        sections[section][key] = setting.value
    return values


def data_cautions(answers: Answers, choice: Choice) -> tuple[str, ...]:
    """What the provider preferences cost, and what they do not promise."""
    if not answers.compliance:
        return ()
    told = [
        "fewer endpoints qualify for a model; one that has none, or only dearer ones than its listed price, "
        "is passed over for the next"
    ]
    if "eu" in answers.compliance:
        told.append(
            "a European provider may run machines elsewhere, and OpenRouter itself is an American company; "
            "that prompts stay in the EU is promised only by its in-region address for business accounts: "
            "https://eu.openrouter.ai/api/v1 as upstream.baseUrl"
        )
    if choice.profile == "budget":
        told.append("free models are rarely served under such terms")
    return tuple(told)


def over_limit(
    profile: str, limit: Decimal, totals: Mapping[str, Decimal], *, input_tokens: int
) -> tuple[str, ...]:
    """What is told when the estimate passes the limit, and what would fit; empty when it does not.

    `totals` is each profile's estimate for the same workload, in US dollars a month.
    """
    expected = totals[profile]
    if expected <= limit:
        return ()
    part = limit / expected
    told = [
        f"the estimate, {format_usd(expected)}, is above the limit of {format_usd(limit)}: at an even pace "
        f"it is reached on day {int(30 * part) + 1} of the month, and calls are refused from then on"
    ]
    fitting = sorted((total, name) for name, total in totals.items() if total <= limit)
    if fitting:
        total, name = fitting[-1]
        told.append(f"the dearest profile that fits: {name}, {format_usd(total)} (--profile {name})")
    else:
        told.append("no profile does all of this within the limit")
    enough = expected.to_integral_value(rounding=ROUND_CEILING)
    told.append(
        f"{profile} fits with {tokens_text(int(input_tokens * part))} input tokens a month, {_percent(part)} "
        f"of the volume, or with a limit of ${enough:,}"
    )
    return tuple(told)


def _percent(part: Decimal | float) -> str:
    return "less than 1 %" if 0 < part < 0.01 else f"{part * 100:.0f} %"


def free_cautions(choice: Choice) -> tuple[str, ...]:
    """What free models cost instead of money."""
    if not choice.free_only:
        return ()
    return (
        "free models take 20 requests a minute and 50 a day (1,000 once $10 of credits were bought), over "
        "all keys of an account, and their providers may keep prompts",
    )


def tokens_text(number: int) -> str:
    """`10M`, `4.2M`, `850k`: three digits at most, rounded down."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            whole = number / Decimal(size)
            places = Decimal(1).scaleb(whole.adjusted() - 2)
            return f"{(whole // places * places).normalize():f}{letter}"
    return str(number)
