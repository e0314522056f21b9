"""Who is asked during a run: the person at the terminal, nobody, or nobody because all is allowed."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from farthing.cli.work.approvals import ApproveMode, Asking
from farthing.cli.work.team import run_goal
from farthing.swarm.agent import AgentSpec
from farthing.swarm.company import GO_ON, Approved, Decision, Denied, PendingApproval
from farthing.swarm.tools import tool_from
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on

ASKED = PendingApproval(
    run_id="run-1",
    piece="coder-1",
    agent_id="coder-1",
    call_id="c1",
    tool="write",
    arguments='{"text": "' + "x" * 3_000 + '\x1b[2J"}',
    asked_at=datetime(2026, 11, 23, tzinfo=UTC),
)


async def asked_on_terminal(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> tuple[Decision | bool | None, str]:
    out = Console(file=io.StringIO(), width=200)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    asking = Asking("ask", out, terminal=True)
    assert asking.on_approval is not None
    said = await asking.on_approval(ASKED)
    assert isinstance(out.file, io.StringIO)
    return said, out.file.getvalue()


@pytest.mark.parametrize(
    ("typed", "decision"),
    [("y\n", Approved()), ("n\n", Denied(note="the person said no")), ("what\ny\n", Approved()), ("", None)],
)
async def test_a_person_says_yes_or_no(
    monkeypatch: pytest.MonkeyPatch, typed: str, decision: Decision | None
) -> None:
    said, shown = await asked_on_terminal(monkeypatch, typed)
    assert said == decision
    assert "coder-1 wants to call write with" in shown
    assert "characters more)" in shown
    assert "\x1b[2J" not in shown


def test_without_a_terminal_nobody_is_asked_here() -> None:
    asking = Asking("ask", Console(file=io.StringIO()))
    assert (asking.on_approval, asking.on_pause) == (None, "wait")


@pytest.mark.parametrize(("mode", "written", "paused"), [("all", ["x"], False), ("never", [], True)])
async def test_a_run_allows_all_or_pauses(
    tmp_path: Path, mode: ApproveMode, written: list[str], paused: bool
) -> None:
    done: list[str] = []

    def write(text: str) -> str:
        """Writes."""
        done.append(text)
        return "written"

    wire = {"id": "c1", "function": {"name": "write", "arguments": '{"text": "x"}'}}
    upstream = ScriptedUpstream([answer("", tool_calls=[wire]), "done", "all done"])
    out = Console(file=io.StringIO(), width=200)
    spec = AgentSpec(type="coder", tools=[replace(tool_from(write), effects=True)])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await run_goal(deployment, [spec], "goal", progress=out, asking=Asking(mode, out))
    assert (done, result.paused) == (written, paused)
    assert isinstance(out.file, io.StringIO)
    assert f"farthing swarm approve {result.run_id} c1" in out.file.getvalue()


async def test_allowing_all_does_not_allow_circles() -> None:
    asking = Asking("all", Console(file=io.StringIO()))
    assert asking.on_approval is not None
    assert await asking.on_approval(ASKED) is True
    assert await asking.on_approval(replace(ASKED, tool=GO_ON)) is False
