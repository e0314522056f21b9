"""A conversation with fewer tokens that still tells what matters. Pure: the same input, the same output.

First goes what is said elsewhere in it (`superseded.py`); then, as far as a target asks, the sentences and
lines of old steps that state least (`facts.py`) and have least to do with the question (`rank.py`). System
messages, pinned ones, the first and last questions and the last steps stay. Whether it pays is `worth.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from msgspec import structs

from farthing.prompt.extract import Scores, Weighed, extracted, reweighed, weigh
from farthing.prompt.superseded import Cut, repeated, superseded
from farthing.prompt.tokens import estimate_conversation
from farthing.prompt.turns import RECENT_STEPS, protected, question_of, steps_of, with_arguments
from farthing.result import Change
from farthing.task import Message

_SLACK = 0.02
_ROUNDS = 7
_LEFT_OUT = "states little"
_RECENT_CHARACTERS = 400
_NEIGHBOURS = {("system", "user"), ("user", "assistant"), ("assistant", "user"), ("tool", "assistant")}
"""Roles that may stand beside each other in any conversation."""


class Compressed(NamedTuple):
    """The messages to send, and what was left out of which."""

    messages: tuple[Message, ...]
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class _Work:
    """A conversation under work. Messages keep their places until the end; None are gone."""

    given: Sequence[Message]
    start: int
    end: int
    keep: frozenset[int]
    now: list[Message | None] = field(default_factory=list[Message | None])
    rules: dict[int, str] = field(default_factory=dict[int, str])

    def free(self, at: int) -> bool:
        return self.start <= at < self.end and at not in self.keep

    def put(self, at: int, message: Message | None, rule: str) -> None:
        self.now[at] = message
        self.rules.setdefault(at, rule)

    @property
    def tokens(self) -> int:
        return estimate_conversation([one for one in self.now[self.start : self.end] if one is not None])

    def done(self) -> Compressed:
        changes = tuple(
            Change(rule=rule, message=at, before=_shown(self.given[at]), after=_shown(self.now[at]))
            for at, rule in sorted(self.rules.items())
        )
        return Compressed(tuple(one for one in self.now if one is not None), changes)


def compressed(
    messages: Sequence[Message],
    *,
    target_tokens: int,
    question: str | None = None,
    start: int = 0,
    end: int | None = None,
    recent_steps: int = RECENT_STEPS,
    scores: Scores | None = None,
) -> Compressed:
    """Messages `start` to before `end` in `target_tokens` where that is possible, the others as they are.

    `question` None is the last user's message; an empty one asks for nothing in particular, so that the
    result depends on nothing after `end`. Never longer; what fits is returned as it is.
    """
    stop = len(messages) if end is None else end
    work = _Work(messages, start, stop, protected(messages, recent_steps), list(messages))
    if work.tokens <= target_tokens:
        return Compressed(tuple(messages))
    _drop_superseded(work)
    _drop_repeated(work)
    if work.tokens > target_tokens:
        _extract(work, target_tokens, question_of(messages) if question is None else question, scores)
    return work.done()


def least_tokens(messages: Sequence[Message]) -> int:
    """What stays word for word in any case, by estimate."""
    return estimate_conversation([messages[at] for at in sorted(protected(messages))])


def _drop_superseded(work: _Work) -> None:
    for one in superseded(work.given, work.start, work.end):
        if isinstance(one, Cut):
            message = work.now[one.exchange.caller]
            if message is not None and work.free(one.exchange.caller):
                cut = with_arguments(message, one.exchange.place, one.arguments)
                work.put(one.exchange.caller, cut, "superseded tool call")
        elif work.free(one.message):
            work.put(one.message, structs.replace(work.given[one.message], content=one.text), one.rule)


def _drop_repeated(work: _Work) -> None:
    visible = [one if one is not None else work.given[at] for at, one in enumerate(work.now)]
    for at, block, stub in repeated(visible, work.start, work.end):
        message = work.now[at]
        if work.free(at) and message is not None and isinstance(message.content, str):
            before, found, after = message.content.rpartition(block)
            if found:
                work.put(at, structs.replace(message, content=before + stub + after), "repeated text")


def _extract(work: _Work, target: int, question: str, scores: Scores | None) -> None:
    """Keeps the pieces that matter most, as many as the target has room for; then steps with nothing left go.

    What the going of steps frees is given to further pieces, until little is left of it.
    """
    before, rules = list(work.now), dict(work.rules)
    asked = {
        at: message
        for at in range(work.start, work.end)
        if work.free(at) and (message := before[at]) is not None
    }
    weighed = weigh(asked, question=question, recent=_recent(work))
    room = target - work.tokens
    if scores is not None:
        weighed = reweighed(weighed, scores, question=question, room=room)
    low: int | None = None
    high: int | None = None
    best: tuple[int, list[Message | None], dict[int, str]] | None = None
    for _ in range(_ROUNDS):
        work.now, work.rules = list(before), dict(rules)
        _put_best(work, asked, weighed, room)
        slack = target - work.tokens
        if best is None or 0 <= slack < best[0] or best[0] < min(slack, 0):
            best = (slack, work.now, work.rules)
        if 0 <= slack < target * _SLACK:
            break
        low, high = (room, high) if slack >= 0 else (low, room)
        room = room + slack if low is None or high is None else (low + high) // 2
    if best is not None:
        _, work.now, work.rules = best


def _put_best(work: _Work, asked: Mapping[int, Message], weighed: Weighed, room: int) -> None:
    result = extracted(asked, weighed, room=room)
    for at, message in result.messages.items():
        if message != asked[at]:
            work.put(at, message, _LEFT_OUT)
    _drop_empty_steps(work, result.empty)


def _recent(work: _Work) -> str:
    """What the last steps talk about."""
    steps = steps_of(work.given)[-RECENT_STEPS:]
    return "\n".join(work.given[at].text[:_RECENT_CHARACTERS] for step in steps for at in range(*step))


def _drop_empty_steps(work: _Work, empty: frozenset[int]) -> None:
    """Whole turns in which nothing is left, then single steps; no new kind of neighbours meets."""
    steps = steps_of(work.given)
    known = {(one.role, other.role) for one, other in pairwise(work.given)} | _NEIGHBOURS
    void = [all(work.free(at) and at in empty for at in range(*step)) for step in steps]
    opens = [work.given[step.start].role == "user" for step in steps]
    begin = 0
    for number in range(1, len(steps) + 1):
        if number == len(steps) or opens[number]:
            if all(void[begin:number]):
                _drop(work, steps[begin].start, steps[number - 1].end, known)
            begin = number
    for number, step in enumerate(steps):
        if void[number] and not opens[number]:
            _drop(work, step.start, step.end, known)


def _drop(work: _Work, start: int, end: int, known: set[tuple[str, str]]) -> None:
    before = next((one.role for one in reversed(work.now[:start]) if one is not None), None)
    after = next((one.role for one in work.now[end:] if one is not None), None)
    if after is None or (before is None and after != "user") or (before and (before, after) not in known):
        return
    for at in range(start, end):
        work.put(at, None, _LEFT_OUT)


def _shown(message: Message | None) -> str:
    """A message's text with its calls, for people."""
    if message is None:
        return ""
    calls = "\n".join(f"{call.name}({call.arguments})" for call in message.tool_calls)
    return "\n".join(part for part in (message.text, calls) if part)
