"""Runs from the command line: begun, stopped by Ctrl-C, listed, resumed, replayed, cancelled, forgotten."""

import asyncio

import pytest
from tests.cli.conftest import Command, received

from farthing.deployment import Deployment
from farthing.simulator.process import SimulatorProcess
from farthing.swarm.agent import AgentSpec


def held(simulator: SimulatorProcess, nth: int) -> None:
    """The request of that number, counted from 1, waits."""
    rule = {"match": {"nth": nth}, "fault": {"kind": "slow_headers", "delay_s": 600}}
    simulator.call("POST", "/scenario", {"rules": [rule]})


async def reached(simulator: SimulatorProcess, requests: int) -> None:
    while len(await simulator.requests()) < requests:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.01)


async def begun(simulator: SimulatorProcess, *, requests: int) -> str:
    """A run that is stopped, as by Ctrl-C, when so many requests have come; its id."""
    held(simulator, requests)
    async with Deployment("budget") as deployment:
        specs = [AgentSpec(type="planner"), AgentSpec(type="analyst")]
        swarm = deployment.prepare_swarm(specs, goal="Plan a garden")
        running = asyncio.create_task(swarm.run())
        await reached(simulator, requests)
        swarm.cancel()
        await running
        return swarm.run_id


def test_a_stopped_run_is_listed_shown_and_resumed(farthing: Command, simulator: SimulatorProcess) -> None:
    run_id = asyncio.run(begun(simulator, requests=2))
    said = farthing("runs", "list", "--simulated")
    assert run_id in said.out
    assert "stopped" in said.out
    assert "Plan a garden" in said.out
    (told,) = farthing("runs", "list", "--simulated", "--state", "stopped", "--json").json
    assert (told["run_id"], told["state"], told["agents"], told["profile"]) == (
        run_id,
        "stopped",
        2,
        "budget",
    )
    shown = farthing("runs", "show", run_id[:9], "--simulated", "--json").json
    assert [(one["piece"], one["state"], len(one["steps"])) for one in shown["pieces"]] == [
        ("planner-1", "done", 1),
        ("analyst-1", "ready", 0),
    ]
    assert "farthing swarm resume" in farthing("runs", "show", run_id, "--simulated").out
    before = len(received(simulator))
    said = farthing("swarm", "resume", run_id)
    assert said.code == 0
    assert said.out.startswith("[simulated]")
    assert len(received(simulator)) == before + 2
    assert farthing("swarm", "resume", run_id).code == 6


def test_a_run_is_replayed_without_a_request(farthing: Command, simulator: SimulatorProcess) -> None:
    run_id = asyncio.run(begun(simulator, requests=2))
    before = len(received(simulator))
    said = farthing("runs", "replay", run_id, "--simulated")
    assert said.code == 0
    assert "planner-1: done by" in said.out
    assert "the journal ends at step 0 of analyst-1" in said.out
    assert "nothing was sent" in said.out
    told = farthing("runs", "replay", run_id, "--simulated", "--json").json
    assert [one["event"] for one in told] == ["agent_finished", "agent_failed", "swarm_finished"]
    assert len(received(simulator)) == before


def test_a_cancelled_run_cannot_be_resumed_and_its_texts_are_gone(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    run_id = asyncio.run(begun(simulator, requests=2))
    said = farthing("runs", "cancel", run_id, "--simulated")
    assert (said.code, f"{run_id} is cancelled" in said.err) == (0, True)
    said = farthing("swarm", "resume", run_id)
    assert (said.code, "is cancelled, and cannot be resumed" in said.err) == (6, True)
    assert "(forgotten)" in farthing("runs", "list", "--simulated").out
    said = farthing("runs", "replay", run_id, "--simulated")
    assert (said.code, "its journal was forgotten" in said.err) == (6, True)
    assert farthing("runs", "cancel", run_id, "--simulated").code == 6


async def test_a_run_of_another_process_is_cancelled_within_a_second_or_two(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    held(simulator, 1)
    async with Deployment("budget") as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="planner")], goal="Plan a garden")
        running = asyncio.create_task(swarm.run())
        await reached(simulator, 1)
        said = await asyncio.to_thread(farthing, "runs", "cancel", swarm.run_id, "--simulated")
        result = await running
    assert "is cancelled" in said.err
    assert result.stopped == "it was cancelled by another process"
    (told,) = farthing("runs", "list", "--simulated", "--json").json
    assert (told["state"], told["conductor"]) == ("cancelled", None)


def test_old_runs_are_forgotten(farthing: Command, simulator: SimulatorProcess) -> None:
    farthing("swarm", "run", "Plan a garden", "--agents", "planner")
    assert "0 runs forgotten" in farthing("runs", "prune", "--older-than", "1d", "--simulated").err
    assert farthing("runs", "prune", "--older-than", "soon", "--simulated").code == 1
    assert len(farthing("runs", "list", "--simulated", "--json").json) == 1


@pytest.mark.parametrize("command", ["show", "cancel", "replay"])
def test_a_run_that_is_not_there_is_told(
    command: str, farthing: Command, simulator: SimulatorProcess
) -> None:
    farthing("swarm", "run", "Plan a garden", "--agents", "planner")
    said = farthing("runs", command, "run-zzz", "--simulated")
    assert (said.code, "there is no run 'run-zzz'" in said.err) == (6, True)
    said = farthing("runs", "list", "--state", "gone", "--simulated")
    assert (said.code, "no state of a run" in said.err) == (6, True)
