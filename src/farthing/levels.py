"""The service levels of an open deployment: how it has met its targets since it opened, and a word when not.

Counts what attempts tell it, and logs on `farthing.levels` when a level is first missed, and when it is met
again. What a level is and whether it is met is `spend/targets.py`'s; the ledger's view of a period, over all
processes, is the report's.
"""

import logging
from collections.abc import Mapping

from farthing.clock import Clock
from farthing.config.schema import LatencyTarget, Scaling
from farthing.limits.permits import Permits
from farthing.spend.targets import Level, Loads, Times, Verdict, levels_of

log = logging.getLogger("farthing.levels")

_LOOK_S = 60.0
"""How often the levels are looked at for the log."""
_FEWEST = 100
"""Answers of a model before its levels are worth a word: a 99 % quantile of fewer is their longest."""
_MINUTE_S = 60.0


class ServiceLevels:
    """Use from one event loop. `targets` are by the ids that calls are sent to."""

    def __init__(
        self, targets: Mapping[str, LatencyTarget], scaling: Scaling, permits: Permits, clock: Clock
    ) -> None:
        self._targets, self._scaling, self._permits, self._clock = targets, scaling, permits, clock
        self._times: dict[str, Times] = {}
        self._agents: dict[str, int] = {}
        self._minute = self._in_minute = 0
        self._peak_minute = self._peak_agents = 0
        self._told: dict[tuple[str, str], Verdict] = {}
        self._look_at = clock.monotonic() + _LOOK_S

    def begin(self, agent: str) -> None:
        """An attempt has leave to be sent; `agent` is empty for a task of no agent."""
        minute = int(self._clock.monotonic() // _MINUTE_S)
        if minute != self._minute:
            self._minute, self._in_minute = minute, 0
        self._in_minute += 1
        self._peak_minute = max(self._peak_minute, self._in_minute)
        if agent:
            self._agents[agent] = self._agents.get(agent, 0) + 1
            self._peak_agents = max(self._peak_agents, len(self._agents))

    def end(self, agent: str) -> None:
        """It has ended, however."""
        if not agent:
            return
        self._agents[agent] -= 1
        if not self._agents[agent]:
            del self._agents[agent]

    def answered(self, model: str, latency_ms: float, first_token_ms: float | None) -> None:
        """An answer was accepted."""
        times = self._times.get(model)
        if times is None:
            times = self._times[model] = Times()
        times.whole.add(latency_ms)
        if first_token_ms is not None:
            times.first.add(first_token_ms)
        if self._clock.monotonic() >= self._look_at:
            self._look_at = self._clock.monotonic() + _LOOK_S
            self._tell()

    def now(self) -> tuple[Level, ...]:
        """Every target beside what was measured since opening."""
        loads = Loads(self._peak_minute, self._peak_agents, self._permits.deepest)
        levels = levels_of(self._targets, self._scaling, times_of=self._of, loads=loads)
        return (*levels, *self._free_pace())

    def _free_pace(self) -> tuple[Level, ...]:
        """The day's free requests, where they are spread over the day: missed while one must wait."""
        pace = self._permits.free_pace()
        if pace is None:
            return ()
        used, may_be = pace
        verdict: Verdict = "met" if used + 1 <= may_be else "missed"
        return (
            Level(of="free models", name="requests by now", target=may_be, measured=used, verdict=verdict),
        )

    def _of(self, model: str) -> Times:
        return self._times.get(model) or Times()

    def _tell(self) -> None:
        for level in self.now():
            name = (level.of, level.name)
            if level.of in self._targets and self._of(level.of).whole.count < _FEWEST:
                continue
            before = self._told.get(name, "met")
            if level.verdict in ("not shown", before):
                continue
            self._told[name] = level.verdict
            told = log.warning if level.verdict == "missed" else log.info
            told(
                "%s of %s is %s: %g, target %g",
                level.name,
                level.of,
                level.verdict,
                level.measured,
                level.target,
                extra={"of": level.of, "level": level.name, "verdict": level.verdict},
            )
