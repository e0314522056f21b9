"""Words around a conversation: a schema told by prompt, an answer to be mended or gone on from.

Pure. Whether an answer is valid is `routing/validate.py`'s; when one is sent back, `routing/fallback.py`'s.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from farthing.task import Message

_BARE = "Answer with one JSON object and nothing else: no prose, no code fence."
_SCHEMA = """\
Answer with JSON that is valid for this JSON Schema, and with nothing else: no prose, no code fence.
{schema}"""
_REPAIR = """\
Your answer cannot be used: {problem}
Answer again with the corrected JSON alone: no prose, no code fence."""
_CONTINUE = """\
Your answer broke off where it ends above. Begin with its last five words exactly as they stand, and go on \
from there: explain nothing, and do not begin anew."""


def schema_messages(
    messages: tuple[Message, ...], response_format: Mapping[str, object]
) -> tuple[Message, ...]:
    """The conversation with the format of the answer told in its system message."""
    kind = response_format.get("type")
    if kind not in ("json_schema", "json_object"):
        return messages
    words = _BARE
    if kind == "json_schema":
        wrapper = cast("Mapping[str, object]", response_format["json_schema"])
        words = _SCHEMA.format(schema=msgspec.json.encode(wrapper["schema"]).decode())
    first = messages[0]
    if first.role == "system" and isinstance(first.content, str):
        return (Message(role="system", content=f"{first.content}\n\n{words}"), *messages[1:])
    return (Message(role="system", content=words), *messages)


def repair_messages(messages: tuple[Message, ...], *, answer: str, problem: str) -> tuple[Message, ...]:
    """The conversation with the faulty answer and what is wrong with it."""
    return (
        *messages,
        Message(role="assistant", content=answer),
        Message(role="user", content=_REPAIR.format(problem=problem)),
    )


def continued_messages(messages: tuple[Message, ...], received: str) -> tuple[Message, ...]:
    """The conversation with the part of the answer that has come, and the wish to go on from its end."""
    return (
        *messages,
        Message(role="assistant", content=received),
        Message(role="user", content=_CONTINUE),
    )


def unfenced(text: str) -> str:
    """The inside of an answer that is one code fence and nothing else; any other text as it is."""
    stripped = text.strip()
    if not (stripped.startswith("```") and stripped.endswith("```") and stripped.count("```") == 2):
        return text
    _, newline, inside = stripped[3:-3].partition("\n")
    return inside if newline else text
