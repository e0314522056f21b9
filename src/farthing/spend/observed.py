"""What the rows of some days say of how a deployment works: the material of `advice.py`. Pure.

Adds up in memory bounded by models, task types and conversations; proposes nothing and prices nothing.
"""

from dataclasses import dataclass, field

from msgspec import structs

from farthing.routing.experience import Ended, Experience, Record, Subject, after, experience_of
from farthing.routing.warmth import LEAST_TOKENS, WARM_S
from farthing.spend.runs import Call

_DAY_US = 86_400_000_000
_MOST_CONVERSATIONS = 20_000


@dataclass(slots=True)
class Returns:
    """Calls of a model that followed an earlier one of the same agent while a provider would have kept it."""

    calls: int = 0
    returned_tokens: int = 0
    """Input tokens that the call before had, too, at most."""
    cached_tokens: int = 0


@dataclass(slots=True)
class Observed:
    """The sums so far. Money is nano-dollars."""

    calls: int = 0
    cost: int = 0
    failed_cost: int = 0
    hedges: int = 0
    hedge_cost: int = 0
    """Of hedges and of the attempts that they overtook: what nobody read."""
    shortened_calls: int = 0
    shortened_tokens: int = 0
    shortened_input: int = 0
    """Input tokens of the calls whose prompt was shortened."""
    reused: int = 0
    first_us: int = 0
    last_us: int = 0
    returns: dict[str, Returns] = field(default_factory=dict[str, Returns])
    _records: dict[tuple[str, Subject], Record] = field(default_factory=dict[tuple[str, Subject], Record])
    _last: dict[tuple[str, str, str], tuple[int, int]] = field(
        default_factory=dict[tuple[str, str, str], tuple[int, int]]
    )

    def add(self, call: Call) -> None:
        """Calls come in the order of their intents; one that is still open says nothing yet."""
        outcome = call.outcome
        if outcome is None:
            return
        self.calls += 1
        self.first_us = min(self.first_us or call.at_us, call.at_us)
        self.last_us = max(self.last_us, call.at_us)
        key = (call.day, Subject(call.intent.task_type, call.intent.model))
        once = structs.replace(outcome, late=False)  # a call is seen once here, late or not
        self._records[key] = after(
            self._records.get(key) or Record(), Ended(call.day, call.intent, once, call.cost)
        )
        if call.cost is None:
            return
        self.cost += call.cost
        lost = not outcome.accepted
        self.failed_cost += call.cost if lost else 0
        self.hedges += call.intent.purpose == "hedge"
        if lost and (call.intent.purpose == "hedge" or outcome.reason.startswith("overtaken")):
            self.hedge_cost += call.cost
        if call.intent.shortened_tokens:
            self.shortened_calls += 1
            self.shortened_tokens += call.intent.shortened_tokens
            self.shortened_input += outcome.input_tokens
        self._follow(call, outcome.input_tokens, outcome.cached_tokens)

    def _follow(self, call: Call, input_tokens: int, cached_tokens: int) -> None:
        """Steps of one agent at one model, so near to each other that a provider keeps the beginning."""
        if call.run_id is None or call.intent.agent_id is None or input_tokens < LEAST_TOKENS:
            return
        key = (call.run_id, call.intent.agent_id, call.intent.model)
        before = self._last.pop(key, None)
        self._last[key] = (call.at_us, input_tokens)
        if len(self._last) > _MOST_CONVERSATIONS:
            del self._last[next(iter(self._last))]
        if before is None or call.at_us - before[0] > WARM_S * 1_000_000:
            return
        found = self.returns.setdefault(call.intent.model, Returns())
        found.calls += 1
        found.returned_tokens += min(before[1], input_tokens)
        found.cached_tokens += cached_tokens

    @property
    def days(self) -> float:
        """From the first call to the last, one day at the least: nothing is reckoned up from hours."""
        return max((self.last_us - self.first_us) / _DAY_US, 1.0)

    def experience(self) -> Experience:
        """What these calls teach of each model at each type of task."""
        return experience_of((day, subject, record) for (day, subject), record in self._records.items())
