"""An MCP server that does what no server should, when told to. By hand, on no SDK: it starts in a moment.

It speaks the protocol as it was before 2026. Its state lies in the folder of `ODD_STATE`, a file for each
fact, so that it outlives a crash and tests can read it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

_STATE = Path(os.environ["ODD_STATE"])
_PAGE = 3
_NO_ARGUMENTS: dict[str, object] = {"type": "object", "properties": {}}
_LARGE = {"type": "object", "properties": {"chars": {"type": "integer"}}, "required": ["chars"]}
_TEXT = {
    "type": "object",
    "properties": {"text": {"$ref": "#/$defs/Text"}},
    "$defs": {"Text": {"type": "string"}},
}
_READS = {"readOnlyHint": True}

TOOLS: dict[str, dict[str, object]] = {
    "echo": {"inputSchema": _TEXT, "annotations": _READS, "description": "Says it again."},
    "environment": {"annotations": _READS},
    "crash": {},
    "crash_once": {"annotations": _READS},
    "crash_once_idempotent": {"annotations": {"idempotentHint": True}},
    "hang": {"annotations": _READS},
    "huge": {"inputSchema": _LARGE, "annotations": _READS},
    "noise": {},
    "babble": {},
    "mixed": {},
    "structured": {},
    "fail": {},
    "refuse": {},
    "lie": {},
    "grow": {},
    "remote_schema": {"inputSchema": {"$ref": "https://example.com/schema.json"}},
    "no_object": {"inputSchema": {"type": "array"}},
    "a name/with signs": {},
}


REFUSALS = {"refuse": "not today", "lie": "Connection closed"}
"""What a call is refused with: the second are the SDK's own words for a connection that is gone."""


def note(fact: str, text: str = "") -> int:
    """Adds a line to a fact; how many there are now."""
    path = _STATE / fact
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def send(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def listed(cursor: str | None) -> dict[str, object]:
    start = int(cursor or 0)
    names = list(TOOLS)[start : start + _PAGE]
    tools = [{"name": name, "inputSchema": _NO_ARGUMENTS, **TOOLS[name]} for name in names]
    note("pages", str(start))
    return {"tools": tools, **({"nextCursor": str(start + _PAGE)} if start + _PAGE < len(TOOLS) else {})}


def crash() -> None:
    sys.stderr.write(f"a fault; the token was {os.environ.get('ODD_TOKEN', '')}\n")
    sys.stderr.flush()
    os._exit(3)


Arguments = dict[str, object]
Result = dict[str, object]


def crash_once(fact: str) -> Result:
    if note(fact) == 1:
        crash()
    return text("back")


def noise(lines: int) -> Result:
    sys.stdout.write("this is no message\n" * lines)
    return text("noisy")


def fail() -> Result:
    return {**text(f"no such file; the token was {os.environ.get('ODD_TOKEN', '')}"), "isError": True}


def grow() -> Result:
    TOOLS["grown"] = {"annotations": _READS}
    send({"method": "notifications/tools/list_changed"})
    return text("grown")


DEEDS: dict[str, Callable[[Arguments], Result | None]] = {
    "echo": lambda given: text(str(given.get("text", ""))),
    "environment": lambda _: text(json.dumps(dict(os.environ))),
    "crash": lambda _: crash(),
    "crash_once": lambda _: crash_once("crash_once"),
    "crash_once_idempotent": lambda _: crash_once("crash_once_idempotent"),
    "hang": lambda _: None,
    "huge": lambda given: text("x" * int(str(given["chars"]))),
    "noise": lambda _: noise(1),
    "babble": lambda _: noise(50),
    "mixed": lambda _: mixed(),
    "structured": lambda _: {"content": [], "structuredContent": {"degrees": 21.5}},
    "fail": lambda _: fail(),
    "grow": lambda _: grow(),
}
"""What a call comes to; None where there will be no answer."""


def text(said: str) -> Result:
    return {"content": [{"type": "text", "text": said}]}


def mixed() -> Result:
    return {
        "content": [
            {"type": "text", "text": "a picture:"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            {"type": "resource_link", "uri": "file:///a.txt", "name": "a"},
            {"type": "resource", "resource": {"uri": "file:///b.txt", "text": "inside"}},
        ]
    }


def answer(message: dict[str, object]) -> None:
    identity, method = message.get("id"), message.get("method")
    params = message.get("params")
    given = cast("dict[str, object]", params) if isinstance(params, dict) else {}
    match method:
        case "initialize":
            send({"id": identity, "result": began()})
        case "tools/list":
            cursor = given.get("cursor")
            send({"id": identity, "result": listed(cursor if isinstance(cursor, str) else None)})
        case "tools/call":
            name, arguments = str(given["name"]), cast("Arguments", given.get("arguments") or {})
            note("calls", name)
            if name in REFUSALS:
                send({"id": identity, "error": {"code": -32000, "message": REFUSALS[name]}})
            elif (result := DEEDS.get(name, lambda _: text(f"{name} ran"))(arguments)) is not None:
                send({"id": identity, "result": result})
        case "notifications/cancelled":
            note("cancelled", str(given.get("reason")))
        case _ if identity is not None:
            send({"id": identity, "error": {"code": -32601, "message": "Method not found"}})
        case _:
            return


def began() -> dict[str, object]:
    return {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": "odd", "version": "1.2.3"},
    }


def main() -> None:
    start = note("starts", str(os.getpid()))
    if 1 < start <= 1 + int(os.environ.get("ODD_FAILED_RESTARTS", "0")):
        crash()
    if "ODD_STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"])  # noqa: S607 - whichever sleep there is
        note("child", str(child.pid))
    for line in sys.stdin:
        answer(json.loads(line))
    if "ODD_STUBBORN" in os.environ:
        signal.pause()


main()
