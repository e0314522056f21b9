"""Whether semantic hits of a task type may go on, from those that were asked anew. Pure.

A hit is drawn with `recheckRate`; its fresh answer is compared with the kept one by `agrees`. A type is
switched off when the false hits among n rechecks are more than chance would explain if the true rate were
`maxFalseHitRate`: when so many or more would be seen with a probability below `DOUBT` (exact binomial, one
side). It needs no minimum: one false hit of one proves nothing at 1 %, two of two do.
"""

import re
from collections.abc import Iterable
from math import exp, inf, lgamma, log, log1p
from typing import NamedTuple, cast

import msgspec

from farthing.cache.reading import read
from farthing.task import TaskType

DOUBT = 0.01
"""Small, because the question is asked again after each recheck."""
NEAR = 0.70
"""The least cosine of two answers' embeddings that counts as one answer."""
_SHORT_WORDS = 15
_WORD = re.compile(r"[^\W_]+")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the rechecks of one task type came to. `off`: its semantic hits have ended."""

    task_type: TaskType
    hits: int = 0
    rechecks: int = 0
    false_hits: int = 0
    off: bool = False

    @property
    def false_hit_rate(self) -> float | None:
        """Of the rechecks; None when there were none."""
        return self.false_hits / self.rechecks if self.rechecks else None


class Counted(NamedTuple):
    """What is to be added to a standing, and the rate by which it is judged."""

    hits: int = 0
    rechecks: int = 0
    false_hits: int = 0
    rate: float = 1.0


def summed(parts: Iterable[Counted]) -> Counted:
    """Several as one, by the rate of the last that was rechecked."""
    total = Counted()
    for part in parts:
        rate = part.rate if part.rechecks else total.rate
        total = Counted(*(a + b for a, b in zip(total[:3], part[:3], strict=True)), rate=rate)
    return total


def with_more(standing: Standing, more: Counted) -> Standing:
    """A standing with counts that are not written yet."""
    rechecks, false = standing.rechecks + more.rechecks, standing.false_hits + more.false_hits
    off = standing.off or (more.rechecks > 0 and exceeds(false, rechecks, more.rate))
    return Standing(
        task_type=standing.task_type,
        hits=standing.hits + more.hits,
        rechecks=rechecks,
        false_hits=false,
        off=off,
    )


def exceeds(false_hits: int, rechecks: int, rate: float) -> bool:
    """Whether so many false hits are too many to be chance at `rate`."""
    if false_hits == 0 or rate >= 1:
        return False
    if rate <= 0:
        return True
    fewer = sum(exp(_log_chance(count, rechecks, rate)) for count in range(false_hits))
    return 1 - fewer < DOUBT


def _log_chance(count: int, total: int, rate: float) -> float:
    if count > total:
        return -inf
    ways = lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
    return ways + count * log(rate) + (total - count) * log1p(-rate)


def agrees(kept: str, fresh: str, near: float) -> bool:
    """Whether two answers say the same; `near` is the cosine of their embeddings.

    Equal but for case, space and punctuation, or equal as JSON; else near by `NEAR`, without one saying yes
    and the other no, and with the same numbers: all of them in short answers, some in common in long ones.
    A model that answers one question differently each time counts as a false hit too: the measure errs on
    the side of asking anew.
    """
    if _words(kept) == _words(fresh) and read(kept).symbols == read(fresh).symbols:
        return True
    as_data = _data(kept), _data(fresh)
    if None not in as_data:
        return as_data[0] == as_data[1]
    if read(kept).symbols[:1] != read(fresh).symbols[:1] and _is_short(kept, fresh):
        return False  # a sign, an operator
    if near < NEAR or _polarity(kept) != _polarity(fresh):
        return False
    return _numbers_agree(kept, fresh)


def _numbers_agree(kept: str, fresh: str) -> bool:
    one, other = set(read(kept).numbers), set(read(fresh).numbers)
    if _is_short(kept, fresh):
        return one == other
    return not one or not other or bool(one & other)


def _is_short(kept: str, fresh: str) -> bool:
    return min(len(_words(kept)), len(_words(fresh))) <= _SHORT_WORDS


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _polarity(text: str) -> str:
    first = next(iter(_words(text)), "")
    return first if first in {"yes", "no"} else ""


def _data(text: str) -> object:
    if text.strip()[:1] not in {"{", "["}:
        return None
    try:
        return cast(object, msgspec.json.decode(text.strip()))
    except msgspec.DecodeError:
        return None
