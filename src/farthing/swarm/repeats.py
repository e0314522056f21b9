"""Whether an agent goes in circles: the same calls with the same results, to and fro, or the same words.

Decides on what happened, round by round; a round is one answer's calls with their results. A call whose
result changes is no repetition, however often it is made: polling is work. What follows is the loop's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Literal, NamedTuple

TroubleKind = Literal["repeated", "ping_pong", "same_text", "faulty"]

SAME_ROUNDS = 3
"""So many equal rounds in a row are a repetition."""
CYCLES = 2
"""So many equal cycles of two or three rounds in a row are ping-pong."""
_LONGEST_CYCLE = 3
FAULTY_CALLS = 2
"""So many faulty calls of one tool, with no good one between, are trouble."""
REMEMBERED = 12
"""Rounds that are looked at."""
_NUMBERS = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}


class Happened(NamedTuple):
    """One call as it is compared: canonical arguments, and the digest of the result."""

    tool: str
    arguments: str
    result: str
    faulty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The calls of one answer, in a fixed order, and the words beside them."""

    calls: tuple[Happened, ...]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A circle that was noticed. `text` says it to the model."""

    kind: TroubleKind
    text: str


def round_of(calls: Sequence[Happened], *, text: str) -> Round:
    """A round; the order of calls within an answer means nothing."""
    return Round(calls=tuple(sorted(calls)), text=" ".join(text.split()))


def digest_of(result: str) -> str:
    return blake2s(result.encode("utf-8", "replace"), digest_size=12).hexdigest()


def noticed(rounds: Sequence[Round]) -> Trouble | None:
    """The circle in which the last rounds go, if they do."""
    if not rounds or not rounds[-1].calls:
        return None
    return _repeated(rounds) or _ping_pong(rounds) or _same_text(rounds) or _faulty(rounds)


def faults_of(rounds: Sequence[Round], tool: str) -> int:
    """How many faulty calls of the tool there were since its last good one."""
    count = 0
    for happened in (call for one in reversed(rounds) for call in one.calls if call.tool == tool):
        if not happened.faulty:
            break
        count += 1
    return count


def _repeated(rounds: Sequence[Round]) -> Trouble | None:
    count = 0
    for one in reversed(rounds):
        if one.calls != rounds[-1].calls:
            break
        count += 1
    if count < SAME_ROUNDS:
        return None
    said = f"You have called {_names(rounds[-1:])} {_times(count)} with the same arguments and result"
    return Trouble(kind="repeated", text=f"{said}; {_ADVICE}")


def _ping_pong(rounds: Sequence[Round]) -> Trouble | None:
    for length in range(2, _LONGEST_CYCLE + 1):
        last = [one.calls for one in rounds[-length:]]
        before = [one.calls for one in rounds[-length * CYCLES : -length]]
        if len(set(last)) > 1 and before == last * (CYCLES - 1):
            names = _names(rounds[-length:])
            said = f"You go to and fro between {names}, each with the same arguments and result"
            return Trouble(kind="ping_pong", text=f"{said}; {_ADVICE}")
    return None


def _same_text(rounds: Sequence[Round]) -> Trouble | None:
    """The same words over the same results, whatever arguments were tried."""
    last = rounds[-SAME_ROUNDS:]
    alike = {(one.text, tuple(call.result for call in one.calls)) for one in last}
    if len(last) < SAME_ROUNDS or len(alike) > 1 or not last[-1].text:
        return None
    said = f"You have said the same {_times(len(last))}, and the tools gave the same results"
    return Trouble(kind="same_text", text=f"{said}; {_ADVICE}")


def _faulty(rounds: Sequence[Round]) -> Trouble | None:
    for tool in dict.fromkeys(call.tool for call in rounds[-1].calls if call.faulty):
        count = faults_of(rounds, tool)
        if count >= FAULTY_CALLS:
            said = f"You have called {tool} {_times(count)} with arguments that do not fit its schema"
            return Trouble(kind="faulty", text=f"{said}; {_ADVICE}")
    return None


def _names(rounds: Sequence[Round]) -> str:
    return " and ".join(dict.fromkeys(call.tool for one in rounds for call in one.calls))


def _times(count: int) -> str:
    return _NUMBERS.get(count, f"{count} times")


_ADVICE = "that will bring nothing new. Try another way, or answer with what you have."
