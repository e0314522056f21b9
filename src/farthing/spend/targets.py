"""Latency and load against the service levels of the configuration: met, missed, or not shown. Pure.

`latencyTargets` are compared with the accepted answers of a model: `firstToken` with the median, `average`
with the mean, `p95` and `p99` with theirs. The targets of `scaling` are loads to stand: a peak that reached
one shows it, one that stayed below shows nothing. Queue depth is a bound; it leaves no trace in the ledger.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal, NamedTuple

import msgspec

from farthing.catalog.models import Catalog
from farthing.config.schema import DeploymentConfig, LatencyTarget, Scaling
from farthing.spend.latency import Durations
from farthing.spend.runs import Call

ALL_TYPES = "all"
_MINUTE_US = 60_000_000

Verdict = Literal["met", "missed", "not shown"]


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds; None where nothing was measured."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class LatencyLine(msgspec.Struct, frozen=True, kw_only=True):
    """The accepted answers of one model and task type (or `all`)."""

    model: str
    task_type: str
    calls: int
    latency: Quantiles
    first_token: Quantiles


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One target of the configuration beside what was measured."""

    of: str
    """A model, or `scaling`."""
    name: str
    target: float
    measured: float | None
    verdict: Verdict


def targets_by_id(config: DeploymentConfig, catalog: Catalog) -> dict[str, LatencyTarget]:
    """The latency targets by the ids that calls are sent to."""
    found: dict[str, LatencyTarget] = {}
    for name, target in config.latency_targets.items():
        model = catalog.find(name)
        found[name if model is None else model.id] = target
    return found


@dataclass(slots=True)
class Times:
    """How long accepted answers took, whole and to their first token."""

    whole: Durations = field(default_factory=Durations)
    first: Durations = field(default_factory=Durations)


class Loads(NamedTuple):
    """Peaks: calls begun in one minute, agents with a call on the wire, tasks in line (None: not known)."""

    requests_per_minute: int
    agents: int
    queue_depth: int | None


class Service:
    """Collects the latencies and the load of a period, call by call in the order of their intents."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], Times] = {}
        self._minute = self._in_minute = 0
        self._flying: list[tuple[int, str]] = []
        self._agents: dict[str, int] = {}
        self.peak_minute = self.peak_agents = self.peak_calls = 0
        """Calls begun in one minute; agents, and calls, on the wire at once."""

    def add(self, call: Call, ended_us: int | None) -> None:
        outcome = call.outcome
        if outcome is not None and outcome.accepted and outcome.latency_ms > 0:
            times = self._times.setdefault((call.intent.model, call.intent.task_type), Times())
            times.whole.add(outcome.latency_ms)
            if outcome.first_token_ms is not None:
                times.first.add(outcome.first_token_ms)
        self._count_minute(call.at_us)
        if outcome is not None and ended_us is not None:
            self._count_flying(call, _took_us(ended_us - call.at_us, outcome.latency_ms))

    def _count_minute(self, at_us: int) -> None:
        minute = at_us // _MINUTE_US
        if minute > self._minute:
            self._minute, self._in_minute = minute, 0
        self._in_minute += 1
        self.peak_minute = max(self.peak_minute, self._in_minute)

    def _count_flying(self, call: Call, took_us: int) -> None:
        while self._flying and self._flying[0][0] <= call.at_us:
            self._land(heappop(self._flying)[1])
        agent = f"{call.run_id}/{call.intent.agent_id}" if call.intent.agent_id else ""
        heappush(self._flying, (call.at_us + took_us, agent))
        if agent:
            self._agents[agent] = self._agents.get(agent, 0) + 1
        self.peak_calls = max(self.peak_calls, len(self._flying))
        self.peak_agents = max(self.peak_agents, len(self._agents))

    def _land(self, agent: str) -> None:
        if agent:
            self._agents[agent] -= 1
            if not self._agents[agent]:
                del self._agents[agent]

    def lines(self) -> tuple[LatencyLine, ...]:
        """By model and task type, each model's `all` first where it has several."""
        found: list[LatencyLine] = []
        for model in sorted({model for model, _ in self._times}):
            types = sorted(kind for name, kind in self._times if name == model)
            if len(types) > 1:
                found.append(_line(model, ALL_TYPES, self._of(model)))
            found += [_line(model, kind, self._times[model, kind]) for kind in types]
        return tuple(found)

    def levels(self, targets: Mapping[str, LatencyTarget], scaling: Scaling) -> tuple[Level, ...]:
        """Every target; `targets` are by the ids that calls were sent to."""
        loads = Loads(self.peak_minute, self.peak_agents, None)
        return levels_of(targets, scaling, times_of=self._of, loads=loads)

    def _of(self, model: str) -> Times:
        merged = Times()
        for (name, _), times in self._times.items():
            if name == model:
                merged.whole.merge(times.whole)
                merged.first.merge(times.first)
        return merged


def levels_of(
    targets: Mapping[str, LatencyTarget],
    scaling: Scaling,
    *,
    times_of: Callable[[str], Times],
    loads: Loads,
) -> tuple[Level, ...]:
    """Every target beside what was measured."""
    found: list[Level] = []
    for model, target in targets.items():
        line = _line(model, ALL_TYPES, times_of(model))
        pairs = {
            "first token": (target.first_token, line.first_token.p50),
            "average": (target.average, line.latency.mean),
            "p95": (target.p95, line.latency.p95),
            "p99": (target.p99, line.latency.p99),
        }
        found += [_bound(model, name, *pair) for name, pair in pairs.items()]
    reached = {
        "requests per minute": (scaling.target_requests_per_minute, loads.requests_per_minute),
        "concurrent agents": (scaling.target_concurrent_agents, loads.agents),
    }
    found += [_load(name, target, peak) for name, (target, peak) in reached.items() if target]
    if scaling.target_queue_depth:
        found.append(_bound("scaling", "queue depth", scaling.target_queue_depth, loads.queue_depth))
    return tuple(found)


def _took_us(kept_us: int, latency_ms: float) -> int:
    """How long a call was on the wire: a late bill ends its row, not the exchange."""
    return min(kept_us, int(latency_ms * 1000)) if latency_ms else kept_us


def _line(model: str, task_type: str, times: Times) -> LatencyLine:
    return LatencyLine(
        model=model,
        task_type=task_type,
        calls=times.whole.count,
        latency=_quantiles(times.whole),
        first_token=_quantiles(times.first),
    )


def _quantiles(times: Durations) -> Quantiles:
    return Quantiles(
        mean=times.mean_ms, p50=times.quantile(0.5), p95=times.quantile(0.95), p99=times.quantile(0.99)
    )


def _bound(of: str, name: str, target: int, measured: float | None) -> Level:
    verdict: Verdict = "not shown" if measured is None else "met" if measured <= target else "missed"
    return Level(of=of, name=name, target=target, measured=measured, verdict=verdict)


def _load(name: str, target: int, peak: int) -> Level:
    return Level(
        of="scaling",
        name=name,
        target=target,
        measured=peak,
        verdict="met" if peak >= target else "not shown",
    )
