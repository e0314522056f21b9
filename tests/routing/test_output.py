"""Which limit an answer gets: the task's, the configuration's, or the learned one."""

import pytest

from farthing.config.optimizing import Optimization, OutputControl
from farthing.routing.output import EXPLORED, limit_of
from farthing.task import Task, Tool

LEARNING = Optimization(output_control=OutputControl(learned_limits=True))
ASKED = Task(description="What is a ledger?")
TOOL = Tool(name="search", description="", parameters={"type": "object"})


@pytest.mark.parametrize(
    ("task", "settings", "needed", "draw", "expected"),
    [
        pytest.param(ASKED, LEARNING, 400, 0.5, (400, "learned"), id="learned"),
        pytest.param(ASKED, LEARNING, 90, 0.5, (256, "learned"), id="not below minOutputTokens"),
        pytest.param(ASKED, LEARNING, 2_000, 0.5, (1024, "default"), id="not above maxOutputTokens"),
        pytest.param(ASKED, LEARNING, None, 0.5, (1024, "default"), id="not known"),
        pytest.param(ASKED, LEARNING, 400, EXPLORED / 2, (1024, "default"), id="explored"),
        pytest.param(ASKED, Optimization(), 400, 0.5, (1024, "default"), id="off"),
        pytest.param(
            Task(description="x", max_tokens=50), LEARNING, 400, 0.5, (50, "task"), id="the task's own"
        ),
        pytest.param(
            Task(description="x", tools=(TOOL,)), LEARNING, 400, 0.5, (1024, "configured"), id="tools"
        ),
        pytest.param(
            Task(description="x", response_format={"type": "json_object"}),
            LEARNING,
            400,
            0.5,
            (1024, "configured"),
            id="a schema",
        ),
        pytest.param(
            Task(description="x", options={"reasoning": {"max_tokens": 200}}),
            LEARNING,
            400,
            0.5,
            (1024, "configured"),
            id="reasoning",
        ),
    ],
)
def test_the_limit_and_its_basis(
    task: Task, settings: Optimization, needed: int | None, draw: float, expected: tuple[int, str]
) -> None:
    limit = limit_of(task, settings, needed=needed, draw=draw)
    assert (limit.max_tokens, limit.basis) == expected
    assert limit.reason
