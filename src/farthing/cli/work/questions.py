"""The questions of `farthing init`: from an option, else asked on a terminal, else taken as not known.

Reads options and a terminal; how an answer is read is `config/answers.py`'s. A bad answer on a terminal is
asked again with the reason, a bad option is a usage error.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import typer

from farthing.catalog.models import Catalog
from farthing.cli.work import show
from farthing.cli.work.interrupt import INTERRUPTED
from farthing.config import answers
from farthing.config.answers import NONE, NOTHING, TYPICAL, Answers

T = TypeVar("T")

_OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options as they were written; None is not given."""

    workload: str | None = None
    volume: str | None = None
    criticality: str | None = None
    budget: str | None = None
    compliance: str | None = None
    today: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """One question; `name` is its option's, `default` what Enter means."""

    name: str
    asks: str
    default: str
    read: Callable[[str], T]


class Desk:
    """Where answers come from: options first, then the terminal, then the defaults.

    `assumed` has what was not said, as `--volume typical`.
    """

    def __init__(self, given: Given, *, terminal: bool, yes: bool) -> None:
        """Raises a usage error when something is missing, cannot be asked for, and `yes` was not given."""
        self._given: dict[str, str | None] = {
            field.name: getattr(given, field.name) for field in fields(given)
        }
        self._asks = terminal and not yes
        self.assumed: list[str] = []
        missing = [f"--{name}" for name, said in self._given.items() if said is None]
        if missing and not (terminal or yes):
            raise typer.BadParameter(
                f"there is no terminal to ask on, and these were not given: {', '.join(missing)}; "
                "give them, or --yes to take what is typical"
            )

    def check(self, questions: Iterable[Question[Any]]) -> None:
        """Reads the options before anything is asked, so that a slip in one wastes no answer.

        `Any`: each question has answers of its own kind, and none is used here. Raises a usage error.
        """
        for question in questions:
            if self._given[question.name] is not None:
                self.answer(question)

    def answer(self, question: Question[T]) -> T:
        """The answer. Raises `typer.Exit` when the reader leaves."""
        said = self._given[question.name]
        if said is None and self._asks:
            return _asked(question)
        if said is None:
            self.assumed.append(f"--{question.name} {question.default}")
        try:
            return question.read(question.default if said is None else said)
        except ValueError as error:
            raise typer.BadParameter(f"--{question.name}: {error}") from None


def ask_all(desk: Desk, catalog: Catalog) -> Answers:
    """All answers, in order."""
    workload = Question(name="workload", asks=_WORKLOAD, default=TYPICAL, read=answers.workload_from)
    volume = Question(name="volume", asks=_VOLUME, default=TYPICAL, read=answers.volume_from)
    criticality = Question(
        name="criticality", asks=_CRITICALITY, default="production", read=answers.criticality_from
    )
    budget = Question(name="budget", asks=_BUDGET, default=TYPICAL, read=answers.budget_from)
    compliance = Question(name="compliance", asks=_COMPLIANCE, default=NONE, read=answers.compliance_from)
    today = Question(
        name="today", asks=_TODAY, default=NOTHING, read=lambda text: answers.today_from(text, catalog)
    )
    desk.check((workload, volume, criticality, budget, compliance, today))
    return Answers(
        workload=desk.answer(workload),
        volume=desk.answer(volume),
        criticality=desk.answer(criticality),
        budget=desk.answer(budget),
        compliance=desk.answer(compliance),
        today=desk.answer(today),
    )


def agreed(text: str) -> bool:
    """A yes or no on the terminal; Enter is yes."""
    try:
        return typer.confirm(text, default=True, err=True)
    except typer.Abort:
        raise _left() from None


def _asked(question: Question[T]) -> T:
    def read(text: str) -> T:
        try:
            return question.read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    show.note(f"\n{question.asks}")
    try:
        return typer.prompt(question.name.capitalize(), default=question.default, value_proc=read, err=True)
    except typer.Abort:
        raise _left() from None


def _left() -> typer.Exit:
    show.note("\nstopped; nothing was written")
    return typer.Exit(INTERRUPTED)


_WORKLOAD = """\
What kind of work is it? The shares of coding, analysis, general, structured and simple tasks,
as coding=.6,general=.4"""
_VOLUME = """\
How many tokens go in a month? As 10M, or 10M/2M with the tokens that come out (else a fifth)"""
_CRITICALITY = """\
How critical is it? learning (testing too), production or mission-critical"""
_BUDGET = """\
How many dollars a month may it cost? A hard limit; typical leaves it to the profile"""
_COMPLIANCE = """\
What must providers keep to? none, or eu (European providers), no-training (on prompts),
zdr (zero data retention), with commas between them"""
_TODAY = """\
What does the work today? claude, gpt, another model's id (openai/gpt-4o), or nothing;
savings are measured against it"""
