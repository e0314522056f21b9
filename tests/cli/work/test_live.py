"""What a board makes of a swarm's events."""

from decimal import Decimal
from pathlib import Path

from rich.console import Console

from farthing.cli.work.live import Board
from farthing.swarm.agent import AgentSpec
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure


def drawn(board: Board) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as captured:
        console.print(board.table())
    return captured.get()


async def test_a_run_from_its_first_event_to_its_last(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(429, retry_after=2), answer("plan"), answer("all")])
    board = Board(simulated=True, clock=lambda: 0.0)
    lines: list[str] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="planner")])
        async for event in swarm.stream("A [goal]\x1b[2J"):
            line = board.apply(event)
            if line is not None:
                lines.append(line)
    table = drawn(board)
    assert "A [goal][2J" in table
    for words in ("planner-1", "synthesis", "done 0.0 s", "after rate_limited 429", "simulated"):
        assert words in table
    said = "\n".join(lines)
    assert "planner-1: rate_limited 429, retry after 2 s on meta-llama/llama-3.3-70b-instruct" in said
    assert "analysis maps to primary" in said
    assert f"{swarm.run_id}: 1 agents" in said


async def test_a_failed_agent_is_told_with_its_error(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(401)])
    board = Board(simulated=True, clock=lambda: 0.0)
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="planner")])
        said = [board.apply(event) async for event in swarm.stream("goal")]
    assert any(line and "planner-1: failed:" in line for line in said)
    assert "failed 0.0 s" in drawn(board)


def test_stopping_is_shown() -> None:
    board = Board(simulated=False, clock=lambda: 0.0)
    board.stopping()
    assert "stopping" in drawn(board)


async def test_agents_that_are_asked_have_a_line_and_their_cost_is_counted_once(tmp_path: Path) -> None:
    call = {"id": "a", "function": {"name": "ask_researcher", "arguments": '{"task": "which?"}'}}
    upstream = ScriptedUpstream(
        [
            answer("", tool_calls=[call], cost="0.0001"),
            answer("this", cost="0.0002"),
            answer("so", cost="0.0001"),
            answer("all", cost="0.0001"),
        ]
    )
    board = Board(simulated=True, clock=lambda: 0.0)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="coder", delegates=["researcher"])])
        lines = [board.apply(event) async for event in swarm.stream("goal")]
    assert "  coder-1 asks coder-1/ask_researcher-1: which?" in lines
    assert "coder-1/ask_researcher-1" in drawn(board)
    assert "$0.000500 so far" in drawn(board)
    assert swarm.total_cost == Decimal("0.0005")
