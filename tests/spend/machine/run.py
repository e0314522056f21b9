"""Runs the machine for so many examples of so many steps."""

from typing import TypedDict

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.spend.machine.machine import LedgerMachine
from tests.spend.machine.stage import Stage


class Budget(TypedDict):
    """How much is played."""

    examples: int
    steps: int
    from_seed: int | None
    shrink: bool


BUDGET = Budget(examples=40, steps=25, from_seed=7, shrink=False)
"""What a mutant must be found in: the same examples each time."""


def run(stage: Stage, *, examples: int, steps: int, from_seed: int | None, shrink: bool = True) -> None:
    """Raises what the machine found, shrunk to few steps. `from_seed` None: other examples each time."""

    class Played(LedgerMachine):
        pass

    Played.stage = stage
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        phases=phases,
        print_blob=shrink,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    factory = Played if from_seed is None else seed(from_seed)(Played)
    run_state_machine_as_test(factory, settings=chosen)
