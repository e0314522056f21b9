"""A swarm's process is killed at random moments and its run resumed; `make kill-test` is the long one."""

import pytest
from tests.journeys.killed_runs import prove_on


@pytest.mark.timeout(300)  # some 10 s alone on two cores; the machine may be shared
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_no_completed_step_is_done_or_paid_again(database: str) -> None:
    found = await prove_on(database, agents=12, kills=3, seed=3)
    assert found.faults == []
    assert (found.kills, found.in_commit) == (3, 1)
    assert (found.pieces, found.steps) == (13, 37)
    assert found.repeated > 0
