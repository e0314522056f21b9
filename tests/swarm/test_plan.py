"""What the tasks of a run carry: each agent's session."""

import pytest

from farthing.swarm.plan import session_of
from farthing.task import LONGEST_SESSION_ID, Task


def test_a_session_is_the_runs_and_the_agents() -> None:
    assert session_of("run-1", "coder-2") == "run-1:coder-2"


@pytest.mark.parametrize("agent", ["a" * 300, "line\nbreak", "nul\0"])
def test_what_openrouter_would_refuse_is_told_by_its_digest(agent: str) -> None:
    session = session_of("run-1", agent)
    assert session.startswith("run-1:")
    assert len(session) <= LONGEST_SESSION_ID
    assert session == session_of("run-1", agent) != session_of("run-1", f"{agent}b")
    assert Task(description="x", session_id=session).session_id == session
