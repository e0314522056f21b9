"""How long a simulated model takes: log-normal times fitted to the tutorial's latency table.

Pure: the generator is an argument. The table states targets ("<4s"), so the fit puts P95 and P99 at nine
tenths of them; the average then stays under its target by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from random import Random

_HEADROOM = 0.9
_Z95, _Z99 = 1.6449, 2.3263
_FIRST_SPREAD = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """One line of the table, in seconds."""

    first_s: float
    average_s: float
    p95_s: float
    p99_s: float


TABLE: Mapping[str, Targets] = {
    "deepseek": Targets(first_s=0.4, average_s=2.5, p95_s=4.0, p99_s=6.0),
    "llama": Targets(first_s=0.5, average_s=3.0, p95_s=5.0, p99_s=8.0),
    "qwen": Targets(first_s=0.45, average_s=2.8, p95_s=4.5, p99_s=7.0),
    "mistral": Targets(first_s=0.4, average_s=2.5, p95_s=4.0, p99_s=6.0),
}
"""By a word of the model's id."""
OTHERS = Targets(first_s=0.6, average_s=3.5, p95_s=6.0, p99_s=9.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the first token and the last one come, in seconds after the request."""

    first_s: float
    total_s: float


INSTANT = Timing(first_s=0.0, total_s=0.0)


def targets_for(model: str) -> Targets:
    """The table's line for a model, or the one for all others."""
    return next((targets for word, targets in TABLE.items() if word in model), OTHERS)


def draw_timing(model: str, rng: Random, *, time_scale: float) -> Timing:
    """The times of one call. A time scale of 0 is no waiting at all."""
    if time_scale <= 0:
        return INSTANT
    targets = targets_for(model)
    sigma = log(targets.p99_s / targets.p95_s) / (_Z99 - _Z95)
    total = rng.lognormvariate(log(_HEADROOM * targets.p95_s) - _Z95 * sigma, sigma)
    # First token: 95 % under the target.
    first = targets.first_s * _HEADROOM * exp(_FIRST_SPREAD * (rng.gauss(0, 1) - _Z95))
    return Timing(first_s=min(first, total) * time_scale, total_s=total * time_scale)
