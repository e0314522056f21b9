"""What one ended attempt cost, by which evidence. Pure; money.md laws 7 and 8.

Reported beats computed beats uncertain. A known generation id is asked for before anything is computed:
`/generation` is the bill. Nothing here is ever silently zero.
"""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import structs

from farthing.catalog.pricing import Price, computed_nano
from farthing.money import nano_half_even
from farthing.result import CostBasis
from farthing.spend.ledger import Outcome
from farthing.task import Completion, Usage
from farthing.upstream.failure import Failure


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cost, in nano-dollars, with its evidence."""

    nano: int
    basis: CostBasis
    usage: Usage = msgspec.field(default_factory=Usage)
    literal: str | None = None


class Ask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The bill must be asked for by its generation id; `estimate` is the best figure until then."""

    generation_id: str
    estimate: Known | None


class Unknown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes were written and nothing came back to ask by: the worst case stays, uncertain."""


Settlement = Known | Ask | Unknown


def settlement_of(
    answer: Completion | Failure, *, price: Price | None, at: datetime, has_bills: bool = True
) -> Settlement:
    """How an attempt that ended this way is settled. `has_bills`: its upstream knows `/generation`."""
    if isinstance(answer, Failure) and (answer.rejected or not answer.sent):
        return Known(nano=0, basis="computed")
    usage = answer.usage or Usage()
    reported = _reported(answer.cost, answer.cost_literal, usage, price)
    if reported is not None:
        return reported
    estimate = None
    if answer.usage is not None and price is not None and (price.is_free or _is_evidence(answer, usage)):
        estimate = Known(nano=computed_nano(price, usage, at=at), basis="computed", usage=usage)
    if answer.generation_id is not None and has_bills:
        return Ask(generation_id=answer.generation_id, estimate=estimate)
    return estimate or Unknown()


def _is_evidence(answer: Completion | Failure, usage: Usage) -> bool:
    """Whether its usage can be the whole of what was used.

    No request is without input, and no text without output: a count that is absent, or was none, reads as 0.
    """
    brought = answer.text or (isinstance(answer, Completion) and answer.tool_calls)
    return usage.input_tokens > 0 and (usage.output_tokens > 0 or not brought)


def billed(cost: Decimal, literal: str | None, usage: Usage) -> Known:
    """A cost that the provider's bill states."""
    return Known(nano=nano_half_even(cost), basis="reported", usage=usage, literal=literal)


def _reported(cost: Decimal | None, literal: str | None, usage: Usage, price: Price | None) -> Known | None:
    """The stated cost, unless it is a zero for tokens that are not free: that is no evidence."""
    if cost is None:
        return None
    suspicious = cost == 0 and usage.total_tokens > 0 and not (price is not None and price.is_free)
    return None if suspicious else billed(cost, literal, usage)


def baseline_nano(
    price: Price | None, usage: Usage | None, *, at: datetime, extends: bool = False
) -> int | None:
    """What the baseline model would have cost for the same tokens, nano-dollars; None where it is unknown.

    `extends`: it went on from a cut answer. It sent the prompt again, which saves nothing: its output counts.
    """
    if price is None or usage is None:
        return None
    if extends:
        usage = Usage(output_tokens=usage.output_tokens, reasoning_tokens=usage.reasoning_tokens)
    return computed_nano(price, usage, at=at)


def settled(outcome: Outcome, known: Known) -> Outcome:
    """The outcome with a known cost."""
    return structs.replace(
        outcome, cost=known.nano, basis=known.basis, literal=known.literal, usage=known.usage
    )
