"""Streams of server-sent events, cut anywhere, in all documented shapes and some others."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.task import Completion, ToolCall, Usage
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.sse import ReplyLimits, StreamParser

DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.25}


def event(delta: dict[str, object] | None = None, finish: str | None = None, **fields: object) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish, "native_finish_reason": finish}
    return data({"id": "gen-1", "provider": "P", "model": "m/a", "choices": [choice], **fields})


def data(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def text(word: str) -> bytes:
    return event({"role": "assistant", "content": word})


STOP = event({"content": ""}, "stop")
LATE_USAGE = data({"id": "gen-1", "model": "m/a", "choices": [], "usage": USAGE})
NULL_USAGE = event({"role": "assistant", "content": ""}, None, usage=USAGE)
ERROR = event({"content": ""}, "error", error={"code": 429, "message": "slow down"})
PLAIN = text("Hel") + text("lo") + STOP + LATE_USAGE + DONE

ANSWER = Completion(
    generation_id="gen-1",
    model="m/a",
    provider="P",
    text="Hello",
    finish_reason="stop",
    usage=Usage(input_tokens=3, output_tokens=2),
    cost=Decimal("0.25"),
    cost_literal="0.25",
)


def read(stream: bytes, limits: ReplyLimits | None = None) -> tuple[Completion | Failure, StreamParser, str]:
    parser = StreamParser(limits=limits or ReplyLimits())
    given_out = parser.feed(stream)
    given_out += parser.feed_eof()
    return parser.end(), parser, given_out


def failed(stream: bytes, limits: ReplyLimits | None = None) -> Failure:
    outcome = read(stream, limits)[0]
    assert isinstance(outcome, Failure)
    return outcome


@pytest.mark.parametrize(
    "stream",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"data: ", b"data:"),
        COMMENT
        + text("Hel")
        + COMMENT * 9
        + text("lo")
        + COMMENT
        + STOP
        + COMMENT
        + LATE_USAGE
        + DONE
        + COMMENT,
        text("Hel") + text("lo") + STOP + NULL_USAGE + DONE,
        text("Hel") + text("lo") + event({}, "stop", usage=USAGE) + DONE,
        text("Hel") + event({"content": "lo"}, "stop") + LATE_USAGE + DONE,
        PLAIN.replace(b"data: {", b"event: message\nid: 7\nretry: 10\ndata: {"),
        PLAIN.replace(b", ", b",\ndata: "),  # every event spread over many data lines
        PLAIN.replace(b"\n\n", b"\n"),  # no blank lines at all
        PLAIN.removesuffix(b"\n\n"),
        PLAIN.removesuffix(DONE),
        PLAIN + text("too late"),
    ],
    ids=lambda stream: str(len(stream)),
)
def test_the_same_answer_in_many_shapes(stream: bytes) -> None:
    outcome, parser, given_out = read(stream)
    assert outcome == ANSWER
    assert given_out == "Hello"
    assert parser.finished
    assert parser.malformed_lines == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {nonsense\n\n",
        b"data: [1]\n\n",
        b"<html>\n",
        b'data: "x"\n\n',
        b"data: \xff\xfe\n\n",
        b"\x00\n",
    ],
)
def test_one_bad_line_is_counted_and_not_fatal(garbage: bytes) -> None:
    outcome, parser, _ = read(text("Hel") + garbage + text("lo") + STOP + LATE_USAGE + DONE)
    assert outcome == ANSWER
    assert parser.malformed_lines == 1


def test_nothing_but_garbage_is_malformed() -> None:
    failure = failed(b"<html>\n<body>\n")
    assert (failure.kind, failure.message) == ("malformed", "no event could be read; 2 malformed")


@pytest.mark.parametrize("stream", [b"", COMMENT * 3, text("Hel"), text("Hel") + b'data: {"id": "ge', DONE])
def test_an_end_without_a_finish_reason_is_a_cut(stream: bytes) -> None:
    failure = failed(stream)
    assert failure.kind == FailureKind.cut
    assert failure.text == ("Hel" if b"Hel" in stream else "")
    assert not failure.rejected


def test_a_cut_keeps_all_that_is_known_of_its_money() -> None:
    failure = failed(text("Hel") + LATE_USAGE)
    assert failure == Failure(
        kind=FailureKind.cut,
        message="the reply ended without a finish_reason",
        status=200,
        generation_id="gen-1",
        provider="P",
        text="Hel",
        usage=ANSWER.usage,
        cost=ANSWER.cost,
        cost_literal="0.25",
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "m"}, "rate_limited"),
        ({"code": "server_error", "message": "m"}, "server_error"),
        ({"code": 503, "message": "m", "metadata": {"error_type": "provider_overloaded"}}, "overloaded"),
        ({"code": "strange", "message": "m"}, "unmapped"),
        ("m", "unmapped"),
    ],
)
def test_an_error_in_the_middle_ends_the_stream(error: object, kind: str) -> None:
    stream = text("Hel") + event({"content": ""}, "error", error=error)
    parser = StreamParser()
    assert parser.feed(stream + text("never")) == "Hel"
    assert parser.finished
    failure = parser.end()
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.message, failure.text) == (kind, "m", "Hel")
    assert (failure.rejected, failure.generation_id, failure.provider) == (False, "gen-1", "P")


def test_finish_reason_error_without_an_error() -> None:
    assert failed(text("Hel") + event({}, "error") + DONE).kind == FailureKind.server_error


def tool(
    index: int | None, *, name: str | None = None, arguments: str = "", call_id: str | None = None
) -> dict[str, object]:
    delta: dict[str, object] = {"index": index, "type": "function"}
    delta["function"] = {"arguments": arguments} | ({"name": name} if name else {})
    if call_id is not None:
        delta["id"] = call_id
    return delta


def calls(*deltas: list[dict[str, object]]) -> tuple[ToolCall, ...]:
    stream = b"".join(event({"content": None, "tool_calls": each}) for each in deltas)
    outcome = read(stream + event({}, "tool_calls") + DONE)[0]
    assert isinstance(outcome, Completion)
    assert outcome.finish_reason == "tool_calls"
    return outcome.tool_calls


TWO = (ToolCall(id="a", name="f", arguments='{"x":1}'), ToolCall(id="b", name="g", arguments='{"y":2}'))


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            [
                [tool(0, name="f", arguments='{"x":1}', call_id="a")],
                [tool(1, name="g", arguments='{"y":2}', call_id="b")],
            ],
            id="one after the other",
        ),
        pytest.param(
            [
                [tool(1, name="g", call_id="b"), tool(0, name="f", call_id="a", arguments='{"x"')],
                [tool(1, arguments='{"y"'), tool(0, arguments=":1}")],
                [tool(1, arguments=":2}")],
            ],
            id="several at once, out of order",
        ),
        pytest.param(
            [
                [
                    tool(None, name="f", call_id="a", arguments='{"x":1}'),
                    tool(None, name="g", call_id="b", arguments='{"y":2}'),
                ]
            ],
            id="no index",
        ),
        pytest.param(
            [
                [tool(0, name="f", call_id="a", arguments='{"x"')],
                [tool(0, arguments=":1}", call_id="a")],
                [tool(0, name="g", call_id="b", arguments='{"y"')],
                [tool(0, arguments=":2}")],
            ],
            id="all numbered 0",
        ),
        pytest.param(
            [
                [tool(0, name="f", call_id="a", arguments='{"x"')],
                [tool(0, name="g", call_id="b", arguments='{"y"')],
                [tool(0, arguments=":1}", call_id="a")],
                [tool(0, arguments=":2}", call_id="b")],
            ],
            id="all numbered 0, told apart by their ids",
        ),
    ],
)
def test_tool_calls_are_put_together(deltas: list[list[dict[str, object]]]) -> None:
    assert calls(*deltas) == TWO


def test_a_tool_call_without_an_id_gets_one() -> None:
    assert calls([tool(3, name="f", arguments="{}")]) == (ToolCall(id="call_0", name="f", arguments="{}"),)


def test_no_two_tool_calls_have_one_id() -> None:
    found = calls(
        [tool(0, name="f", call_id="a"), tool(1, name="g", call_id="a")],
        [tool(2, name="h", call_id="call_1")],
    )
    assert [(call.id, call.name) for call in found] == [("a", "f"), ("call_1_", "g"), ("call_1", "h")]


def test_reasoning_and_tool_calls_are_tokens_but_no_text() -> None:
    parser = StreamParser()
    assert parser.feed(event({"role": "assistant", "content": ""})) == ""
    assert parser.answer.tokens == 0
    assert parser.feed(event({"content": "", "reasoning": "hm"})) == ""
    assert parser.feed(event({"tool_calls": [tool(0, name="f")]})) == ""
    assert parser.answer.tokens == 2


def test_the_last_usage_wins_and_a_cost_is_not_lost() -> None:
    later = {"prompt_tokens": 4, "completion_tokens": 2}
    outcome = read(text("x") + STOP + LATE_USAGE + data({"choices": [], "usage": later}) + DONE)[0]
    assert isinstance(outcome, Completion)
    assert (outcome.usage, outcome.cost) == (Usage(input_tokens=4, output_tokens=2), Decimal("0.25"))


def test_the_id_of_the_header_is_kept() -> None:
    parser = StreamParser(generation_id="gen-h")
    parser.feed(PLAIN)
    outcome = parser.end()
    assert isinstance(outcome, Completion)
    assert outcome.generation_id == "gen-h"


def test_a_deadline_after_the_finish_reason_does_not_spoil_the_answer() -> None:
    parser = StreamParser()
    parser.feed(text("Hello") + STOP)
    assert isinstance(parser.fail(FailureKind.stalled, "late"), Completion)
    parser = StreamParser()
    parser.feed(text("Hel"))
    failure = parser.fail(FailureKind.stalled, "late")
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.text, failure.generation_id) == ("stalled", "Hel", "gen-1")


SMALL = ReplyLimits(line_bytes=300, total_bytes=2_000)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(text("Hel") + b"x" * 400, id="a line that never ends"),
        pytest.param(text("Hel") + text("y" * 400), id="a line that ends too late"),
        pytest.param(text("Hel") + b"data: y\n" * 60, id="an event of many lines"),
        pytest.param(text("Hel") + COMMENT * 200, id="comments without end"),
        pytest.param(text("Hel") + event({}) * 50, id="events without end"),
    ],
)
def test_a_reply_has_limits(stream: bytes) -> None:
    failure = failed(stream, SMALL)
    assert (failure.kind, failure.text) == ("oversized", "Hel")


def cuts(stream: bytes) -> st.SearchStrategy[list[bytes]]:
    places = st.lists(st.integers(0, len(stream)), max_size=12).map(sorted)
    return places.map(lambda at: [stream[a:b] for a, b in zip([0, *at], [*at, len(stream)], strict=True)])


PIECES = [
    *(text("Hé"), text("🙂"), STOP, LATE_USAGE, NULL_USAGE, ERROR, DONE, COMMENT),
    event({"tool_calls": [tool(0, name="f", call_id="a", arguments="{}")]}),
    *(b"data: {bad\n\n", b"junk\r\n", b"data: {\n", b"\n", b"\r\n", b"data: \xf0\x9f\n\n", b"x" * 500),
    text("crlf").replace(b"\n", b"\r\n"),
    text("split").replace(b", ", b",\ndata: "),
]
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=12).map(b"".join)


@given(
    STREAMS.flatmap(lambda stream: st.tuples(st.just(stream), cuts(stream))),
    st.sampled_from([SMALL, ReplyLimits()]),
)
def test_where_the_bytes_are_cut_makes_no_difference(
    case: tuple[bytes, list[bytes]], limits: ReplyLimits
) -> None:
    stream, portions = case
    outcome, whole, given_out = read(stream, limits)
    parser = StreamParser(limits=limits)
    pieces = [parser.feed(portion) for portion in portions] + [parser.feed_eof()]
    assert parser.end() == outcome
    assert "".join(pieces) == given_out == outcome.text
    assert (parser.malformed_lines, parser.chunks) == (whole.malformed_lines, whole.chunks)


@given(st.lists(st.binary()))
def test_no_bytes_make_it_crash(portions: list[bytes]) -> None:
    parser = StreamParser()
    for portion in portions:
        parser.feed(portion)
    parser.feed_eof()
    assert isinstance(parser.end(), Failure)


def test_one_byte_at_a_time() -> None:
    parser = StreamParser()
    assert "".join(parser.feed(PLAIN[i : i + 1]) for i in range(len(PLAIN))) == "Hello"
    assert parser.end() == ANSWER


def test_a_second_choice_is_no_part_of_the_answer() -> None:
    def said(index: int, word: str, finish: str | None = None) -> bytes:
        return data({"choices": [{"index": index, "delta": {"content": word}, "finish_reason": finish}]})

    outcome, _, given_out = read(said(0, "Hel") + said(1, "no", "length") + said(0, "lo", "stop") + DONE)
    assert isinstance(outcome, Completion)
    assert (outcome.text, given_out, outcome.finish_reason) == ("Hello", "Hello", "stop")
    only = read(said(3, "Hello", "stop") + DONE)[0]  # whatever its number, it is the answer
    assert only.text == "Hello"


def test_an_id_that_is_too_long_to_be_one_is_none() -> None:
    outcome = read(event({"content": "Hi"}, "stop", id="g" * 300, provider="P" * 300) + DONE)[0]
    assert (outcome.generation_id, outcome.provider) == (None, None)
