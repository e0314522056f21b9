"""Requests to JSON and whole replies to values."""

import json
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from farthing.errors import InvalidTaskError
from farthing.task import Completion, Message, Tool, ToolCall, Usage
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.wire import RESERVED_OPTIONS, ChatRequest, encode_request, parse_body

REQUEST = ChatRequest(model="m/a", messages=(Message(role="user", content="hé"),), max_tokens=9, stream=True)


def sent(request: ChatRequest) -> dict[str, object]:
    return json.loads(encode_request(request), parse_float=Decimal)


def test_a_bare_request_says_only_what_it_must() -> None:
    assert sent(REQUEST) == {
        "model": "m/a",
        "messages": [{"role": "user", "content": "hé"}],
        "max_tokens": 9,
        "stream": True,
    }


PARTS = ({"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://x/y"}})
FULL: dict[str, object] = {
    "model": "m/a",
    "messages": [
        {"role": "user", "content": list(PARTS), "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
            ],
        },
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
    ],
    "max_tokens": 9,
    "stream": True,
    "tools": [
        {
            "type": "function",
            "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}},
        },
        {"type": "function", "function": {"name": "stop", "parameters": {}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "add"}},
    "response_format": {"type": "json_object"},
    "session_id": "s",
    "provider": {"max_price": {"prompt": Decimal("0.15"), "completion": Decimal("1E-7")}, "zdr": True},
    "reasoning": {"enabled": False},
    "temperature": Decimal("0.5"),
    "seed": 7,
}


def test_every_field_has_its_place() -> None:
    call = ToolCall(id="c1", name="add", arguments='{"a":1}')
    request = structs.replace(
        REQUEST,
        messages=(
            Message(role="user", content=PARTS, name="ann"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content="2", tool_call_id="c1"),
        ),
        tools=(
            Tool(name="add", description="adds", parameters={"type": "object"}, run=max),
            Tool(name="stop", description="", parameters=MappingProxyType({})),
        ),
        tool_choice={"type": "function", "function": {"name": "add"}},
        response_format={"type": "json_object"},
        session_id="s",
        provider={"max_price": {"prompt": Decimal("0.15"), "completion": Decimal("1E-7")}, "zdr": True},
        reasoning={"enabled": False},
        options={"temperature": 0.5, "seed": 7},
    )
    assert sent(request) == FULL


@pytest.mark.parametrize("name", sorted(RESERVED_OPTIONS))
def test_an_option_cannot_pass_the_reserved_worst_case(name: str) -> None:
    assert encode_request(structs.replace(REQUEST, options={name: 99, "seed": 1})) == encode_request(
        structs.replace(REQUEST, options={"seed": 1})
    )


def test_what_json_cannot_say_is_an_error() -> None:
    with pytest.raises(InvalidTaskError, match="no JSON form"):
        encode_request(structs.replace(REQUEST, options={"x": object()}))


def body(**fields: object) -> bytes:
    """A whole reply; `choice` replaces fields of its only choice, `raw_usage` is JSON text."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "native_finish_reason": "eos",
        "message": {"role": "assistant", "content": "hi", "refusal": None},
    } | dict(fields.pop("choice", {}) or {})  # type: ignore[call-overload]  # a test's literal
    raw_usage = str(fields.pop("raw_usage", "null"))
    whole = {"id": "gen-1", "model": "m/a", "provider": "P", "object": "x", "choices": [choice], **fields}
    return json.dumps(whole)[:-1].encode() + b', "usage": ' + raw_usage.encode() + b"}"


def completed(reply: bytes, headers: Mapping[str, str] | None = None) -> Completion:
    outcome = parse_body(200, headers or {}, reply)
    assert isinstance(outcome, Completion)
    return outcome


def failed(status: int, reply: bytes, headers: Mapping[str, str] | None = None) -> Failure:
    outcome = parse_body(status, headers or {}, reply)
    assert isinstance(outcome, Failure)
    return outcome


USAGE = (
    '{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,'
    ' "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 0},'
    ' "completion_tokens_details": {"reasoning_tokens": 3}, "cost": 0.00001230,'
    ' "is_byok": %s, "cost_details": {"upstream_inference_cost": %s}}'
)


def test_a_whole_answer_with_its_bill_to_the_digit() -> None:
    assert completed(body(raw_usage=USAGE % ("false", "null"))) == Completion(
        generation_id="gen-1",
        model="m/a",
        provider="P",
        text="hi",
        finish_reason="stop",
        usage=Usage(
            input_tokens=10, output_tokens=5, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=3
        ),
        cost=Decimal("0.0000123"),
        cost_literal="0.00001230",
    )


@pytest.mark.parametrize(
    ("byok", "inference", "cost", "literal"),
    [
        ("false", "0.5", "0.0000123", "0.00001230"),
        ("null", "0.5", "0.0000123", "0.00001230"),
        ("true", "0.5", "0.5000123", "0.00001230 + 0.5"),
        ("true", '"0.5"', "0.5000123", "0.00001230 + 0.5"),
        ("true", "0", "0.0000123", "0.00001230 + 0"),
        ("true", "null", None, "0.00001230"),
    ],
)
def test_the_inference_cost_counts_only_for_byok(
    byok: str, inference: str, cost: str | None, literal: str
) -> None:
    answer = completed(body(raw_usage=USAGE % (byok, inference)))
    assert answer.cost == (None if cost is None else Decimal(cost))
    assert answer.cost_literal == literal


@pytest.mark.parametrize(
    ("literal", "cost"),
    [
        ("0", "0"),
        ("0.0", "0"),
        ("1.2e-7", "0.00000012"),
        ('"0.25"', "0.25"),
        ("123456.123456789012345678901234567890", "123456.123456789012345678901234567890"),
        ("999999.9", "999999.9"),
        ("1e6", None),  # no call's, and a few thousand like it would not fit the ledger's 64 bits
        ('"1_0"', None),
        ("null", None),
        ("-0.1", None),
        ("1e999999", None),
        ('"NaN"', None),
        ("[]", None),
        ("true", None),
        ("0." + "1" * 100, None),
    ],
)
def test_a_cost_is_exact_or_unknown_but_never_zero_by_mistake(literal: str, cost: str | None) -> None:
    answer = completed(body(raw_usage='{"prompt_tokens": 1, "cost": ' + literal + "}"))
    assert answer.cost == (None if cost is None else Decimal(cost))
    assert answer.usage == Usage(input_tokens=1)


def test_an_answer_without_usage_has_no_cost() -> None:
    answer = completed(body())
    assert (answer.usage, answer.cost, answer.cost_literal) == (None, None, None)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("a_word_of_next_year", "stop"),
    ],
)
def test_finish_reasons(word: str, reason: str) -> None:
    assert completed(body(choice={"finish_reason": word})).finish_reason == reason


def test_tool_calls_keep_the_text_of_their_arguments() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1.50}'}},
        {"type": "function", "function": {"name": "g", "arguments": ""}},
    ]
    choice = {"finish_reason": "tool_calls", "message": {"content": None, "tool_calls": calls}}
    answer = completed(body(choice=choice))
    assert answer.text == ""
    assert answer.tool_calls == (
        ToolCall(id="a", name="f", arguments='{"x": 1.50}'),
        ToolCall(id="call_1", name="g", arguments=""),
    )


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert completed(body(choice={"message": {"content": parts}})).text == "ab"


def test_the_id_of_the_header_comes_first() -> None:
    assert completed(body(), {"x-generation-id": "gen-h"}).generation_id == "gen-h"


def test_a_field_of_the_wrong_type_costs_only_itself() -> None:
    usage = '{"prompt_tokens": [], "completion_tokens": 5, "cost": 0.1, "prompt_tokens_details": 3}'
    answer = completed(body(provider=7, raw_usage=usage))
    assert answer.provider is None
    assert (answer.text, answer.cost, answer.usage) == ("hi", Decimal("0.1"), Usage(output_tokens=5))


def test_absurd_counts_are_no_counts() -> None:
    usage = '{"prompt_tokens": 99999999999999999999999999, "completion_tokens": -1}'
    assert completed(body(raw_usage=usage)).usage == Usage()


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\udc00", b"\xff"])
def test_broken_characters_do_not_cost_the_answer(half: bytes) -> None:
    assert completed(body().replace(b"hi", b"h" + half + b"i")).text == "h\ufffdi"


def test_an_error_behind_a_200_is_not_rejected() -> None:
    reply = b'{"id": "gen-1", "error": {"code": 502, "message": "gone"}, "usage": {"cost": 0.5}}'
    failure = failed(200, reply)
    assert (failure.kind, failure.rejected, failure.status) == ("provider_unavailable", False, 200)
    assert (failure.generation_id, failure.cost, failure.cost_literal) == ("gen-1", Decimal("0.5"), "0.5")


def test_an_error_inside_the_choice_counts() -> None:
    failure = failed(200, body(choice={"finish_reason": "error", "error": {"code": 429, "message": "slow"}}))
    assert (failure.kind, failure.message, failure.text) == ("rate_limited", "slow", "hi")


def test_finish_reason_error_alone_is_a_server_error() -> None:
    assert failed(200, body(choice={"finish_reason": "error"})).kind == FailureKind.server_error


def test_an_answer_without_a_finish_reason_was_cut() -> None:
    failure = failed(200, body(choice={"finish_reason": None}))
    assert (failure.kind, failure.text, failure.provider) == ("cut", "hi", "P")


def test_a_rejection_says_when_to_come_back() -> None:
    reply = b'{"error": {"code": 429, "message": "slow", "metadata": {"provider_name": "P"}}}'
    failure = failed(429, reply, {"retry-after": "7", "x-generation-id": "gen-9"})
    assert failure == Failure(
        kind=FailureKind.rate_limited,
        message="slow",
        status=429,
        retry_after_s=7.0,
        generation_id="gen-9",
        provider="P",
        rejected=True,
    )


@pytest.mark.parametrize(
    ("status", "reply", "kind", "rejected"),
    [
        (502, b"<html>Bad gateway</html>", "provider_unavailable", False),
        (524, b"<html>A timeout occurred</html>", "timeout", False),
        (529, b"", "overloaded", False),
        (503, b'{"error": {"code": 503, "message": "x"}}', "overloaded", True),
        (503, b'{"error": "x"}', "overloaded", False),
        (500, b"[]", "server_error", False),
        (500, b"{}", "server_error", False),
        (404, b"not here", "not_found", True),
        (301, b"", "malformed", False),
        (200, b"", "malformed", False),
        (200, b"<html>Welcome</html>", "malformed", False),
        (200, b"{}", "malformed", False),
        (200, b'{"choices": []}', "malformed", False),
        (200, b'{"choices": [7]}', "malformed", False),
        (200, b"[" * 100_000, "malformed", False),
    ],
)
def test_pages_and_garbage(status: int, reply: bytes, kind: str, rejected: bool) -> None:
    failure = failed(status, reply)
    assert (failure.kind, failure.rejected, failure.sent) == (kind, rejected, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CHOICE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("message", "delta", "finish_reason", "error"), JSON)
)
REPLY = st.fixed_dictionaries(
    {},
    optional={"choices": st.lists(CHOICE) | JSON, **dict.fromkeys(("id", "model", "usage", "error"), JSON)},
)


@given(st.integers(100, 599), st.binary() | (REPLY | JSON).map(lambda value: json.dumps(value).encode()))
def test_no_reply_makes_it_crash(status: int, reply: bytes) -> None:
    outcome = parse_body(status, {}, reply)
    assert isinstance(outcome, Completion | Failure)
    assert isinstance(outcome, Failure) or 200 <= status < 300


@pytest.mark.parametrize("count", ["1e400", "9" * 5000, "[" * 900 + "]" * 900, '"many"'])
def test_a_count_that_cannot_be_read_does_not_hide_the_cost_beside_it(count: str) -> None:
    answer = completed(body(raw_usage='{"prompt_tokens": ' + count + ', "completion_tokens": 2, "cost": 12}'))
    assert answer.cost == 12
    assert answer.usage == Usage(input_tokens=0, output_tokens=2)


def test_an_error_that_cannot_be_read_is_one() -> None:
    raw = (
        b'{"error": '
        + b"9" * 5000
        + b', "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}'
    )
    outcome = parse_body(200, {}, raw)
    assert isinstance(outcome, Failure)
    assert "cannot be read" in outcome.message
