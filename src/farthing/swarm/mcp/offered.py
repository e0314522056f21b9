"""What a server offers, in our words: its tools, their names among all tools, and what a result says. Pure
but for its place.

Decides names, effects and texts. Nothing here speaks to a server or knows the SDK's classes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

import msgspec

SEPARATOR = "__"
_LONGEST_NAME = 64
_DIGEST_CHARS = 10
_SOUND = re.compile(r"[A-Za-z0-9_-]+")
_UNSOUND = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """One tool as its server tells it. `schema` is what it says, unchecked.

    The hints are as the protocol defaults them: a tool that says nothing has effects, and is not repeatable.
    """

    name: str
    description: str
    schema: object
    read_only: bool = False
    idempotent: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether a call may be made again when nobody knows whether it was done."""
        return self.read_only or self.idempotent


def tool_name(server: str, tool: str) -> str:
    """`SERVER__TOOL`, within the 64 characters that every provider takes; a function of the two alone.

    Where that is too long, has other characters, or could be another server's and tool's, a digest of the two
    stands at the end: no two tools share a name, whatever else there is and in whatever order.
    """
    plain = f"{server}{SEPARATOR}{tool}"
    # From a server's name without these, the first separator is where the tool's name begins.
    clear = SEPARATOR not in server and not server.endswith("_")
    if clear and _SOUND.fullmatch(tool) and len(plain) <= _LONGEST_NAME:
        return plain
    digest = sha256(f"{server}\0{tool}".encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    return f"{_UNSOUND.sub('_', plain)[: _LONGEST_NAME - _DIGEST_CHARS - 1]}_{digest}"


def told(content: Sequence[Mapping[str, object]], structured: object) -> str:
    """What a model is told of a result: its texts; the structured value where there is none; a note of
    everything that is no text."""
    parts = [_part(block) for block in content]
    texts = any(block.get("type") == "text" and block.get("text") for block in content)
    if structured is not None and not texts:
        parts.append(msgspec.json.encode(structured).decode())
    return "\n".join(part for part in parts if part) or "done"


def _part(block: Mapping[str, object]) -> str:
    match block.get("type"):
        case "text":
            return str(block.get("text") or "")
        case "image" | "audio" as kind:
            size = _decoded_bytes(block.get("data"))
            return f"[{kind}, {block.get('mimeType') or 'of unknown type'}, {size:,} bytes, not shown]"
        case "resource_link":
            return f"[resource {block.get('uri')}: {block.get('description') or block.get('name') or ''}]"
        case "resource":
            return _resource(block.get("resource"))
        case other:
            return f"[content of type {other}, not shown]"


def _resource(resource: object) -> str:
    if not isinstance(resource, Mapping):
        return ""
    entry = cast("Mapping[str, object]", resource)
    if isinstance(text := entry.get("text"), str):
        return f"[resource {entry.get('uri')}]\n{text}"
    size = _decoded_bytes(entry.get("blob"))
    return f"[resource {entry.get('uri')}, {entry.get('mimeType') or 'binary'}, {size:,} bytes, not shown]"


def _decoded_bytes(encoded: object) -> int:
    """How many bytes a base64 text stands for."""
    return len(encoded.rstrip("=")) * 3 // 4 if isinstance(encoded, str) else 0
