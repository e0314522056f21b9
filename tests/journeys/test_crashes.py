"""A working process is killed at random moments; `make crash-test` does this two hundred times."""

import pytest
from tests.journeys.crashes import run_all


@pytest.mark.timeout(300)  # some 15 s alone on two cores; the machine may be shared
async def test_what_a_killed_process_leaves_is_accounted_for() -> None:
    crashes = await run_all(4, seed=2, progress=False)
    assert {one.database for one in crashes} == {"sqlite", "postgresql"}
    assert [one.faults for one in crashes] == [()] * 4
    assert sum(one.calls for one in crashes) > 50
    assert sum(one.open_at_kill for one in crashes) > 0
    assert sum(one.by_id for one in crashes) > 0
