"""The sums of any number of records by model and day: what is left of an export once it was read.

Adding is commutative, so that rows may come in any order and from any number of files. Memory grows with
models and days, never with rows. Prices nothing.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from farthing.task import TaskType, Usage
from farthing.usage.record import Mark, Record

MOST_MODELS = 2_000
"""More models than this are a column that holds no models."""

LONGEST_PAUSE = 30

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What one model did. `model` is the export's name for it; empty for charges that are for no tokens."""

    model: str
    rows: int
    requests: int
    usage: Usage
    cost: Decimal | None
    """As exported, of days with tokens; None where no row states one. Of all days where none has tokens."""
    idle_cost: Decimal
    """Exported for days without tokens, where others have some."""
    uncosted_tokens: int
    """Tokens that no cost is for: their row states none, and no row of that day is for a cost alone."""
    by_type: Mapping[TaskType, int]
    """Tokens of rows that state a task type."""
    marked: Mapping[Mark, int]
    """Tokens of rows with a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days that an export covers, from `first` to `last`, both included, but for `gaps`.

    A gap is more than `LONGEST_PAUSE` days without a row: two months of different years are two months.
    """

    first: date
    last: date
    gaps: tuple[tuple[date, date], ...] = ()
    """First and last day of each."""

    @property
    def days(self) -> int:
        idle = sum((end - start).days + 1 for start, end in self.gaps)
        return (self.last - self.first).days + 1 - idle


@dataclass(slots=True)
class Sum:
    """The running sums of one model on one day."""

    rows: int = 0
    days: int = 1
    """That its rows cover, from its day on."""
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    uncosted_tokens: int = 0
    costs_apart: bool = False
    by_type: Counter[TaskType] = field(default_factory=Counter["TaskType"])
    marked: Counter[Mark] = field(default_factory=Counter["Mark"])

    def add(self, record: Record) -> None:
        tokens = record.usage.total_tokens
        self.rows += 1
        self.days = max(self.days, record.days)
        self.requests += record.requests
        self.usage += record.usage
        if record.cost is None:
            self.uncosted_tokens += tokens
        else:
            self.cost = record.cost if self.cost is None else self.cost + record.cost
            self.costs_apart |= not tokens
        if record.task_type is not None:
            self.by_type[record.task_type] += tokens
        for mark in record.marks:
            self.marked[mark] += tokens

    def join(self, other: "Sum") -> None:
        self.rows += other.rows
        self.days = max(self.days, other.days)
        self.requests += other.requests
        self.usage += other.usage
        self.uncosted_tokens += other.uncosted_tokens
        if other.cost is not None:
            self.cost = other.cost if self.cost is None else self.cost + other.cost
        self.costs_apart |= other.costs_apart
        self.by_type.update(other.by_type)
        self.marked.update(other.marked)


@dataclass(slots=True)
class Tally:
    """A running sum of records, by model and day."""

    sums: dict[str, dict[date | None, Sum]] = field(default_factory=dict[str, dict["date | None", Sum]])

    def add(self, record: Record) -> None:
        """Raises `ValueError` for one model too many."""
        self.cell(record.model, record.day).add(record)

    def join(self, other: "Tally") -> None:
        """Adds all that another tally holds. Raises `ValueError` for one model too many."""
        for model, days in other.sums.items():
            for day, part in days.items():
                self.cell(model, day).join(part)

    def renamed(self, names: Mapping[str, str]) -> "Tally":
        """The same sums under other names; those that get one name are added up. The rest keep theirs."""
        made = Tally()
        for model, days in self.sums.items():
            for day, part in days.items():
                made.cell(names.get(model, model), day).join(part)
        return made

    def cell(self, model: str, day: date | None) -> Sum:
        """The sums of one model on one day, made where there are none. Raises as `add`."""
        days = self.sums.get(model)
        if days is None:
            if len(self.sums) >= MOST_MODELS:
                raise ValueError(f"it names more than {MOST_MODELS:,} models, so that column holds none")
            days = self.sums[model] = {}
        found = days.get(day)
        if found is None:
            found = days[day] = Sum()
        return found

    @property
    def rows(self) -> int:
        return sum(part.rows for days in self.sums.values() for part in days.values())

    @property
    def period(self) -> Period | None:
        """From the first day with tokens or a cost to the last; None where no row has a day."""
        spans: dict[date, int] = {}
        for days in self.sums.values():
            for day, part in days.items():
                if day is not None and (part.usage.total_tokens or part.cost):
                    spans[day] = max(spans.get(day, 1), part.days)
        return _period(spans)

    @property
    def undated_tokens(self) -> int:
        """Tokens of rows without a day."""
        return sum(days[None].usage.total_tokens for days in self.sums.values() if None in days)

    def models(self) -> tuple[ModelUse, ...]:
        """Each model's use, the most tokens first."""
        found = [_use(model, days.values()) for model, days in self.sums.items()]
        return tuple(sorted(found, key=lambda use: (-use.usage.total_tokens, use.model)))

    def by_day(self) -> Mapping[date, Usage]:
        """The tokens of each day, all models together."""
        found: dict[date, Usage] = {}
        for days in self.sums.values():
            for day, part in days.items():
                if day is not None:
                    found[day] = found.get(day, Usage()) + part.usage
        return dict(sorted(found.items()))


def _period(spans: Mapping[date, int]) -> Period | None:
    """`spans` is how many days each used day stands for."""
    if not spans:
        return None
    first = min(spans)
    last, gaps = first, list[tuple[date, date]]()
    for day, days in sorted(spans.items()):
        if (day - last).days > LONGEST_PAUSE + 1:
            gaps.append((last + timedelta(days=1), day - timedelta(days=1)))
        last = max(last, day + timedelta(days=days - 1))
    return Period(first=first, last=last, gaps=tuple(gaps))


def _use(model: str, parts: Collection[Sum]) -> ModelUse:
    total, worked = Sum(), Sum()
    for part in parts:
        total.join(part)
        if part.usage.total_tokens:
            worked.join(part)
    has_tokens = bool(total.usage.total_tokens)
    idle = sum((part.cost or _ZERO for part in parts if not part.usage.total_tokens), _ZERO)
    return ModelUse(
        model=model,
        rows=total.rows,
        requests=total.requests,
        usage=total.usage,
        cost=worked.cost if has_tokens else total.cost,
        idle_cost=idle if has_tokens else _ZERO,
        uncosted_tokens=sum(0 if part.costs_apart else part.uncosted_tokens for part in parts),
        by_type=dict(total.by_type),
        marked=dict(total.marked),
    )
