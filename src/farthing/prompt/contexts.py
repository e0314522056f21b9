"""What of a conversation is sent to one candidate: the decision of context compression, with its memory.

A stretch that was once sent compressed stays so, whatever prices say later: that is what keeps the prefix.
The whole is compressed for the question only where the stretches alone do not fit the candidate's window.
Nothing is sent here and no clock is read.
"""

from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from farthing.catalog.pricing import Rates
from farthing.prompt.compress import Compressed, Scores, compressed, least_tokens
from farthing.prompt.settled import digests, settle, stretches_of
from farthing.prompt.summarize import LEAST_TOKENS, Plan, plan_of
from farthing.prompt.tokens import estimate_conversation
from farthing.prompt.turns import RECENT_STEPS, protected, steps_of
from farthing.prompt.worth import Prompt, further_calls, pays
from farthing.result import Change, Shortening
from farthing.task import Message, Task, Tool

K = TypeVar("K")
V = TypeVar("V")

LEAST_CHARACTERS = 8000
"""Conversations up to this length are sent as they are, without a look."""
MEASURED_SHARE = 0.4
"""The strongest compression that routing counts on: `docs/guides/context.md` says what is kept at it."""
TIGHTER_SHARE = 0.6
"""After a refusal for length: so much of what was sent is sent next."""

_WINDOW_SHARE = 0.9
"""Of a window, for estimates of tokens are off by a tenth."""
_MOST_KNOWN = 2048
_RENEWED = 4
"""A summary is asked for anew when one part in so many of what it would stand for is new."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation and whom it is for. `warm`: whether the model was sent its beginning lately."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    rates: Rates | None
    window_tokens: int | None
    max_tokens: int
    warm: bool

    @property
    def room_tokens(self) -> int | None:
        """What the messages may take; None where the window is not known."""
        return room_in(self.window_tokens, max_tokens=self.max_tokens, tools=self.tools)


class Fit(NamedTuple):
    """What is sent, and what was left out of it; None when nothing was."""

    messages: tuple[Message, ...]
    shortening: Shortening | None = None


class _Known(msgspec.Struct, kw_only=True):
    """A stretch's compressed messages, and whether they were sent in place of it."""

    made: Compressed
    applied: bool = False


class _View(NamedTuple):
    """A conversation with its first `stretches` stretches compressed."""

    messages: tuple[Message, ...]
    changes: tuple[Change, ...]
    tokens: int
    known_tokens: int


def room_in(window_tokens: int | None, *, max_tokens: int, tools: Sequence[Tool]) -> int | None:
    """Tokens for the messages in a window, by estimate, with a margin for its error."""
    if window_tokens is None:
        return None
    return int(window_tokens * _WINDOW_SHARE) - max_tokens - estimate_conversation((), tools)


def is_long(messages: Sequence[Message]) -> bool:
    """Whether a conversation is worth a look."""
    if len(messages) <= RECENT_STEPS:
        return False
    left = LEAST_CHARACTERS
    for message in messages:
        left -= len(message.text) + sum(len(call.arguments) for call in message.tool_calls)
        if left < 0:
            return True
    return False


def can_shrink(messages: Sequence[Message]) -> bool:
    """Whether anything may be left out at all: something is neither pinned nor recent."""
    keep = protected(messages)
    return sum(len(one.text) for at, one in enumerate(messages) if at not in keep) > LEAST_CHARACTERS // 8


def fits_compressed(task: Task, *, window_tokens: int, max_tokens: int) -> bool:
    """Whether a conversation fits a window at the strongest compression whose losses are measured."""
    messages = task.conversation
    room = room_in(window_tokens, max_tokens=max_tokens, tools=task.tools)
    if room is None or not is_long(messages):
        return room is None
    return room >= max(least_tokens(messages), estimate_conversation(messages) * MEASURED_SHARE)


class Contexts:
    """Compressed stretches and summaries of the conversations of a deployment, the latest of them."""

    def __init__(self, scores: Scores | None = None) -> None:
        self._scores = scores
        self._stretches: OrderedDict[bytes, _Known] = OrderedDict()
        self._summaries: OrderedDict[bytes, tuple[Message, ...]] = OrderedDict()
        self._refused: OrderedDict[bytes, None] = OrderedDict()

    def fit(self, asked: Asked) -> Fit:
        """What to send: as it is, in stretches where that pays, or as short as the window asks."""
        if not is_long(asked.messages):
            return Fit(asked.messages)
        stretches = stretches_of(asked.messages)
        marks = digests(asked.messages, [end for _, end in stretches])
        begun = self._begun(asked.messages, stretches, marks)
        view = self._economical(asked, stretches, marks, begun)
        room = asked.room_tokens
        if room is not None and view.tokens > room:
            view = self._view(asked.messages, stretches, marks, len(stretches))
            if view.tokens > room:
                return self.tighter(asked, room)
            self._apply(marks)
        return _fitted(asked, view.messages, view.changes)

    def overflows(self, asked: Asked) -> bool:
        """Whether not even all stretches compressed fit, so that the whole is compressed for its question."""
        room = asked.room_tokens
        if room is None or not is_long(asked.messages) or estimate_conversation(asked.messages) <= room:
            return False
        stretches = stretches_of(asked.messages)
        marks = digests(asked.messages, [end for _, end in stretches])
        return self._view(asked.messages, stretches, marks, len(stretches)).tokens > room

    def tighter(self, asked: Asked, target_tokens: int) -> Fit:
        """The whole for its question, in about so many tokens."""
        made = compressed(asked.messages, target_tokens=target_tokens, scores=self._scores)
        return _fitted(asked, made.messages, made.changes)

    def summary_of(self, asked: Asked, writer: Rates) -> tuple[bytes, Plan] | None:
        """What is to be summarised before this is sent, where that pays; with the key to remember it by."""
        if not is_long(asked.messages) or asked.rates is None:
            return None
        stretches = stretches_of(asked.messages)
        marks = digests(asked.messages, [end for _, end in stretches])
        begun = self._begun(asked.messages, stretches, marks)
        for number in range(len(stretches), begun, -1):
            end = stretches[number - 1][1]
            if end < len(asked.messages) and asked.messages[end].role == "user":
                return self._planned(asked, stretches, marks, number, writer)
        return None

    def remember(self, key: bytes, messages: tuple[Message, ...]) -> None:
        """A summary, as `summarised` made it, for every later turn of this conversation."""
        _keep(self._summaries, key, messages)

    def give_up(self, key: bytes) -> None:
        """There was no summary, or none of use: it is not asked for again."""
        _keep(self._refused, key, None)

    def _planned(
        self, asked: Asked, stretches: list[tuple[int, int]], marks: list[bytes], number: int, writer: Rates
    ) -> tuple[bytes, Plan] | None:
        view = self._view(asked.messages, stretches, marks, number)
        tail = len(asked.messages) - stretches[number - 1][1]
        plan = plan_of(view.messages[: len(view.messages) - tail])
        tried = (*self._summaries, *self._refused)
        begun = next((n for n in range(number, 0, -1) if marks[n - 1] in tried), 0)
        fresh = sum(
            estimate_conversation(self._made(asked.messages, stretch, mark).messages)
            for stretch, mark in zip(stretches[begun:number], marks[begun:number], strict=True)
        )
        if plan is None or asked.rates is None or fresh < max(LEAST_TOKENS, plan.input_tokens // _RENEWED):
            return None
        cost = writer.prompt * plan.input_tokens + writer.completion * plan.max_tokens + writer.request
        shorter = view.tokens - plan.input_tokens + plan.max_tokens
        worth = pays(
            Prompt(view.tokens, view.tokens),
            Prompt(shorter, 0),
            asked.rates,
            warm=asked.warm,
            further=further_calls(_answers(asked.messages)),
            extra=cost,
        )
        return (marks[number - 1], plan) if worth else None

    def _economical(
        self, asked: Asked, stretches: list[tuple[int, int]], marks: list[bytes], begun: int
    ) -> _View:
        """With the stretches that were sent compressed before, and the new ones where that pays."""
        applied = begun
        while applied < len(marks) and (known := self._stretches.get(marks[applied])) and known.applied:
            applied += 1
        now = self._view(asked.messages, stretches, marks, applied)
        if applied == len(marks) or asked.rates is None:
            return now
        then = self._view(asked.messages, stretches, marks, len(marks))
        last = _last_step_tokens(asked.messages)
        worth = pays(
            Prompt(now.tokens, now.tokens - last),
            Prompt(then.tokens, now.known_tokens),
            asked.rates,
            warm=asked.warm,
            further=further_calls(_answers(asked.messages)),
            extra=Decimal(0),
        )
        if not worth:
            return now
        self._apply(marks)
        return then

    def _view(
        self, messages: tuple[Message, ...], stretches: list[tuple[int, int]], marks: list[bytes], count: int
    ) -> _View:
        begun = min(self._begun(messages, stretches, marks), count)
        head: tuple[Message, ...] = self._summaries[marks[begun - 1]] if begun else ()
        changes = [_summary_change(messages, stretches[begun - 1][1], head)] if begun else []
        for number in range(begun, count):
            made = self._made(messages, stretches[number], marks[number])
            head += made.messages
            changes += made.changes
        end = stretches[count - 1][1] if count else 0
        sent = (*head, *messages[end:])
        return _View(sent, tuple(changes), estimate_conversation(sent), estimate_conversation(head))

    def _made(self, messages: tuple[Message, ...], stretch: tuple[int, int], mark: bytes) -> Compressed:
        known = self._stretches.get(mark)
        if known is None:
            known = _Known(made=settle(messages, *stretch))
            _keep(self._stretches, mark, known)
        return known.made

    def _begun(
        self, messages: tuple[Message, ...], stretches: list[tuple[int, int]], marks: list[bytes]
    ) -> int:
        """How many stretches at the beginning have a summary in their place."""
        return next((n for n in range(len(marks), 0, -1) if marks[n - 1] in self._summaries), 0)

    def _apply(self, marks: list[bytes]) -> None:
        for mark in marks:
            if mark in self._stretches:
                self._stretches[mark].applied = True


def _answers(messages: Sequence[Message]) -> int:
    return sum(one.role == "assistant" for one in messages)


def _last_step_tokens(messages: Sequence[Message]) -> int:
    """What was not there when the conversation was sent last: about the last two steps."""
    start = steps_of(messages)[-2].start
    return estimate_conversation(messages[start:])


def _summary_change(messages: tuple[Message, ...], end: int, head: tuple[Message, ...]) -> Change:
    return Change(rule="summary", message=len(head) - 1, before=f"messages up to {end}", after=head[-1].text)


def _fitted(asked: Asked, messages: tuple[Message, ...], changes: tuple[Change, ...]) -> Fit:
    if not changes:
        return Fit(asked.messages)
    before, after = (estimate_conversation(one, asked.tools) for one in (asked.messages, messages))
    return Fit(messages, Shortening(tokens_before=before, tokens_after=after, changes=changes))


def _keep(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _MOST_KNOWN:
        known.popitem(last=False)
