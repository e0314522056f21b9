"""What is judged of a finished run: whose answer a task was given, what was sent, whether a schema is met.

Pure. A task that was answered without a call of its own was given an earlier answer: by its text it is
found out for which tasks that answer was made, and it is a false hit when none of them asks for the same.
"""

from collections.abc import Mapping, Sequence

import jsonschema_rs
import msgspec

from farthing.bench.workloads.work import Work


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How one task ended. `asked`: it has a call of its own in the ledger. `sent` is the text of its last
    request, None where it had none or it went in a batch with others."""

    output: str = ""
    calls: int = 0
    finish_reason: str = ""
    task_id: str = ""
    cached: bool = False
    asked: bool = True
    sent: str | None = None
    error: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over a run's tasks."""

    tasks: int
    hits: int
    """Answered without a call of their own, or marked as cached."""
    false_hits: int
    checked: int
    passed: int
    cut: int
    """Answers that `max_tokens` ended."""
    failed: int
    reasons: tuple[str, ...]
    """The first few checks that were not passed, and errors."""


_REASONS = 5


def judged(works: Sequence[Work], ended: Sequence[Ended]) -> Judged:
    """The run's counts; `ended` has one for each work, in its order."""
    made = _made_for(works, ended)
    hits = [is_hit(end) for end in ended]
    false = [
        hit and work.answer not in made.get(end.output, frozenset())
        for work, end, hit in zip(works, ended, hits, strict=True)
    ]
    faults = [_fault(work, end) for work, end in zip(works, ended, strict=True)]
    checked = [fault for fault in faults if fault is not None]
    told = [f"{work.unit}: {fault}" for work, fault in zip(works, faults, strict=True) if fault]
    told += [f"{work.unit}: given another's answer" for work, one in zip(works, false, strict=True) if one]
    return Judged(
        tasks=len(works),
        hits=sum(hits),
        false_hits=sum(false),
        checked=len(checked),
        passed=sum(not fault for fault in checked),
        cut=sum(end.finish_reason == "length" for end in ended),
        failed=sum(bool(end.error) for end in ended),
        reasons=tuple(told[:_REASONS]),
    )


def is_hit(end: Ended) -> bool:
    return not end.error and (end.cached or not end.asked)


def _made_for(works: Sequence[Work], ended: Sequence[Ended]) -> Mapping[str, frozenset[str]]:
    """For which answers each text was made by a model."""
    made: dict[str, frozenset[str]] = {}
    for work, end in zip(works, ended, strict=True):
        if end.asked and not end.cached:
            made[end.output] = made.get(end.output, frozenset()) | {work.answer}
    return made


def _fault(work: Work, end: Ended) -> str | None:
    """What is wrong, empty when nothing is; None where nothing can be checked."""
    if end.error:
        return end.error
    expects = work.expects
    found: list[str | None] = []
    if expects.sent and end.sent is not None:
        found.append(_unsent(expects.sent, end.sent))
    if expects.schema is not None:
        found.append(_unmet(expects.schema, end.output))
    if expects.calls:
        found.append(None if end.calls else "no tool was called")
    return next((fault for fault in found if fault), "") if found else None


def _unsent(needed: Sequence[str], sent: str) -> str | None:
    missing = next((text for text in needed if text not in sent), None)
    return None if missing is None else f"not sent: {missing[:60]!r}"


def _unmet(schema: Mapping[str, object], output: str) -> str | None:
    try:
        value: object = msgspec.json.decode(output)
    except msgspec.DecodeError:
        return f"no JSON: {output[:60]!r}"
    if jsonschema_rs.validator_for(dict(schema)).is_valid(value):
        return None
    return f"not by its schema: {output[:60]!r}"
