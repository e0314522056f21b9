"""What one exchange used and what that costs, from the raw prices.

Pure. The rules of law 17 in money.md: exact fractions, partial output when a call breaks off, fees
with one's own key, the zero-completion insurance, and overruns above every bound of the request.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from farthing.simulator.books import SimulatedModel
from farthing.simulator.request import Admitted
from farthing.simulator.shapes import whole
from farthing.simulator.tariff import Rates, Tokens, charge

BYOK_FEE = Fraction(5, 100)
"""OpenRouter's share when the provider bills the caller's own key."""
UNBOUNDED_TOKENS = 4096
"""Taken for a request without a bound."""
_ZERO = Fraction(0)
_EFFORT = {"minimal": 10, "low": 20, "medium": 50, "high": 80, "xhigh": 95}


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The money of one row: OpenRouter's part, the provider's part with one's own key, and both together."""

    openrouter: Fraction
    upstream: Fraction
    byok: bool

    @property
    def total(self) -> Fraction:
        return self.openrouter + self.upstream if self.byok else self.openrouter


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One exchange's full usage and its rates."""

    rates: Rates
    tokens: Tokens
    byok: bool = False

    def produced(self, output: int) -> Tokens:
        """The usage when only the first `output` tokens were made."""
        made = min(output, self.tokens.completion)
        return replace(self.tokens, completion=made, reasoning=min(made, self.tokens.reasoning))

    def price(self, tokens: Tokens) -> Priced:
        """The bill for this usage."""
        cost = charge(self.rates, tokens)
        if self.byok:
            return Priced(openrouter=cost * BYOK_FEE, upstream=cost, byok=True)
        return Priced(openrouter=cost, upstream=cost, byok=False)

    def insured(self) -> Priced:
        """The bill of a reply without output: no model tokens, only the fee per request."""
        fee = self.rates.get("request", _ZERO)
        return Priced(openrouter=fee, upstream=_ZERO, byok=self.byok)


def overrun_tokens(admitted: Admitted, rates: Rates, tokens: Tokens) -> Tokens:
    """Usage whose bill is above any bound drawn from the request; unchanged for a free model."""
    output = rates.get("completion", _ZERO)
    if not output:
        return tokens
    bound = admitted.body.bound or UNBOUNDED_TOKENS
    # The dearest reading of a prompt as long as the request's bytes with a generous template, paid as output.
    spare = (admitted.bytes + 1024) * admitted.model.tariff.dearest_input() / output
    return replace(tokens, completion=2 * bound + 1 + int(spare) + 1)


def reasoning_tokens(admitted: Admitted, rng: Random, bound: int | None) -> int:
    """Reasoning tokens of this call; 0 where the model has none or they are switched off."""
    asked = admitted.body.reasoning or {}
    effort = asked.get("effort")
    cap = whole(asked.get("max_tokens"))
    switched_off = asked.get("enabled") is False or effort == "none" or cap == 0
    wanted = (
        admitted.model.reasons_by_default
        or asked.get("enabled") is True
        or effort is not None
        or cap is not None
    )
    able = admitted.model.reasons_by_default or "reasoning" in admitted.model.supported
    if switched_off or not wanted or not able:
        return 0
    room = (bound or UNBOUNDED_TOKENS) - 1
    most = min(room, cap if cap is not None else room * _EFFORT.get(str(effort), 50) // 100, 1024)
    return rng.randint(most // 4, most) if most > 0 else 0


def output_bound(admitted: Admitted) -> int | None:
    """The most tokens the model makes: the caller's bound, its own, and what the context leaves."""
    model: SimulatedModel = admitted.model
    room = None if model.context_tokens is None else max(1, model.context_tokens - admitted.prompt_tokens)
    known = [bound for bound in (admitted.body.bound, model.max_output_tokens, room) if bound is not None]
    return min(known) if known else None
