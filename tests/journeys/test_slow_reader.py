"""A reader that stands still stops upstream: its stream is neither gathered in memory nor broken."""

import asyncio
from pathlib import Path

from farthing.result import TaskFinished, TaskResult, TokenReceived
from farthing.simulator.process import ReplyUnderWay, SimulatorProcess
from farthing.testing import deployment_at

EVENTS, EVENT_BYTES = 3_000, 8_000
PACE = {"kind": "paced", "events": EVENTS, "per_second": 1_000_000, "event_bytes": EVENT_BYTES}


async def stopped(simulator: SimulatorProcess) -> ReplyUnderWay:
    """The reply under way, once upstream has had to stop and sends no more."""
    before: ReplyUnderWay | None = None
    async with asyncio.timeout(60):
        while True:
            (reply,) = await simulator.replies()
            if reply["blocked"] and before is not None and reply["bytes"] == before["bytes"]:
                return reply
            before = reply
            await asyncio.sleep(0.01)


async def test_a_reader_that_stands_still_stops_upstream_and_then_gets_all(tmp_path: Path) -> None:
    received, result = "", None
    async with SimulatorProcess() as simulator:
        await simulator.set_scenario({"rules": [{"fault": PACE}]})
        async with deployment_at(simulator.base_url, tmp_path) as deployment:
            async for event in deployment.stream_task("Tell what is due.", max_tokens=EVENTS):
                if isinstance(event, TokenReceived):
                    if not received:
                        reply = await stopped(simulator)
                        assert reply["events"] < EVENTS / 2
                    received += event.text
                elif isinstance(event, TaskFinished):
                    result = event.result
    assert isinstance(result, TaskResult)
    assert [attempt.status for attempt in result.attempts] == ["accepted"]
    assert len(received) == EVENTS * EVENT_BYTES
    assert received == result.output
