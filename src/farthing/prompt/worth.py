"""Whether leaving tokens out saves more than it costs, by dated prices and what is cached upstream. Pure.

A warm prefix is read at a part of its price: another prefix, though shorter, is paid in full once. Costs are
US dollars as Decimal; tokens are estimates.
"""

from decimal import Decimal
from typing import NamedTuple

from farthing.catalog.pricing import Rates

MOST_FURTHER_CALLS = 10


class Prompt(NamedTuple):
    """A conversation as it would be sent: all of it, and how much of its beginning was sent last time."""

    tokens: int
    known_tokens: int


def further_calls(answers: int) -> int:
    """How many calls are expected after this one: as many as there were, up to ten. A conversation at its
    beginning is not known to go on."""
    return min(answers, MOST_FURTHER_CALLS)


def cost_of(prompt: Prompt, rates: Rates, *, warm: bool, further: int) -> Decimal:
    """The input of this call and of the further ones that repeat it. Later calls find it cached where the
    model has a price for that; what they add is the same whatever was left out before."""
    read = rates.prompt if rates.cache_read is None else rates.cache_read
    fresh = rates.prompt if rates.cache_write is None else rates.cache_write
    known = prompt.known_tokens if warm else 0
    return read * known + fresh * (prompt.tokens - known) + read * further * prompt.tokens


def pays(before: Prompt, after: Prompt, rates: Rates, *, warm: bool, further: int, extra: Decimal) -> bool:
    """Whether `after` is cheaper than `before`, `extra` dollars included that making it costs."""
    shorter = cost_of(after, rates, warm=warm, further=further) + extra
    return after.tokens < before.tokens and shorter < cost_of(before, rates, warm=warm, further=further)
