"""How long the answers of a model get at one type of task, and the least limit that cuts hardly any of them.

Pure. Answers that a limit cut are censored: they would have been longer, so they must not teach that answers
are short, or each limit would teach a lower one. Kaplan and Meier's estimate (JASA, 1958) counts them among
those that are longer than the limit, and says nothing of where no answer was left to be seen.
"""

import math

import msgspec
from msgspec import structs

from farthing.routing.sketch import Sketch, edge_of, sketch_of
from farthing.spend.ledger import OutcomeBody

MOST_CUT = 0.01
"""The share of answers that a learned limit may cut at most."""
_Z = 1.96
"""One-sided confidence of 97.5 % that it cuts no more: 381 whole answers are the fewest to learn from."""

TEACHING = ("default", "learned")
"""The bases of limits that leave an answer its own length: what it comes to teaches."""

_ALARM = 4.6
_CUT_STEP, _WHOLE_STEP = 1.0986, -0.0204
"""Page's test (Biometrika, 1954) of a share of 1 % against 3 %: log-likelihood ratios and their threshold."""


class Lengths(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long answers were where the task set no limit: what a limit is learned from."""

    whole: Sketch = Sketch()
    cut: Sketch = Sketch()
    """Answers that ended at `max_tokens`: they would have been longer, nobody knows by how much."""
    limited: int = 0
    """Answers that were held to a learned limit."""
    limited_cut: int = 0
    """How many of those it cut."""
    alarm: float = 0.0
    """Page's sum: how much speaks for the learned limit cutting too many."""
    anew: bool = False
    """A learned limit was refuted: what was known before says nothing of the lengths of today."""


def lengths_of(outcome: OutcomeBody) -> Lengths:
    """What one answer says; only plain ones whose task set no limit say anything."""
    cut = outcome.finish == "length"
    if outcome.limit not in TEACHING or not (cut or outcome.finish == "stop"):
        return Lengths()
    held = outcome.limit == "learned"
    found = sketch_of(outcome.output_tokens)
    return Lengths(
        whole=Sketch() if cut else found,
        cut=found if cut else Sketch(),
        limited=int(held),
        limited_cut=int(held and cut),
    )


def joined_lengths(older: Lengths, newer: Lengths) -> Lengths:
    """Both together, where the second is of a later time."""
    if newer.anew:
        return newer
    return Lengths(
        whole=older.whole + newer.whole,
        cut=older.cut + newer.cut,
        limited=older.limited + newer.limited,
        limited_cut=older.limited_cut + newer.limited_cut,
        alarm=newer.alarm,
        anew=older.anew,
    )


def warned(before: Lengths, one: Lengths, summed: Lengths) -> Lengths:
    """Follows Page's sum; when it passes its threshold, only what comes from now on tells the lengths."""
    if not one.limited:
        return structs.replace(summed, alarm=before.alarm)
    alarm = max(0.0, before.alarm + (_CUT_STEP if one.limited_cut else _WHOLE_STEP))
    return Lengths(anew=True) if alarm >= _ALARM else structs.replace(summed, alarm=alarm)


def needed_tokens(lengths: Lengths) -> int | None:
    """The least limit that cuts at most `MOST_CUT` of the answers, with confidence; None while none is known.

    It is the upper edge of a sketch's bucket, so up to 4 % more than the answers say.
    """
    whole, cut = lengths.whole.counts, lengths.cut.counts
    left, longer = lengths.whole.count + lengths.cut.count, 1.0
    for bucket in sorted({*whole, *cut}):
        before = longer
        longer *= 1 - whole.get(bucket, 0) / left
        # Peto's effective number of answers: as many as would have shown this much, had none been cut.
        effective = left / before
        left -= whole.get(bucket, 0)
        if _most(longer, left / longer if longer > 0 else effective) <= MOST_CUT:
            return edge_of(bucket)
        left -= cut.get(bucket, 0)
        if left <= 0:
            return None
    return None


def _most(share: float, count: float) -> float:
    """The upper end of Wilson's interval (JASA, 1927) for a share of so many."""
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return (share + _Z**2 / (2 * count) + spread) / (1 + _Z**2 / count)
