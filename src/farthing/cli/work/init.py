"""`farthing init`: from answers to a recommended profile with its estimate, and to the first files.

Puts together what others decide: the answers, the recommendation, the calculator, the texts. Sends nothing.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import cast

import typer
from rich.console import Console

from farthing.catalog.models import Catalog
from farthing.cli.work import firstfiles, questions, show
from farthing.cli.work.estimate import costs_json
from farthing.cli.work.firstfiles import Plan
from farthing.cli.work.questions import Desk, Given
from farthing.config import recommend, starter
from farthing.config.answers import Answers
from farthing.config.environment import API_KEY
from farthing.config.json_schema import deployment_json_schema
from farthing.config.layers import Layer, stacked
from farthing.config.load import load_config, profile_names
from farthing.config.packaged import profile_values
from farthing.config.recommend import Choice, Setting
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError, NoCandidateError, nearest
from farthing.spend.calculator import CostCalculator, Costs, UsageProfile
from farthing.spend.projection import CREDIT_FEE
from farthing.spend.workload import typical

_RIVALS = ("budget", "balanced", "premium")
"""What may fit where the estimate does not; `production` costs what `balanced` does."""
_FIRST_PROMPT = "Explain TCP slow start in three sentences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A profile for the answers, what the file says, and what a month is expected to cost.

    `baseline_known` is False where no book has a price for the model that is used today.
    """

    answers: Answers
    choice: Choice
    config: DeploymentConfig
    settings: tuple[Setting, ...]
    reasons: tuple[str, ...]
    costs: Costs
    baseline_known: bool
    cautions: tuple[str, ...]

    @property
    def values(self) -> dict[str, object]:
        """What the file holds."""
        return recommend.file_values(self.choice, self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do next; `command` is empty where it is none."""

    command: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What is told once the files are there. `missing` are variables that a `.env` of the reader's lacks."""

    planned: Plan
    missing: tuple[str, ...]
    cautions: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The variables that were set before. `dotenv` is the text of a `.env` that is there, None without one.

    `in_dotenv` may hold a key: nothing of it but the names of configurations and limits is ever shown.
    """

    dotenv: str | None
    in_dotenv: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> "Variables":
        path = folder / starter.DOTENV
        text = firstfiles.read(path)
        return cls(dotenv=text, in_dotenv={} if text is None else firstfiles.dotenv_values(path))

    def has_key(self) -> bool:
        return bool(os.environ.get(API_KEY) or self.in_dotenv.get(API_KEY))

    def names(self, file: str) -> bool:
        """Whether commands in the folder find the configuration without being told."""
        said = os.environ.get(starter.DEPLOYMENT_CONFIG) or self.in_dotenv.get(starter.DEPLOYMENT_CONFIG)
        if said is None:
            return self.dotenv is None  # a new `.env` names it
        return said.removeprefix("./") == file

    def overruling(self, file: str, limit: Decimal | None) -> tuple[str, ...]:
        """The variables that win over the file: the environment's, then those of `.env`."""
        outer = {name: os.environ[name] for name in starter.OVERRULING if os.environ.get(name)}
        inner = {name: value for name, value in self.in_dotenv.items() if name not in outer}
        return (
            *starter.overruling(outer, "the environment", config=file, limit=limit),
            *starter.overruling(inner, starter.DOTENV, config=file, limit=limit),
        )


def begin(given: Given, folder: Path, *, file: str, profile: str | None, yes: bool, as_json: bool) -> None:
    """Asks, recommends, and writes the files after a yes. What is in the way is told before it asks."""
    firstfiles.refuse_what_is_there(folder, file, schema_name=recommend.SCHEMA_FILE)
    if profile is not None and profile not in profile_names():
        near = nearest(profile, profile_names())
        guess = f" (did you mean {near!r}?)" if near else ""
        known = ", ".join(profile_names())
        raise typer.BadParameter(f"--profile: there is no profile {profile!r}{guess}; there are {known}")
    terminal, calculator = sys.stdin.isatty(), CostCalculator()
    desk = Desk(given, terminal=terminal, yes=yes)
    answers = questions.ask_all(desk, calculator.catalog)
    found = recommended(answers, calculator.catalog, named=profile)
    planned = firstfiles.plan(
        folder,
        name=file,
        config=starter.config_text(found.values),
        schema_name=recommend.SCHEMA_FILE,
        schema=starter.config_text(deployment_json_schema()),
    )
    out = show.console()
    if not as_json:
        _show(out, found, desk.assumed)
    if terminal and not yes and not questions.agreed(f"Write {', '.join(planned.names)} into {folder}?"):
        show.note("nothing was written")
        return
    there = Variables.of(folder)
    firstfiles.write(planned)
    after = Afterwards(
        planned=planned,
        missing=() if there.dotenv is None else starter.missing_names(there.dotenv),
        cautions=there.overruling(file, found.config.budget.monthly_limit),
        steps=tuple(_steps(there, folder, file, found)),
    )
    if as_json:
        show.write_json(_json(found, desk.assumed, after))
    else:
        _show_written(out, after)


def recommended(answers: Answers, catalog: Catalog, *, named: str | None = None) -> Recommended:
    """The recommendation for the answers, its configuration checked by loading it. Raises `ConfigError`."""
    choice = recommend.choose(answers, named=named)
    profile = _alone(choice.profile, {})
    stated = recommend.settings(answers, choice, profile, catalog)
    values = recommend.file_values(choice, stated)
    load_config(values, environ={})
    config = _alone(choice.profile, values)
    known = answers.today is None or _has_price(answers.today, catalog)
    calculator = CostCalculator(baseline=config.baseline.model if known else profile.baseline.model)
    usage = _usage(answers, choice.profile)
    try:
        costs = calculator.calculate_cost(usage, profile=config)
    except NoCandidateError as error:
        if not choice.free_only:
            raise
        told = f"--budget 0 leaves the free models only, and {choice.profile} has none that fits"
        raise FarthingError(told, hint="leave out --profile, or give a budget") from error
    return Recommended(
        answers=answers,
        choice=choice,
        config=config,
        settings=stated,
        reasons=(*choice.reasons, *recommend.workload_reasons(costs.breakdown, catalog)),
        costs=costs,
        baseline_known=known,
        cautions=(
            *_over_limit(calculator, choice.profile, costs),
            *recommend.free_cautions(choice),
            *recommend.data_cautions(answers, choice),
        ),
    )


def _alone(profile: str, values: Mapping[str, object]) -> DeploymentConfig:
    """A profile with what a file says on top of it, whatever a `.env` here says: that is told by itself."""
    layers = [Layer(values=profile_values(profile)), Layer(values=values)]
    return DeploymentConfig.model_validate(stacked(layers).values)


def _has_price(model: str, catalog: Catalog) -> bool:
    return (catalog.price(model) or CostCalculator("tutorial").catalog.price(model)) is not None


def _usage(answers: Answers, profile: str) -> UsageProfile:
    """The month that was answered, else the profile's typical one, without a sample on the baseline."""
    usual, volume = typical(profile), answers.volume
    return UsageProfile(
        input_tokens_per_month=usual.input_tokens if volume is None else volume.input_tokens,
        output_tokens_per_month=usual.output_tokens if volume is None else volume.output_tokens,
        task_distribution=answers.workload or usual.mix,
    )


def _over_limit(calculator: CostCalculator, profile: str, costs: Costs) -> tuple[str, ...]:
    if costs.monthly_limit is None or costs.within_limit:
        return ()
    totals = {
        name: calculator.calculate_cost(costs.usage, profile=_alone(name, {})).total for name in _RIVALS
    }
    totals[profile] = costs.total
    tokens = costs.usage.input_tokens_per_month
    return recommend.over_limit(profile, costs.monthly_limit, totals, input_tokens=tokens)


def _show(out: Console, found: Recommended, assumed: Sequence[str]) -> None:
    out.print(
        f"{'Your' if found.choice.named else 'Recommended'} profile: {found.choice.profile}", style="bold"
    )
    for reason in found.reasons:
        out.print(f"  · {show.plain(reason)}", soft_wrap=True)
    out.print(show.facts(_facts(found, assumed)))
    rows = [[one.path, _written(one.value), one.meaning] for one in found.settings]
    if rows:
        out.print(show.table(["setting", "value", "meaning"], rows, title="What the file changes"))
    for note in found.costs.notes:
        out.print(f"note: {show.plain(note)}", style="dim", soft_wrap=True)
    _show_cautions(out, found.cautions)


def _facts(found: Recommended, assumed: Sequence[str]) -> Iterable[tuple[str, str]]:
    costs, usage = found.costs, found.costs.usage
    inward, outward = usage.input_tokens_per_month, usage.output_tokens_per_month
    yield "estimate", f"{show.usd(costs.total)} a month for {inward:,} tokens in, {outward:,} out"
    yield (
        "prices",
        f"{costs.price_book}, usual rates; {CREDIT_FEE * 100:.1f} % for buying credits by card comes on top",
    )
    if found.baseline_known:
        saved = f"{show.percent(costs.savings_percent)} saved"
        yield _baseline_word(found), f"{show.usd(costs.baseline)} on {costs.baseline_model}; {saved}"
    else:
        yield "today", f"{found.answers.today}, whose price is not known; savings against it cannot be told"
    limit = costs.monthly_limit
    own = "" if found.answers.budget is not None else ", the profile's own"
    if not found.choice.free_only and limit is not None:
        yield "limit", f"{show.usd(limit)} a month, hard{own}"
    if assumed:
        yield "not said", f"taken as {', '.join(assumed)}"


def _baseline_word(found: Recommended) -> str:
    return "baseline" if found.answers.today is None else "today"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value)))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _show_cautions(out: Console, cautions: Iterable[str]) -> None:
    for caution in cautions:
        out.print(f"caution: {show.plain(caution)}", style="yellow", soft_wrap=True)


def _steps(there: Variables, folder: Path, file: str, found: Recommended) -> Iterable[Step]:
    if folder.resolve() != Path.cwd():
        yield Step(
            command=shlex.join(["cd", str(folder)]), meaning="the commands read .env where they are run"
        )
    yield Step(command="farthing demo", meaning="the whole product against a simulator: no key, no cost")
    if not there.has_key():
        yield Step(
            command="", meaning=f"get a key at https://openrouter.ai/keys and fill in {API_KEY} in .env"
        )
    yield Step(command=f"farthing deploy {file} --check", meaning="looks at key, models, prices and budget")
    config = [] if there.names(file) else ["--config", file]
    yield Step(command=shlex.join(["farthing", "run", *config, _FIRST_PROMPT]), meaning="the first call")
    yield Step(
        command=shlex.join(["farthing", "report", *config]), meaning="what was spent, and what it saved"
    )
    yield Step(command=shlex.join(_estimate_again(file, found.costs)), meaning="the estimate in full")


def _estimate_again(file: str, costs: Costs) -> list[str]:
    usage = costs.usage
    mix = ",".join(f"{kind}={share:.6g}" for kind, share in (usage.task_distribution or {}).items())
    volume = f"{usage.input_tokens_per_month}/{usage.output_tokens_per_month}"
    again = ["farthing", "estimate", file, "--volume", volume, "--mix", mix]
    return [*again, "--baseline", costs.baseline_model]


def _show_written(out: Console, after: Afterwards) -> None:
    planned = after.planned
    out.print(f"\nwritten: {', '.join(planned.names)}", soft_wrap=True)
    if planned.kept:
        out.print(f"kept as they are: {', '.join(planned.kept)}", soft_wrap=True)
    if after.missing:
        out.print(f"your .env does not mention: {', '.join(after.missing)}", soft_wrap=True)
    _show_cautions(out, after.cautions)
    out.print("\nnext:", style="bold")
    for step in after.steps:
        if not step.command:
            out.print(f"  {step.meaning}", soft_wrap=True)
            continue
        out.print(f"  {show.plain(step.command)}", soft_wrap=True)
        out.print(f"      {step.meaning}", style="dim", soft_wrap=True)


def _json(found: Recommended, assumed: Sequence[str], after: Afterwards) -> dict[str, object]:
    planned = after.planned
    return {
        "profile": found.choice.profile,
        "named": found.choice.named,
        "reasons": found.reasons,
        "settings": found.settings,
        "assumed": assumed,
        "estimate": costs_json(found.costs),
        "baseline_known": found.baseline_known,
        "cautions": (*found.cautions, *after.cautions),
        "folder": str(planned.folder),
        "written": planned.names,
        "kept": planned.kept,
        "missing_variables": after.missing,
        "next": after.steps,
    }
