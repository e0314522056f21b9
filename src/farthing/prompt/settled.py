"""Compression in steps, so that what was sent before stays the prefix of what is sent next. Pure.

Old messages are compressed in stretches of some thousand tokens, each for itself and for no question in
particular: a stretch comes out the same in every later turn, and a provider's prompt cache knows it.
"""

from collections.abc import Sequence
from hashlib import sha256

from farthing.prompt.compress import Compressed, compressed
from farthing.prompt.tokens import estimate_conversation
from farthing.prompt.turns import RECENT_STEPS, steps_of
from farthing.task import Message

STRETCH_TOKENS = 2000
"""A stretch is closed when it holds as much: each loses once what was cached after its beginning."""
SHARE = 0.38
"""Of a stretch's tokens this much is kept: the figures in `docs/guides/context.md` are measured at it."""


def stretches_of(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """The closed stretches: each begins where the one before ends, and none reaches into the last steps."""
    found: list[tuple[int, int]] = []
    begin = tokens = 0
    for start, end in steps_of(messages)[:-RECENT_STEPS]:
        tokens += estimate_conversation(messages[start:end])
        if tokens >= STRETCH_TOKENS:
            found.append((begin, end))
            begin, tokens = end, 0
    return found


def settle(messages: Sequence[Message], start: int, end: int) -> Compressed:
    """One stretch compressed, and nothing else; its changes name places in the whole conversation."""
    target = int(estimate_conversation(messages[start:end]) * SHARE)
    whole = compressed(messages, target_tokens=target, question="", start=start, end=end)
    after = len(messages) - end
    return Compressed(whole.messages[start : len(whole.messages) - after], whole.changes)


def digests(messages: Sequence[Message], ends: Sequence[int]) -> list[bytes]:
    """What tells conversations apart up to each of these places."""
    running, at, found = sha256(), 0, list[bytes]()
    for end in ends:
        for one in messages[at:end]:
            calls = [(call.id, call.name, call.arguments) for call in one.tool_calls]
            running.update(repr((one.role, one.content, calls, one.pinned, one.tool_call_id)).encode())
        at = end
        found.append(running.digest())
    return found
