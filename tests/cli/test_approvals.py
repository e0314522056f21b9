"""`farthing swarm approvals`, `approve` and `deny`: what waits, and a word from another process."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from farthing.storage.database import Database, sqlite_url
from farthing.swarm.agent import AgentSpec
from farthing.swarm.approvals import keep
from farthing.swarm.company import PendingApproval
from farthing.swarm.events import ApprovalAsked, ApprovalGiven
from farthing.swarm.tools import tool_from
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A database with three calls that wait, two of them with one id."""
    url = sqlite_url(tmp_path / "ledger.db")
    database = Database(url)
    for run_id, agent_id, call_id in (
        ("run-1", "coder-1", "c1"),
        ("run-1", "coder-2", "c1"),
        ("run-2", "coder-1", "c7"),
    ):
        keep(
            database,
            PendingApproval(
                run_id=run_id,
                piece=agent_id,
                agent_id=agent_id,
                call_id=call_id,
                tool="write",
                arguments='{"text": "\x1b[2Jx"}',
                asked_at=AT,
            ),
        )
    database.close()
    return url


def test_what_waits_is_listed(farthing: Command, ledger: str) -> None:
    said = farthing("swarm", "approvals", "--database", ledger)
    assert said.code == 0
    for words in ("run-1", "run-2", "coder-2", "c7", "write", "2026-11-23 12:00:00", "pending"):
        assert words in said.out
    assert "\x1b[2J" not in said.out
    told = farthing("swarm", "approvals", "run-2", "--json", "--database", ledger).json
    assert [(one["agent"], one["call"], one["state"]) for one in told] == [("coder-1", "c7", "pending")]
    assert "no call waits" in farthing("swarm", "approvals", "run-3", "--database", ledger).err


def test_a_word_is_kept_and_no_longer_asked_for(farthing: Command, ledger: str) -> None:
    said = farthing("swarm", "approve", "run-2", "c7", "--database", ledger)
    assert (said.code, "write of coder-1 is approved" in said.err) == (0, True)
    said = farthing(
        "swarm", "deny", "run-1", "c1", "--agent", "coder-2", "--note", "no", "--database", ledger
    )
    assert said.code == 0
    told = farthing("swarm", "approvals", "--all", "--json", "--database", ledger).json
    states = {(one["run_id"], one["agent"]): (one["state"], one["note"]) for one in told}
    assert states == {
        ("run-1", "coder-1"): ("pending", ""),
        ("run-1", "coder-2"): ("denied", "no"),
        ("run-2", "coder-1"): ("approved", ""),
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run-1", "c1"), "calls of coder-1, coder-2 have the id 'c1'"),
        (("run-1", "c9"), "no call 'c9' of run-1 waits for approval"),
        (("run-9", "c1"), "no call 'c1' of run-9 waits for approval"),
    ],
)
def test_what_does_not_wait_cannot_be_decided(
    farthing: Command, ledger: str, arguments: tuple[str, str], said: str
) -> None:
    done = farthing("swarm", "approve", *arguments, "--database", ledger)
    assert (done.code, said in done.err) == (6, True)


def test_a_run_that_waits_hears_of_it(farthing: Command, tmp_path: Path) -> None:
    written: list[str] = []

    def write(text: str) -> str:
        """Writes."""
        written.append(text)
        return "written"

    async def run() -> None:
        wire = {"id": "c1", "function": {"name": "write", "arguments": '{"text": "x"}'}}
        upstream = ScriptedUpstream([answer("", tool_calls=[wire]), "done", "all done"])
        async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
            spec = AgentSpec(type="coder", tools=[replace(tool_from(write), effects=True)])
            async for event in deployment.prepare_swarm([spec]).stream("goal"):
                if isinstance(event, ApprovalAsked):
                    url = sqlite_url(tmp_path / "ledger.db")
                    words = ("approve", event.approval.run_id, event.approval.call_id)
                    said = await asyncio.to_thread(farthing, "swarm", *words, "--database", url)
                    assert said.code == 0
                if isinstance(event, ApprovalGiven):
                    assert event.approved

    asyncio.run(run())
    assert written == ["x"]
