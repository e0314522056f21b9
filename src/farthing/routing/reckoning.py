"""What a candidate's accepted answer is expected to cost: not its price, but what it takes to get one.

Pure. Decides the expected cost per accepted answer, by which `cheapest_good_enough` orders its candidates.
What the ledger teaches is `experience.py`'s, prices are the catalogue's.

**The formula.** A call takes `t` dollars for its expected tokens, cached input at its own rate, and `x` more
of that in repairs, continuations and hedges. It is accepted with probability `p`; a failed attempt is billed
the fraction `b` of the same (an unusable answer whole, an error not at all). One attempt so costs

    c = t (1 + x) (p + b (1 - p))

**The order.** Candidates are tried one after another until an answer is accepted. Of two neighbours i, j the
sequence that begins with i costs c_i + (1 - p_i) c_j, the other c_j + (1 - p_j) c_i; what comes behind both
is reached equally often. So i belongs before j exactly when c_i / p_i < c_j / p_j: ordered by c / p the
sequence is the cheapest there is (Smith's rule, by exchange of neighbours). c / p is also what an
accepted answer is expected to cost when one candidate is asked until it answers:

    c / p = t (1 + x) (1 + b (1 - p) / p)

It grows with every failure, billed or not, so a failing model never moves up.

**Few observations.** Every share is drawn to a prior as if that had been seen `PRIOR` times: a model's to its
task type's, the type's to a default (`experience.py`). So a model that was never asked is taken to be as good
and as long-winded as others are at that type, and is tried as soon as its price makes it the cheapest: price
explores, and nothing is tried at random. One that failed is asked again when its failures leave the window.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from farthing.catalog.pricing import Price, computed_cost
from farthing.result import Reckoned
from farthing.routing.experience import DEFAULT_ACCEPTED, PRIOR, Experience, Record
from farthing.task import Usage

_BILLED = 0.5
"""The fraction of a failed attempt's cost that is expected to be billed where nothing is known."""
_LEAST_ACCEPTED = 0.01
_PLACES = 9


def reckon(
    price: Price | None,
    experience: Experience,
    *,
    task_type: str,
    model: str,
    input_tokens: int,
    output_tokens: int,
    max_tokens: int,
    now: datetime,
) -> Reckoned:
    """The figures of one candidate. `output_tokens` is expected where the ledger knows nothing."""
    if not (
        experience.records or experience.types
    ):  # nothing is known of anything: the defaults, without a look at each
        usage = Usage(input_tokens=input_tokens, output_tokens=min(output_tokens, max_tokens))
        cost = None if price is None else computed_cost(price, usage, at=now)
        return Reckoned(
            usage=usage,
            accepted=DEFAULT_ACCEPTED,
            billed=_BILLED,
            extra=0.0,
            observations=0,
            basis="default",
            cost=cost,
            cost_per_answer=None if cost is None else cost * _DEFAULT_FACTOR,
        )
    found = experience.expected(task_type, model, output_tokens=output_tokens)
    made = Reckoned(
        usage=Usage(
            input_tokens=input_tokens,
            output_tokens=min(round(found.output_tokens), max_tokens),
            cached_tokens=int(found.cached * input_tokens),
        ),
        accepted=max(min(found.accepted, 1.0), _LEAST_ACCEPTED),
        billed=billed_of(experience.record(task_type, model)),
        extra=max(found.extra_cost, 0.0),
        observations=found.observations,
        basis=found.basis,
    )
    return made if price is None else priced(made, computed_cost(price, made.usage, at=now))


def priced(made: Reckoned, cost: Decimal) -> Reckoned:
    """The figures with what one call is expected to cost, in US dollars."""
    factor = _factor(made.accepted, made.billed, made.extra)
    return structs.replace(made, cost=cost, cost_per_answer=cost * factor)


def _factor(p: float, b: float, x: float) -> Decimal:
    """By how much an accepted answer costs more than a call."""
    return Decimal(repr(round((1 + x) * (1 + b * (1 - p) / p), _PLACES)))


def billed_of(record: Record) -> float:
    """The fraction of failed attempts that were answers nobody could use: those are billed whole."""
    return (record.invalid + PRIOR * _BILLED) / (record.invalid + record.failed + PRIOR)


def sequence_cost(candidates: Sequence[Reckoned]) -> Decimal | None:
    """US dollars for one accepted answer when these are tried in order, and all anew if none answers.

    None where a cost is not known. The sum of each one's cost times the chance that it is reached, over the
    chance that any of them answers.
    """
    reached, spent = 1.0, Decimal(0)
    for one in candidates:
        if one.cost_per_answer is None:
            return None
        spent += one.cost_per_answer * Decimal(repr(round(reached * one.accepted, _PLACES)))
        reached *= 1 - one.accepted
    return spent / Decimal(repr(round(1 - reached, _PLACES))) if candidates else None


_DEFAULT_FACTOR = _factor(DEFAULT_ACCEPTED, _BILLED, 0.0)
