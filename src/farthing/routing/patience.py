"""How long one attempt may wait: by the task's deadline, the settings, and the model's latency target. Pure.

A task has one deadline; these are its parts. While another model could be asked, an attempt that has not
begun to answer leaves it time: half of what is left, at most twice the target for 99 of 100 whole answers.
An answer that has begun is not given up for being long: only silence between its tokens ends it.
"""

from typing import NamedTuple

from farthing.config.schema import LatencyTarget
from farthing.config.upstreams import Upstream

_SHARE = 0.5
"""Of the time that is left, while another model could use the rest."""
_OVERDUE = 2.0
"""Times the 99 % target: a model that is so late misses it, and another is likely sooner."""
_LEAST_S = 0.001


class Patience(NamedTuple):
    """Seconds; see `upstream/deadline.py`, which holds them."""

    connect_s: float
    first_token_s: float
    between_tokens_s: float
    total_s: float


def patience(upstream: Upstream, target: LatencyTarget | None, *, left_s: float, another: bool) -> Patience:
    """`left_s` is what the task has left, `another` whether another model could be asked after this one."""
    left_s = max(left_s, _LEAST_S)
    begin_s = left_s
    if another:
        begin_s *= _SHARE
        if target is not None and target.p99:
            begin_s = min(begin_s, _OVERDUE * target.p99 / 1000)
    return Patience(
        connect_s=min(upstream.connect_timeout, begin_s),
        first_token_s=min(upstream.first_token_timeout, begin_s),
        between_tokens_s=min(upstream.between_tokens_timeout, left_s),
        # A reply that is not streamed shows nothing before its end, so its end is what is waited for.
        total_s=left_s if upstream.stream or not another else left_s * _SHARE,
    )
