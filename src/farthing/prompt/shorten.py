"""A task with a shorter prompt that asks for the same: what the configuration allows, in order. Pure.

First the rewrites that a person approved, whose texts stay as they were approved; then which words may go,
which is `optimize.py`'s, and which turns of a conversation, `compress.py`'s. A task that does not change is
returned as it is.
"""

from typing import NamedTuple

from msgspec import structs

from farthing.config.optimizing import PromptOptimization
from farthing.prompt.optimize import optimized
from farthing.prompt.rewrites import NO_REWRITES, RewriteBook
from farthing.prompt.tokens import estimate_conversation
from farthing.result import Change, Shortening
from farthing.task import Message, Purpose, Task

_ASKED: tuple[Purpose, ...] = ("task", "tool_step", "synthesis")


class Shortened(NamedTuple):
    """The task to be sent, and what was left out; None when nothing was."""

    task: Task
    shortening: Shortening | None = None


def shortened(task: Task, *, settings: PromptOptimization, rewrites: RewriteBook = NO_REWRITES) -> Shortened:
    """The task as it is to be sent. What Farthing asks on its own account is not touched."""
    if task.purpose not in _ASKED:
        return Shortened(task)
    given = task.conversation
    messages, changes = _rewritten(given, rewrites)
    if settings.enabled:
        done = optimized(messages, leave=frozenset(change.message for change in changes))
        messages, changes = done.messages, (*changes, *done.changes)
    if not changes:
        return Shortened(task)
    shortening = Shortening(
        tokens_before=estimate_conversation(given, task.tools),
        tokens_after=estimate_conversation(messages, task.tools),
        changes=changes,
    )
    return Shortened(structs.replace(task, messages=messages), shortening)


def _rewritten(
    messages: tuple[Message, ...], rewrites: RewriteBook
) -> tuple[tuple[Message, ...], tuple[Change, ...]]:
    """Messages that were made from a template with an approved rewrite, made from that instead."""
    if not rewrites.count:
        return messages, ()
    found = [rewrites.find(message) for message in messages]
    changes = tuple(
        Change(rule=f"rewrite {one.id}", message=at, before=messages[at].text, after=one.text)
        for at, one in enumerate(found)
        if one is not None
    )
    if not changes:
        return messages, ()
    said = [
        message if one is None else structs.replace(message, content=one.text)
        for message, one in zip(messages, found, strict=True)
    ]
    return tuple(said), changes
