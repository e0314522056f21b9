"""What atheris begins with: the simulator's replies, those of the table of faults, and what was found before.

Made anew in a folder that is gone afterwards: nothing of it is kept in the repository.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from tests.faults.rows import ROWS
from tests.fuzz import wild
from tests.fuzz.found import FOUND
from tests.fuzz.targets import TARGETS

from farthing.simulator.server import start_simulator
from farthing.testing import Reply

_MODEL = "meta-llama/llama-3.3-70b-instruct"
_TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
_TOOLS = [{"type": "function", "function": _TOOL}]
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "w", "schema": _TOOL["parameters"]}}
_READ_S = 2.0
"""A stalled reply is taken as far as it came."""


async def _exchange(root: str, method: str, path: str, body: bytes = b"") -> bytes:
    """A reply as it is on the wire, head and all."""
    host, _, port = root.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = (
        *(f"{method} /api/v1{path} HTTP/1.1", "Host: x", "Authorization: Bearer sk-or-v1-simulated"),
        *("Connection: close", f"Content-Length: {len(body)}", "", ""),
    )
    writer.write("\r\n".join(lines).encode() + body)
    raw = b""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_READ_S):
            while portion := await reader.read(65_536):
                raw += portion
    writer.close()
    return raw


def _chat(*, stream: bool, **fields: object) -> bytes:
    messages = [{"role": "user", "content": "Say yes."}]
    return msgspec.json.encode(
        {"model": _MODEL, "messages": messages, "max_tokens": 40, "stream": stream, **fields}
    )


async def _faulty(fault: Mapping[str, object]) -> list[bytes]:
    scenario = {"rules": [{"match": {}, "fault": dict(fault)}]}
    async with start_simulator(scenario=scenario) as simulator:
        asked = (
            _exchange(simulator.root_url, "POST", "/chat/completions", _chat(stream=on))
            for on in (True, False)
        )
        return await asyncio.gather(*asked)


async def replies() -> list[bytes]:
    """Replies of the simulator on the wire, to healthy requests and under each fault of the table."""
    async with start_simulator() as simulator:
        plain = [
            await _exchange(simulator.root_url, "POST", "/chat/completions", _chat(stream=stream, **fields))
            for stream in (True, False)
            for fields in (
                {},
                {"tools": [{"type": "function", "function": _TOOL}]},
                {"response_format": _SCHEMA},
            )
        ]
        paths = ("/models", "/key", "/generation?id=gen-1", "/activity")
        told = [await _exchange(simulator.root_url, "GET", path) for path in paths]
    faults = [row.fault for row in ROWS if not isinstance(row.fault, Reply)]
    faulty = await asyncio.gather(*(_faulty(fault) for fault in faults))
    return [*plain, *told, *(raw for pair in faulty for raw in pair)]


def unframed(raw: bytes) -> bytes:
    """The body of a reply without its chunks' framing."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return body
    parts: list[bytes] = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16) if size else 0
        parts.append(body[:length])
        body = body[length + 2 :]
    return b"".join(parts)


def seeds_of(name: str, raw: list[bytes]) -> Iterator[bytes]:
    """The inputs that a target begins with."""
    target = TARGETS[name]
    most = target.longest - len(target.prefix)
    if name == "http":
        yield from (target.prefix + reply[:most] for reply in (*raw, *FRAMINGS))
    elif target.text:
        yield from (word.encode() for word in TEXTS)
    else:
        yield from (target.prefix + unframed(reply)[:most] for reply in raw)
    yield from (found.data for found in FOUND if found.target == name and len(found.data) <= most)


TEXTS = (
    '```tool_call\n{"name": "weather", "arguments": {"city": "ulm", "days": 2}}\n```',
    '```tool_call\n{"name": "any", "arguments": {}}\n```\n```tool_call\n{"name": "any", "arguments":{}}\n```',
    'Here it is: {"city": "ulm", "days": 2,}',
    "{'city': 'ulm', 'days': [1, 2, {}]}",
    '```json\n{"city": "ulm" /* a comment */}\n```',
)
_HEAD = b"HTTP/1.1 200 OK\r\n"
FRAMINGS = (
    _HEAD + b"Content-Length: 2\r\n\r\nhi",
    _HEAD + b"Content-Type: text/plain\r\n\r\nhi",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + _HEAD + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nUpgrade: h2c\r\n\r\n",
)
"""Short ones, in which a changed byte matters: llhttp is C, and tells the fuzzer nothing of where it got."""


def write(name: str, folder: Path, raw: list[bytes]) -> int:
    """Writes a target's seeds and its dictionary's words; returns how many seeds."""
    folder.mkdir(parents=True)
    found = list(dict.fromkeys(seeds_of(name, raw)))
    for number, seed in enumerate(found):
        (folder / f"seed-{number:03}").write_bytes(seed)
    return len(found)


def dictionary() -> str:
    """Words for libFuzzer: fields of the wire, and numbers and texts that are nearly JSON."""
    fields = (
        *(
            "id",
            "choices",
            "index",
            "delta",
            "message",
            "content",
            "reasoning",
            "tool_calls",
            "function",
            "name",
        ),
        *("arguments", "finish_reason", "error", "code", "metadata", "usage", "prompt_tokens", "cost"),
        *("completion_tokens", "is_byok", "cost_details", "upstream_inference_cost", "data", "total_cost"),
        *("pricing", "prompt", "completion", "overrides", "context_length"),
    )
    words = [f'"{field}":' for field in fields] + [word for word in wild.WORDS if len(word) < 40]
    words += ["data: ", "data: [DONE]\n\n", "\n\n", "\r\n", ": c\n"]
    words += ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 101 x\r\n", "0\r\n\r\n", "X-Generation-Id: gen-2\r\n"]
    words += [
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\n",
        "Connection: upgrade\r\nUpgrade: x\r\n",
    ]
    return "".join(f'"{_quoted(word)}"\n' for word in words)


def _quoted(word: str) -> str:
    plain = {byte: chr(byte) for byte in range(33, 127) if byte not in b'"\\'}
    return "".join(plain.get(byte, f"\\x{byte:02x}") for byte in word.encode())
