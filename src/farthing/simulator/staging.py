"""The steps of a reply: which bytes come when, and what a fault does to them.

Pure. `playback.py` carries the steps out; a wait is a step here and a timer there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from farthing.simulator.latency import Timing
from farthing.simulator.scenario import Fault
from farthing.simulator.wire import COMMENT, DONE


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes at `at_s` seconds after the request. `produced`: output tokens made by then."""

    at_s: float
    data: bytes
    produced: int = 0
    reports: bool = False
    """Whether these bytes tell the client what the call cost."""


@dataclass(frozen=True, slots=True)
class Open:
    """The response head, at `at_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing more until released, or for `delay_s` real seconds; comments every `comments_s` if stated."""

    delay_s: float | None
    comments_s: float | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is dropped without an end."""


Step = Open | Send | Hold | Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The parts of a streamed reply before faults. `usage` is None where none is sent."""

    pieces: Sequence[bytes]
    finish: bytes
    usage: bytes | None
    reports: bool
    reasoning: int
    tokens: int
    comments: int
    garbled: bytes
    error: bytes | None


def stage_stream(script: Script, timing: Timing, fault: Fault | None) -> list[Step]:
    """The steps of a streamed reply."""
    steps: list[Step] = [Open(0.0), *(Send(0.0, COMMENT) for _ in range(script.comments))]
    kind = fault.kind if fault else None
    if fault and kind == "slow_headers":
        steps.insert(0, Hold(fault.delay_s))
    if fault and kind == "comments":
        steps.append(Hold(fault.delay_s, fault.interval_s))
    if kind == "cut_before_first":
        return [*steps, Drop()]
    sends = _sends(script, timing)
    split = _place(fault, len(sends))
    if fault and kind == "stall":
        sends = [*sends[:split], Hold(fault.delay_s), *sends[split:]]
    elif kind == "garbled":
        at, made = _moment(sends, split)
        sends = [*sends[:split], Send(at, script.garbled, made), *sends[split:]]
    elif kind == "cut":
        return [*steps, *sends[:split], *([] if fault and fault.clean else [Drop()])]
    elif kind == "stream_error" and script.error is not None:
        at, made = _moment(sends, split)
        return [*steps, *sends[:split], Send(at, script.error, made)]
    return [*steps, *sends, *_ending(script, timing, fault)]


def stage_plain(
    body: bytes, timing: Timing, fault: Fault | None, *, tokens: int, reports: bool
) -> list[Step]:
    """The steps of a reply that is not streamed."""
    whole = Send(timing.total_s, body, tokens, reports)
    half = Send(timing.total_s, body[: len(body) // 2], tokens)
    rest = Send(timing.total_s, body[len(body) // 2 :], tokens, reports)
    match fault.kind if fault else None:
        case "cut" | "cut_before_first":
            return [Open(timing.total_s), *([half] if fault and fault.kind == "cut" else []), Drop()]
        case "stall":
            return [Open(timing.total_s), half, Hold(fault.delay_s if fault else None), rest]
        case "slow_headers" | "comments":
            return [Hold(fault.delay_s if fault else None), Open(timing.total_s), whole]
        case _:
            return [Open(timing.total_s), whole]


def stage_paced(
    piece: bytes, ending: Iterable[bytes], fault: Fault, *, events: int, reports: bool
) -> Iterator[Step]:
    """The steps of a stream at a steady pace, made as they are needed: thousands may be under way."""
    yield Open(0.0)
    for number in range(1, events + 1):
        yield Send(number / fault.per_second, piece, number)
    for data in ending:
        yield Send(events / fault.per_second, data, events, reports)


def _sends(script: Script, timing: Timing) -> list[Step]:
    """The output, spread evenly from the first token to the last."""
    count = len(script.pieces)
    span = timing.total_s - timing.first_s
    visible = script.tokens - script.reasoning
    return [
        Send(
            timing.first_s + span * number / count,
            piece,
            script.reasoning + max(1, visible * (number + 1) // count) if visible else script.tokens,
        )
        for number, piece in enumerate(script.pieces)
    ]


def _ending(script: Script, timing: Timing, fault: Fault | None) -> list[Step]:
    end: list[Step] = [Send(timing.total_s, script.finish, script.tokens)]
    if fault and fault.kind == "late_usage":
        end.append(Hold(0.05 if fault.delay_s is None else fault.delay_s, fault.interval_s))
    if script.usage is not None:
        end.append(Send(timing.total_s, script.usage, script.tokens, script.reports))
    return [*end, Send(timing.total_s, DONE, script.tokens)]


def _place(fault: Fault | None, count: int) -> int:
    """Before which piece the fault strikes. A cut comes after the first piece and before the last."""
    if fault is None:
        return count
    place = min(max(int(fault.at * count), 0), count)
    return max(1, min(place, count - 1)) if fault.kind == "cut" else place


def _moment(sends: Sequence[Step], split: int) -> tuple[float, int]:
    before = sends[split - 1] if 0 < split <= len(sends) else None
    return (before.at_s, before.produced) if isinstance(before, Send) else (0.0, 0)
