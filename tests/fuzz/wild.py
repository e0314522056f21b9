"""Replies that nobody should send, made by Hypothesis: JSON as text, so that it may hold what no value can.

Duplicate keys, the words NaN and Infinity, exponents of thousands, half surrogate pairs, wrong types, nesting
to the depth of 10^5. The shapes are OpenRouter's, because what is nearly right is read furthest.
"""

import json
import os
from typing import NamedTuple

from hypothesis import strategies as st

from farthing.testing import Reply

WORDS = (
    *("null", "true", "false", "0", "-0", "1", "-1", "0.5", "1.5", "-0.1", "7.0", "1e3", "1e-9", "1E+2"),
    *("1e30", "1e400", "1e-400", "1e99999", "9" * 19, "9" * 25, "9" * 400, "9" * 5000, "0." + "1" * 70),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        '"NaN"',
        '"Infinity"',
        '"1"',
        '"0.25"',
        '"1_0"',
        '""',
        '"\\ud800"',
        '"\\udc00x"',
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        '{"a":1,"a":2}',
        "[" * 900 + "]" * 900,
        "[" * 100_000 + "]" * 100_000,
        '"\\u0000"',
        "-",
        "01",
        "\xff",
    ),
)
"""JSON, and what is nearly JSON."""

TEXTS = st.text(max_size=12).map(json.dumps) | st.sampled_from(
    ['"Hel"', '"lo"', '"\\u00e9"', '"\\ud83d\\ude00"']
)


@st.composite
def objects(draw: st.DrawFn, known: dict[str, st.SearchStrategy[str]]) -> str:
    """A JSON object with some of these fields, in any order, some twice, some unknown."""
    names = draw(st.lists(st.sampled_from([*known, "unknown"]), max_size=len(known) + 2))
    fields = [f"{json.dumps(name)}:{draw(known.get(name, ODD))}" for name in names]
    return "{" + ",".join(fields) + "}"


ODD = st.sampled_from(WORDS)


def or_odd(usual: st.SearchStrategy[str], odds: int = 8) -> st.SearchStrategy[str]:
    """The usual, and once in so many times anything."""
    return st.integers(1, odds).flatmap(lambda at: ODD if at == 1 else usual)


COUNTS = or_odd(st.integers(0, 5000).map(str), 6)
AMOUNTS = or_odd(st.sampled_from(["0.000001", "0.25", "3e-05", "0", '"0.01"', "12"]), 3)
DETAILS = or_odd(objects({"cached_tokens": COUNTS, "cache_write_tokens": COUNTS, "reasoning_tokens": COUNTS}))
USAGES = or_odd(
    objects(
        {
            "prompt_tokens": COUNTS,
            "completion_tokens": COUNTS,
            "cost": AMOUNTS,
            "prompt_tokens_details": DETAILS,
            "completion_tokens_details": DETAILS,
            "is_byok": or_odd(st.sampled_from(["true", "false"])),
            "cost_details": or_odd(objects({"upstream_inference_cost": AMOUNTS})),
        }
    )
)
IDS = or_odd(st.sampled_from(['"call_0"', '"call_1"', '"a"', '"b"', "null"]))
CALLS = or_odd(
    objects(
        {
            "index": or_odd(st.integers(-1, 3).map(str)),
            "id": IDS,
            "function": or_odd(objects({"name": TEXTS, "arguments": TEXTS})),
        }
    )
)
LISTS_OF_CALLS = st.lists(CALLS, max_size=3).map(lambda calls: f"[{','.join(calls)}]")
MESSAGES = or_odd(
    objects({"content": or_odd(TEXTS), "reasoning": or_odd(TEXTS), "tool_calls": or_odd(LISTS_OF_CALLS)})
)
ERRORS = or_odd(
    objects(
        {
            "code": or_odd(st.sampled_from(["429", "500", '"server_error"', '"502"'])),
            "message": or_odd(TEXTS),
            "type": TEXTS,
            "metadata": or_odd(objects({"error_type": TEXTS, "limit_source": TEXTS, "provider_name": TEXTS})),
            "availability": or_odd(objects({"code": TEXTS, "retryable": ODD, "retry_after": ODD})),
        }
    )
)
FINISHES = or_odd(st.sampled_from(['"stop"', '"length"', '"tool_calls"', '"error"', '"new"', "null"]))
CHOICES = or_odd(
    objects(
        {
            "index": or_odd(st.sampled_from(["0", "0", "0", "1"])),
            "delta": MESSAGES,
            "message": MESSAGES,
            "finish_reason": FINISHES,
            "error": or_odd(ERRORS),
            "usage": USAGES,
        }
    ),
    20,
)
CHUNKS = or_odd(
    objects(
        {
            "id": or_odd(st.sampled_from(['"gen-1"', '"gen-2"'])),
            "model": TEXTS,
            "provider": TEXTS,
            "choices": or_odd(st.lists(CHOICES, max_size=2).map(lambda found: f"[{','.join(found)}]"), 20),
            "usage": USAGES,
        }
    ),
    20,
)
FAILED = ERRORS.map(lambda error: f'{{"error":{error}}}')
BODIES = st.one_of(CHUNKS, FAILED).map(lambda text: text.encode("latin-1", "replace"))

_PLAIN = (
    b'data: {"id":"gen-1","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"cost":0.25}}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n',
    b"data: [DONE]\n\n",
    *(
        b": OPENROUTER PROCESSING\n\n",
        b"\n",
        b"\r\n",
        b"event: message\n",
        b"<html>\n",
        b"data: {\n",
        b"data:\n",
    ),
)


def _data_line(body: bytes, end: bytes) -> bytes:
    return b"data: " + body.replace(b"\n", b"") + end


EVENTS = st.one_of(
    st.sampled_from(_PLAIN),
    st.builds(
        _data_line,
        BODIES,
        st.sampled_from([b"\n\n", b"\n", b"\r\n\r\n", b""]),
    ),
    st.binary(max_size=20),
)
STREAMS = st.lists(EVENTS, max_size=8).map(b"".join)
CUTS = st.lists(st.integers(0, 10_000), max_size=8)
RETRY_AFTER = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(
        [
            *("0", "1.5", "-1", "1e9", "9" * 30, "nan", "٣", "Mon", "Mon, 99 Zzz 2026 99:99:99 GMT"),
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "Mon, 01 Jan 0001 00:00:00 +2359",
        ]
    ),
)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 418, 429, 500, 502, 503, 504, 529, 599]
)


class Made(NamedTuple):
    """A status, headers by their lower-case names, and a body."""

    status: int
    headers: dict[str, str]
    body: bytes


@st.composite
def _made(draw: st.DrawFn) -> Made:
    headers = {
        "content-type": draw(st.sampled_from(["application/json", "text/event-stream", "text/html", ""]))
    }
    wait, name = draw(RETRY_AFTER), draw(st.sampled_from([None, None, "gen-1"]))
    if wait is not None:
        headers["retry-after"] = wait
    if name is not None:
        headers["x-generation-id"] = name
    return Made(draw(STATUSES), headers, draw(st.one_of(BODIES, STREAMS)))


REPLIES = _made()


@st.composite
def _streamed(draw: st.DrawFn) -> Reply:
    """A reply to a chat request, mostly a stream that is nearly right, cut anywhere."""
    from tests.fuzz.promises import pieces

    made = draw(REPLIES)
    body = draw(
        st.one_of(STREAMS, STREAMS.map(lambda stream: stream + _PLAIN[1] + _PLAIN[4]), st.just(made.body))
    )
    wild = draw(st.integers(0, 3)) == 0
    headers = {
        "content-type": "text/event-stream",
        **{k: v for k, v in made.headers.items() if k != "content-type"},
    }
    return Reply(
        status=made.status if wild else 200,
        headers={**(made.headers if wild else headers), "x-farthing-simulated": "1"},
        chunks=tuple(piece for piece in pieces(body, draw(CUTS)) if piece),
    )


CHAT_REPLIES = _streamed()
BILLS = st.one_of(st.none(), st.sampled_from([word for word in WORDS if len(word) < 1000]))
"""What `/generation` says a call cost, put into its JSON as it stands."""

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
"""How many each test makes; a night's run asks for more."""
