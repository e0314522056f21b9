"""Which fault a request meets: scripted rules first, then the random ones.

Counts matching requests, so it has state; the generator is an argument. What a fault does to the answer is
`staging.py`'s.
"""

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.scenario import Fault, Match, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule can look at."""

    model: str
    text: str
    role: str | None
    stream: bool
    provider: str = ""
    """Who would serve it; empty where no rule asks."""


class FaultDesk:
    """Hands out faults for one scenario, counting matches and firings per rule."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.looks_at_providers = any(rule.match.provider for rule in scenario.rules)
        self._matched = Counter[int]()
        self._fired = Counter[int]()

    def choose(self, seen: Seen, rng: Random) -> Fault | None:
        """The fault for this request. Every rule counts every request that meets its conditions."""
        chosen: Fault | None = None
        for index, rule in enumerate(self.scenario.rules):
            if not _meets(rule.match, seen):
                continue
            self._matched[index] += 1
            spent = rule.times is not None and self._fired[index] >= rule.times
            if chosen is None and not spent and _due(rule.match, self._matched[index]):
                self._fired[index] += 1
                chosen = rule.fault
        drawn = rng.random() < self.scenario.random_rate
        if chosen is None and drawn and self.scenario.random_faults:
            chosen = rng.choice(self.scenario.random_faults)
        return chosen


def refusal(fault: Fault) -> Condition | None:
    """The refusal that a fault is, or None when it lets the answer begin."""
    if fault.kind == "status":
        metadata = {"limit_source": fault.limit_source} if fault.limit_source else {}
        condition = Condition(
            status=fault.status,
            message="As the scenario says.",
            error_type=fault.error_type,
            availability=fault.availability,
            metadata=metadata,
            page=fault.status in {524, 529} or 520 <= fault.status < 530,
        )
    elif fault.kind in CONDITIONS:
        condition = CONDITIONS[fault.kind]
    else:
        return None
    if fault.message is not None:
        condition = replace(condition, message=fault.message)
    if fault.retry_after is not None:
        condition = replace(condition, retry_after=fault.retry_after or None)
    return condition


def _meets(match: Match, seen: Seen) -> bool:
    return (
        (match.model is None or match.model == seen.model)
        and (match.contains is None or match.contains in seen.text)
        and (match.role is None or match.role == seen.role)
        and (match.stream is None or match.stream == seen.stream)
        and (match.provider is None or match.provider == seen.provider)
    )


def _due(match: Match, count: int) -> bool:
    if match.nth is not None and count != match.nth:
        return False
    return match.every is None or count % match.every == 0
