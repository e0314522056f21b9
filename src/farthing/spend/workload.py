"""What a month of work is: tokens, agents, the mix of task types; and each profile's typical month. Pure.

Typical mixes and samples were fitted to the tutorial's *Key Results* (docs/02-cost-analysis.md shows how);
the volumes are what its baselines of $83.33, $300 and $625 buy on Claude 3.5 Sonnet at 5 tokens in to 1 out.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from farthing.errors import InvalidTaskError, nearest
from farthing.task import TASK_TYPES, TaskType


class UsageProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A month of work. `task_distribution` is fractions that add up to 1; None is the profile's typical mix.

    `baseline_sample` is the fraction of the traffic that is also sent to the baseline model, to compare.
    Raises `InvalidTaskError` for what no month can be.
    """

    input_tokens_per_month: int
    output_tokens_per_month: int
    agent_count: int = 1
    task_distribution: Mapping[TaskType, float] | None = None
    baseline_sample: float = 0.0

    def __post_init__(self) -> None:
        for name in ("input_tokens_per_month", "output_tokens_per_month"):
            value: int = getattr(self, name)
            if value < 0:
                raise InvalidTaskError(f"{name} is {value}; give 0 or more")
        if self.agent_count < 1:
            raise InvalidTaskError(f"agent_count is {self.agent_count}; give at least 1")
        if not 0 <= self.baseline_sample <= 1:
            raise InvalidTaskError(f"baseline_sample is {self.baseline_sample}; give a fraction from 0 to 1")
        if self.task_distribution is not None:
            shares_of(self.task_distribution)


class Typical(msgspec.Struct, frozen=True, kw_only=True):
    """The month that a profile is made for."""

    input_tokens: int
    output_tokens: int
    mix: Mapping[TaskType, float]
    baseline_sample: float

    def usage(self, *, agent_count: int = 1) -> UsageProfile:
        return UsageProfile(
            input_tokens_per_month=self.input_tokens,
            output_tokens_per_month=self.output_tokens,
            agent_count=agent_count,
            task_distribution=self.mix,
            baseline_sample=self.baseline_sample,
        )


_MIXED: Mapping[TaskType, float] = {"coding": 0.40, "general": 0.40, "analysis": 0.20}
_TYPICAL: Mapping[str, Typical] = {
    "budget": Typical(input_tokens=13_888_333, output_tokens=2_777_667, mix=_MIXED, baseline_sample=0.0),
    "balanced": Typical(
        input_tokens=50_000_000, output_tokens=10_000_000, mix=_MIXED, baseline_sample=0.0125
    ),
    "premium": Typical(
        input_tokens=104_166_667,
        output_tokens=20_833_333,
        mix={"coding": 0.40, "general": 0.25, "analysis": 0.15, "structured": 0.20},
        baseline_sample=0.075,
    ),
}


def typical(profile: str) -> Typical:
    """The typical month of a packaged profile; `balanced`'s for any other."""
    return _TYPICAL.get(profile.removesuffix("-2026"), _TYPICAL["balanced"])


def shares_of(mix: Mapping[TaskType, float]) -> dict[TaskType, Decimal]:
    """The mix as exact shares. Raises `InvalidTaskError` for an unknown type or a sum that is not 1."""
    shares: dict[TaskType, Decimal] = {}
    for kind, share in mix.items():
        if kind not in TASK_TYPES:
            near = nearest(kind, TASK_TYPES)
            raise InvalidTaskError(
                f"{kind!r} is no task type; nearest is {near!r} of {', '.join(TASK_TYPES)}"
            )
        if share < 0:
            raise InvalidTaskError(f"the share of {kind} is {share}; give a fraction from 0 to 1")
        if share:
            shares[kind] = Decimal(str(share))
    whole = sum(shares.values(), Decimal(0))
    if abs(whole - 1) > Decimal("0.000001"):
        raise InvalidTaskError(f"the shares of the task types add up to {whole} and not to 1")
    return shares
