"""What the ledger knows of each model at each type of task: how often it answers, how long, for how much.

Pure: folds ended calls into records that add up, and says what is to be expected, resting on how much. Where
the records are kept is `spend/lessons.py`'s; how long an answer may get `lengths.py`'s.

Each UTC day has records of its own. Those of the last `WINDOW_DAYS` count alike, older ones not at all.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec
from msgspec import structs

from farthing.money import from_nano
from farthing.routing.lengths import Lengths, joined_lengths, lengths_of, needed_tokens, warned
from farthing.routing.sketch import Sketch, sketch_of
from farthing.spend.ledger import IntentBody, OutcomeBody

WINDOW_DAYS = 30
PRIOR = 20
"""How many observations the wider knowledge weighs: a model's own outweigh its type's from then on."""
DEFAULT_ACCEPTED = 0.97
"""The share of attempts whose answer is expected to be accepted where nothing is known."""

_EXTRA = ("repair", "continuation", "hedge")
_GIVEN_UP = ("cancelled", "overtaken", "its process")
"""How the reasons of attempts begin that say nothing of their model."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one model did at one type of task in some time. Money is nano-dollars."""

    attempts: int = 0
    """All but those that were given up by us."""
    accepted: int = 0
    """Answers that became a task's; what a continuation added is none of its own."""
    invalid: int = 0
    failed: int = 0
    """Attempts without an answer: errors, limits, deadlines."""
    truncated: int = 0
    repairs: int = 0
    continuations: int = 0
    measured: int = 0
    """First attempts whose tokens are known: the number of the sums below."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    priced: int = 0
    """Attempts whose cost is known."""
    cost: int = 0
    extra_cost: int = 0
    """The part of `cost` that repairs, continuations and hedges cost."""
    input: Sketch = Sketch()
    output: Sketch = Sketch()
    lengths: Lengths = Lengths()

    @property
    def cost_per_attempt(self) -> Decimal | None:
        """US dollars; None while no cost is known."""
        return from_nano(self.cost) / self.priced if self.priced else None

    @property
    def cost_per_answer(self) -> Decimal | None:
        """US dollars for an accepted answer, failures, repairs and continuations included."""
        return from_nano(self.cost) / self.accepted if self.accepted and self.priced else None


class Ended(NamedTuple):
    """A row that ended a call, or a late settlement of one, with the call's intent."""

    day: str
    intent: IntentBody
    outcome: OutcomeBody
    cost: int | None
    """Nano-dollars; None where it is uncertain."""


class Subject(NamedTuple):
    task_type: str
    model: str


Records = Mapping[Subject, Record]
DayRecords = Mapping[tuple[str, Subject], Record]


def learned(records: DayRecords, rows: Iterable[Ended]) -> dict[tuple[str, Subject], Record]:
    """The records that change by these rows, which come in the ledger's order."""
    changed: dict[tuple[str, Subject], Record] = {}
    for row in rows:
        key = (row.day, Subject(row.intent.task_type, row.intent.model))
        changed[key] = after(changed.get(key) or records.get(key) or Record(), row)
    return changed


def after(record: Record, row: Ended) -> Record:
    """The record with one more row."""
    one = lesson(row)
    summed = joined(record, one)
    return structs.replace(summed, lengths=warned(record.lengths, one.lengths, summed.lengths))


def joined(older: Record, newer: Record) -> Record:
    """The sum of two records, where the second is of a later time."""
    return Record(
        attempts=older.attempts + newer.attempts,
        accepted=older.accepted + newer.accepted,
        invalid=older.invalid + newer.invalid,
        failed=older.failed + newer.failed,
        truncated=older.truncated + newer.truncated,
        repairs=older.repairs + newer.repairs,
        continuations=older.continuations + newer.continuations,
        measured=older.measured + newer.measured,
        input_tokens=older.input_tokens + newer.input_tokens,
        output_tokens=older.output_tokens + newer.output_tokens,
        cached_tokens=older.cached_tokens + newer.cached_tokens,
        priced=older.priced + newer.priced,
        cost=older.cost + newer.cost,
        extra_cost=older.extra_cost + newer.extra_cost,
        input=older.input + newer.input,
        output=older.output + newer.output,
        lengths=joined_lengths(older.lengths, newer.lengths),
    )


def lesson(row: Ended) -> Record:
    """What one row teaches."""
    _, intent, outcome, cost = row
    if outcome.late:  # its attempt was counted when it became uncertain
        extra = cost if intent.purpose in _EXTRA else 0
        return Record(priced=int(cost is not None), cost=cost or 0, extra_cost=extra or 0)
    invalid = outcome.reason.startswith("invalid")
    given_up = outcome.reason.startswith(_GIVEN_UP) and not outcome.accepted
    extra = intent.purpose in _EXTRA
    measured = not extra and cost is not None and outcome.output_tokens > 0
    return Record(
        attempts=int(not given_up),
        accepted=int(outcome.accepted and intent.purpose != "continuation"),
        invalid=int(invalid),
        failed=int(not (outcome.accepted or invalid or given_up)),
        truncated=int(outcome.finish == "length"),
        repairs=int(intent.purpose == "repair"),
        continuations=int(intent.purpose == "continuation"),
        measured=int(measured),
        input_tokens=outcome.input_tokens if measured else 0,
        output_tokens=outcome.output_tokens if measured else 0,
        cached_tokens=outcome.cached_tokens if measured else 0,
        priced=int(cost is not None),
        cost=cost or 0,
        extra_cost=cost or 0 if extra else 0,
        input=sketch_of(outcome.input_tokens) if measured else Sketch(),
        output=sketch_of(outcome.output_tokens) if measured else Sketch(),
        lengths=lengths_of(outcome) if measured else Lengths(),
    )


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a call of a model is expected to take. Shares are 0–1; tokens and attempts are means."""

    basis: Literal["model", "type", "default"]
    """The narrowest knowledge that it rests on: this model's at this type, the type's, or none."""
    observations: int
    """Attempts of that basis. Fewer than `PRIOR` weigh less than the next wider knowledge."""
    output_tokens: float
    accepted: float
    """Accepted answers for each attempt."""
    extra_cost: float
    """Repairs, continuations and hedges, as a share of the first attempts' cost."""
    truncated: float
    cached: float
    """The share of input tokens that came from the provider's cache."""

    @property
    def attempts_per_answer(self) -> float:
        """Of accepted answers; failures at $0 are among the attempts."""
        return 1 / max(self.accepted, 0.01)


class Experience(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the records of the window say. An empty one knows defaults only."""

    records: Records = {}
    types: Mapping[str, Record] = {}
    needs: Mapping[Subject, int] = {}
    """The output tokens that all but 1 % of the plain answers need, where that is known: see `lengths.py`."""

    def record(self, task_type: str, model: str) -> Record:
        """One model's at one type of task; an empty one where there is none."""
        return self.records.get(Subject(task_type, model)) or Record()

    def expected(self, task_type: str, model: str, *, output_tokens: int) -> Expected:
        """The model's own means, drawn to the type's, and those to the defaults, by `PRIOR`.

        `output_tokens` is the default for the length of an answer, such as by complexity.
        """
        own, kind = self.record(task_type, model), self.types.get(task_type) or Record()
        defaults = _Means(float(output_tokens), DEFAULT_ACCEPTED, 0.0, 0.0, 0.0)
        found = _drawn(own, _drawn(kind, defaults))
        basis = "model" if own.attempts else "type" if kind.attempts else "default"
        observations = own.attempts or kind.attempts
        return Expected(
            basis=basis,
            observations=observations,
            output_tokens=found.output_tokens,
            accepted=found.accepted,
            extra_cost=found.extra_cost,
            truncated=found.truncated,
            cached=found.cached,
        )


def experience_of(days: Iterable[tuple[str, Subject, Record]]) -> Experience:
    """The records of some days, put together. Days come in any order."""
    records: dict[Subject, Record] = {}
    kinds: dict[str, Record] = {}
    for _, subject, record in sorted(days, key=lambda entry: entry[:2]):
        known = records.get(subject)
        records[subject] = record if known is None else joined(known, record)
    for subject, record in records.items():
        known = kinds.get(subject.task_type, Record())
        # The lengths are a model's own, and say nothing when they are mixed.
        kinds[subject.task_type] = joined(known, structs.replace(record, lengths=Lengths()))
    needs = {subject: needed_tokens(record.lengths) for subject, record in records.items()}
    known_needs = {subject: tokens for subject, tokens in needs.items() if tokens is not None}
    return Experience(records=records, types=kinds, needs=known_needs)


class _Means(NamedTuple):
    output_tokens: float
    accepted: float
    extra_cost: float
    truncated: float
    cached: float


def _drawn(record: Record, prior: _Means) -> _Means:
    first_cost = record.cost - record.extra_cost
    extra = record.extra_cost / first_cost if first_cost else 0.0
    cached = record.cached_tokens / record.input_tokens if record.input_tokens else 0.0
    answered = record.accepted + record.invalid
    return _Means(
        _toward(record.output_tokens, record.measured, prior.output_tokens),
        _toward(record.accepted, record.attempts, prior.accepted),
        _toward(extra * record.priced, record.priced if first_cost else 0, prior.extra_cost),
        _toward(record.truncated, answered, prior.truncated),
        _toward(cached * record.measured, record.measured, prior.cached),
    )


def _toward(total: float, count: int, prior: float) -> float:
    """The mean of some observations and of `PRIOR` more that are as was expected before."""
    return (total + PRIOR * prior) / (count + PRIOR)


def first_day(today: date) -> str:
    """The day that the window which ends today begins with."""
    return (today - timedelta(days=WINDOW_DAYS - 1)).isoformat()
