"""What is nearly right, made by Hypothesis: calls by prompt, JSON, HTTP, and tool calls in pieces."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from hypothesis import strategies as st
from tests.fuzz.wild import ODD, TEXTS, objects, or_odd

_ARGUMENTS = or_odd(objects({"city": or_odd(TEXTS), "days": ODD}), 20)
_CALL_BLOCKS = st.builds(
    "```tool_call\n{}\n```".format,
    or_odd(
        objects({"name": st.sampled_from(['"weather"', '"any"', '"wether"', '""']), "arguments": _ARGUMENTS})
    ),
)
ANSWERS = st.lists(
    st.one_of(
        _CALL_BLOCKS, st.text(max_size=9), st.sampled_from(["```tool_call", "```", "```tool_result", " "])
    ),
    max_size=4,
).map("\n".join)


def _repeated(unit: str, count: int) -> str:
    return unit * count


NEARLY_JSON = st.one_of(
    st.lists(
        st.sampled_from(
            [*"{}[]:,'\"\\/*#\n ", "a", "1", "true", "null", "```json", "“", "\\u12", '"city"', "{[}]"]
        ),
        max_size=40,
    ).map("".join),
    st.builds(
        _repeated,
        st.text("{}[]:,'\"\\a", min_size=1, max_size=6),
        st.integers(1, 2000),
    ),
    _ARGUMENTS.map(lambda text: f"Here it is: {text}."),
)

_HEADER_LINES = st.one_of(
    st.sampled_from(
        [
            *(
                "Content-Length: 5",
                "Content-Length: 0",
                "Content-Length: -1",
                "Content-Length: 99999999999999999999",
            ),
            *(
                "Transfer-Encoding: chunked",
                "Transfer-Encoding: gzip",
                "Connection: close",
                "Connection: upgrade",
            ),
            *(
                "Upgrade: h2c",
                "X-Generation-Id: gen-1",
                "X-Generation-Id: gen-2",
                "Trailer: x",
                " folded",
                ": none",
            ),
        ]
    ),
    st.text(max_size=20),
)
_HEADS = st.builds(
    "HTTP/1.{} {}\r\n{}\r\n\r\n".format,
    st.sampled_from("011112"),
    st.sampled_from(
        ["200 OK", "200", "100 Continue", "103 Early", "101 Switching", "204 None", "304 Same", "500 x", "x"]
    ),
    st.lists(_HEADER_LINES, max_size=4).map("\r\n".join),
)
_BODY_PARTS = st.sampled_from(
    [
        "5\r\nhello\r\n",
        "hello",
        "0\r\n\r\n",
        "0\r\nX-Generation-Id: gen-3\r\n\r\n",
        "2;x=y\r\nlo\r\n",
        "zz\r\n",
        "\r\n",
    ]
)
HTTP = st.lists(st.one_of(_HEADS, _BODY_PARTS, st.text(max_size=9)), max_size=6).map(
    lambda parts: "".join(parts).encode("utf-8", "replace")
)


class CallsInPieces(NamedTuple):
    """A stream of tool calls, and the name and arguments of each by its index."""

    stream: bytes
    calls: tuple[tuple[str, str], ...]


@st.composite
def _calls_in_pieces(draw: st.DrawFn) -> CallsInPieces:
    """Calls whose deltas are shuffled into each other; by their index, by ids at one index, or one by one."""
    calls = draw(
        st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=12)), min_size=1, max_size=4)
    )
    by = draw(st.sampled_from(["index", "id"]))
    same_id = by == "index" and draw(st.booleans())
    queues: list[list[Mapping[str, object]]] = []
    for place, (name, arguments) in enumerate(calls):
        where = {"index": place if by == "index" else 0}
        called = "call" if same_id else f"id-{place}"
        cut = draw(st.integers(0, len(arguments)))
        known = {} if by == "index" else {"id": called}
        first = {**where, "id": called, "function": {"name": name, "arguments": arguments[:cut]}}
        queues.append([first, {**where, **known, "function": {"arguments": arguments[cut:]}}])
    events: list[bytes] = []
    while waiting := [queue for queue in queues if queue]:
        # A first delta opens its call; by id, calls are told apart in the order that they begin.
        turn = draw(st.integers(0, len(waiting) - 1)) if by == "index" else _next_by_id(waiting, draw)
        delta = {"tool_calls": [waiting[turn].pop(0)]}
        events.append(b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n")
    events.append(
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n'
    )
    return CallsInPieces(b"".join(events), tuple(calls))


def _next_by_id(waiting: list[list[Mapping[str, object]]], draw: st.DrawFn) -> int:
    """Any call that has begun, or the first that has not."""
    begun = [at for at, queue in enumerate(waiting) if len(queue) == 1]
    fresh = [at for at, queue in enumerate(waiting) if len(queue) == 2][:1]
    return draw(st.sampled_from([*begun, *fresh]))


CALLS_IN_PIECES = _calls_in_pieces()
