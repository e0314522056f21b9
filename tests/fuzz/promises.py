"""What must hold of our readers whatever bytes come: each promise once, for Hypothesis and atheris alike.

A promise takes what came and raises where it is broken. Anything that a reader raises breaks one too: its
expected troubles are values. Which bytes come is not said here; money is `books.py`'s, HTTP `sockets.py`'s.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import get_args

from farthing.catalog.pricing import computed_nano, worst_nano
from farthing.catalog.rows import catalog_from_rows
from farthing.prompt.emulate import EmulatedCalls, MalformedCalls, PlainAnswer, parse_emulated
from farthing.routing.fallback import Invalid
from farthing.routing.validate import repaired, validate
from farthing.task import Completion, FinishReason, Tool, ToolCall, Usage
from farthing.upstream.account import (
    GenerationBill,
    parse_activity,
    parse_generation,
    parse_key,
    parse_models_page,
)
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.sse import ReplyLimits, StreamParser
from farthing.upstream.wire import parse_body

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOST_NANO = 2**63 - 1
"""What a ledger's column holds."""
LIMITS = ReplyLimits()
TIGHT = ReplyLimits(line_bytes=256, total_bytes=2048)

_TOOL_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[a-z]+$"}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = (
    Tool(name="weather", description="", parameters=_TOOL_SCHEMA),
    Tool(name="any", description="", parameters={}),
)
FORMAT: Mapping[str, object] = {
    "type": "json_schema",
    "json_schema": {"name": "weather", "schema": _TOOL_SCHEMA},
}


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The data, cut at these places; no piece is empty, as none is that a socket delivers."""
    within = {cut % (len(data) + 1) for cut in cuts} - {0, len(data)}
    places = [0, *sorted(within), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def stream_is_read(stream: bytes, cuts: Iterable[int], limits: ReplyLimits = LIMITS) -> Completion | Failure:
    """One outcome, however the bytes are cut, in bounded memory; an answer only after a `finish_reason`."""
    whole = _read([stream], limits)
    assert _read(pieces(stream, cuts), limits) == whole, "the outcome depends on where the bytes were cut"
    outcome, given_out, finish_word, _ = whole
    assert given_out == outcome.text
    assert len(given_out) <= limits.total_bytes
    assert finish_word or isinstance(outcome, Failure), "an answer without a finish_reason"
    outcome_holds(outcome)
    return outcome


_Seen = tuple[Completion | Failure, str, str | None, tuple[int, int, int]]


def _read(portions: Sequence[bytes], limits: ReplyLimits) -> _Seen:
    parser = StreamParser(limits=limits)
    text = ""
    for portion in portions:
        text += parser.feed(portion)
        held = len(parser._tail) + parser._data_bytes  # pyright: ignore[reportPrivateUsage]  (what it keeps)
        assert parser.finished or held <= 2 * limits.line_bytes + 2
    text += parser.feed_eof()
    assert parser.finished
    seen = (parser.chunks, parser.comments, parser.malformed_lines)
    return parser.end(), text, parser.answer.finish_word, seen


def body_is_read(status: int, headers: Mapping[str, str], body: bytes) -> Completion | Failure:
    """A whole body under any status is an answer or a failure, and an answer only under a 2xx."""
    outcome = parse_body(status, headers, body, now=NOW)
    outcome_holds(outcome)
    if isinstance(outcome, Failure):
        assert not outcome.rejected or 400 <= status < 600
        assert outcome.status == status
    else:
        assert 200 <= status < 300
    return outcome


def outcome_holds(outcome: Completion | Failure) -> None:
    """What the rest of Farthing counts on of any ended exchange."""
    outcome.text.encode()  # no half characters
    assert _short(outcome.generation_id)
    assert _short(outcome.provider)
    _usage_holds(outcome.usage)
    _cost_holds(outcome.cost, outcome.cost_literal)
    if isinstance(outcome, Failure):
        assert outcome.kind in FailureKind
        assert len(outcome.message) <= 500
        assert "\n" not in outcome.message
        wait = outcome.retry_after_s
        assert wait is None or (math.isfinite(wait) and wait >= 0)
        return
    assert outcome.finish_reason in get_args(FinishReason)
    ids = [call.id for call in outcome.tool_calls]
    assert all(ids)
    assert len(set(ids)) == len(ids), "two calls with one id: a result could not say whose it is"
    for answer_format in (None, {"type": "json_object"}, FORMAT):
        validate(outcome, answer_format)


def bills_are_read(body: bytes) -> None:
    """What GET endpoints answer is what it says or a failure; sums fit, and rows make a catalogue."""
    bill = parse_generation(body, generation_id="gen-1")
    if isinstance(bill, GenerationBill):
        _cost_holds(bill.cost, bill.literal)
        _usage_holds(bill.usage)
    key = parse_key(body)
    if not isinstance(key, Failure):
        for amount in (key.limit, key.limit_remaining, key.usage):
            assert amount is None or amount >= 0
    days = parse_activity(body)
    if not isinstance(days, Failure):
        for day in days:
            assert 0 <= day.billed * 10**9 <= MOST_NANO
            assert day.requests >= 0


def models_are_read(body: bytes, offset: int = 0) -> None:
    """A page of models makes a catalogue, whose prices can be counted with; the next page is further on."""
    page = parse_models_page(body, offset=offset)
    if isinstance(page, Failure):
        return
    assert page.next_offset is None or page.next_offset > offset
    catalog, notices = catalog_from_rows(page.rows, book="b", day=date(2026, 11, 23), source="s", curated={})
    assert all(notice.text for notice in notices)
    used = Usage(input_tokens=1000, output_tokens=500, cached_tokens=100, reasoning_tokens=100)
    for model in catalog.models:
        price = catalog.price(model)
        if price is not None:
            worst = worst_nano(price, input_tokens=1000, output_tokens=500)
            assert 0 <= computed_nano(price, used, at=NOW) <= worst


def calls_by_prompt_are_read(text: str) -> None:
    """Calls, each with arguments for a known tool; or the text as it is; or a problem that can be told."""
    match parse_emulated(text, TOOLS, salt="s"):
        case EmulatedCalls(calls=calls):
            assert calls
            assert len({call.id for call in calls}) == len(calls)
            for call in calls:
                assert isinstance(json.loads(call.arguments), dict)
                assert call.name in {tool.name for tool in TOOLS}
        case PlainAnswer(text=same):
            assert same == text
        case MalformedCalls(problem=problem):
            problem.encode()
            assert problem


def json_is_repaired(text: str) -> None:
    """None, or a text that is read as JSON or refused as any answer is; never out of what breaks off."""
    mended = repaired(text)
    if mended is None:
        return
    assert text.count("{") + text.count("[") == text.count("}") + text.count("]")
    answer = Completion(generation_id=None, model="m", provider=None, text=mended, finish_reason="stop")
    verdict = validate(answer, FORMAT)
    assert not isinstance(verdict, Invalid) or verdict.problem


def answer_of(*, ids: Sequence[str] = (), cost: str | None = None) -> Completion:
    """An answer with calls of these ids and this cost."""
    return Completion(
        generation_id="gen-1",
        model="m",
        provider=None,
        text="",
        tool_calls=tuple(ToolCall(id=name, name="any", arguments="{}") for name in ids),
        finish_reason="stop",
        cost=None if cost is None else Decimal(cost),
        cost_literal=cost,
    )


def _short(name: str | None) -> bool:
    return name is None or 0 < len(name) <= 256


def _usage_holds(usage: Usage | None) -> None:
    if usage is None:
        return
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)
    for count in (*counts, usage.reasoning_tokens):
        assert 0 <= count <= 10**9


def _cost_holds(cost: Decimal | None, literal: str | None) -> None:
    if cost is not None:
        assert cost.is_finite()
        assert cost >= 0
        assert cost * 10**9 * 1000 <= MOST_NANO, "a thousand such calls do not fit the ledger"
        assert literal
