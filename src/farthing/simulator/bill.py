"""What the simulator would charge: one row a generation, and exact totals.

Holds rows in memory. Amounts are fractions of a dollar inside and exact decimal digits outside; what a row
costs is decided in `meter.py`.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import msgspec

from farthing.simulator.meter import Priced
from farthing.simulator.tariff import Tokens, digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One billed generation. `reported`: the client was sent this cost in the reply's usage."""

    id: str
    model: str
    provider: str
    priced: Priced
    tokens: Tokens
    reported: bool
    cancelled: bool
    overrun: bool
    streamed: bool
    finish_reason: str | None
    fault: str | None
    created: datetime
    visible_at: float
    """When `/generation` begins to know it, on the simulator's clock."""
    latency_ms: int

    @property
    def cost(self) -> Fraction:
        return self.priced.total


class Bill:
    """All rows of a simulator, in the order they were billed.

    `keep`: how many, where the oldest are forgotten; the total and the number of rows count those too.
    """

    def __init__(self) -> None:
        self.keep: int | None = None
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._lookups: dict[str, int] = {}
        self._forgotten, self._forgotten_rows = Fraction(0), 0

    def add(self, row: Row) -> None:
        self._rows[row.id] = row
        while self.keep is not None and len(self._rows) > self.keep:
            _, oldest = self._rows.popitem(last=False)
            self._lookups.pop(oldest.id, None)
            self._forgotten += oldest.cost
            self._forgotten_rows += 1

    def __len__(self) -> int:
        return len(self._rows) + self._forgotten_rows

    def rows(self) -> Iterable[Row]:
        return self._rows.values()

    def look_up(self, generation_id: str, *, now: float, polls: int) -> Row | None:
        """A row once its lag is over and it was asked for `polls` times in vain; None before."""
        row = self._rows.get(generation_id)
        if row is None or now < row.visible_at:
            return None
        seen = self._lookups.get(generation_id, 0)
        if seen < polls:
            self._lookups[generation_id] = seen + 1
            return None
        return row

    def total(self) -> Fraction:
        return sum((row.cost for row in self._rows.values()), self._forgotten)

    def document(self) -> dict[str, object]:
        """The bill as the control endpoint shows it: amounts are strings of exact digits, in US dollars."""
        rows = list(self._rows.values())
        by_model: dict[str, Fraction] = {}
        for row in rows:
            by_model[row.model] = by_model.get(row.model, Fraction(0)) + row.cost
        reported = sum((row.cost for row in rows if row.reported), Fraction(0))
        total = self.total()
        return {
            "simulated": True,
            "total": digits(total),
            "reported_total": digits(reported),
            "unreported_total": digits(total - reported),
            "count": len(self),
            "forgotten": self._forgotten_rows,
            "cancelled": sum(row.cancelled for row in rows),
            "overruns": sum(row.overrun for row in rows),
            "prompt_tokens": sum(row.tokens.prompt for row in rows),
            "completion_tokens": sum(row.tokens.completion for row in rows),
            "by_model": {model: digits(cost) for model, cost in sorted(by_model.items())},
            "rows": [_shown(row) for row in rows],
        }


def generation_data(row: Row) -> dict[str, object]:
    """The `data` of `/generation`. With one's own key, `total_cost` is OpenRouter's part alone."""
    tokens = row.tokens
    return {
        "id": row.id,
        "total_cost": raw(row.priced.openrouter),
        "usage": raw(row.priced.openrouter),
        "model": row.model,
        "provider_name": row.provider,
        "streamed": row.streamed,
        "cancelled": row.cancelled,
        "latency": row.latency_ms,
        "generation_time": row.latency_ms,
        "tokens_prompt": tokens.prompt,
        "tokens_completion": tokens.completion,
        "native_tokens_prompt": tokens.prompt,
        "native_tokens_completion": tokens.completion,
        "native_tokens_reasoning": tokens.reasoning,
        "native_tokens_cached": tokens.cached,
        "cache_discount": None,
        "finish_reason": row.finish_reason,
        "is_byok": row.priced.byok,
        "upstream_inference_cost": raw(row.priced.upstream),
        "created_at": row.created.isoformat().replace("+00:00", "Z"),
        "simulated": True,
    }


def activity_data(rows: Iterable[Row]) -> list[dict[str, object]]:
    """`/activity`: sums by UTC day and model. Unlike OpenRouter's it includes the day that is not over."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.created.date().isoformat(), row.model), []).append(row)
    zero = Fraction(0)
    return [
        {
            "date": day,
            "model": model,
            "model_permaslug": model,
            "provider_name": "Simulated",
            "usage": raw(sum((row.priced.openrouter for row in group), zero)),
            "byok_usage_inference": raw(sum((row.priced.upstream for row in group if row.priced.byok), zero)),
            "requests": len(group),
            "prompt_tokens": sum(row.tokens.prompt for row in group),
            "completion_tokens": sum(row.tokens.completion for row in group),
            "reasoning_tokens": sum(row.tokens.reasoning for row in group),
        }
        for (day, model), group in sorted(groups.items())
    ]


def raw(amount: Fraction) -> msgspec.Raw:
    """A JSON number with the exact digits of an amount."""
    return msgspec.Raw(digits(amount).encode())


def _shown(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "model": row.model,
        "cost": digits(row.cost),
        "openrouter_cost": digits(row.priced.openrouter),
        "upstream_cost": digits(row.priced.upstream) if row.priced.byok else "0",
        "prompt_tokens": row.tokens.prompt,
        "completion_tokens": row.tokens.completion,
        "reasoning_tokens": row.tokens.reasoning,
        "cached_tokens": row.tokens.cached,
        "cache_write_tokens": row.tokens.cache_write,
        "reported": row.reported,
        "cancelled": row.cancelled,
        "overrun": row.overrun,
        "byok": row.priced.byok,
        "streamed": row.streamed,
        "finish_reason": row.finish_reason,
        "fault": row.fault,
    }
