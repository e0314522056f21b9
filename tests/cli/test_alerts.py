"""`farthing alerts`: the list of a ledger, and a try of the channels."""

import asyncio
import json
import os
from pathlib import Path

from tests.cli.conftest import Command
from tests.spend.receiver import Receiver, receiving

from farthing.simulator.process import SimulatorProcess


def tried(farthing: Command, *statuses: int, as_json: bool = True) -> tuple[Receiver, int, str, str]:
    """`alerts test` while a receiver listens."""

    async def run() -> tuple[Receiver, int, str, str]:
        async with receiving(*statuses) as receiver:
            Path("farthing.json").write_text(
                json.dumps({"extends": "balanced", "alerts": {"webhooks": [f"{receiver.url}/SECRET"]}})
            )
            arguments = ["alerts", "test", "--config", "farthing.json", *(["--json"] if as_json else [])]
            said = await asyncio.to_thread(farthing, *arguments)
            return receiver, said.code, said.out, said.err

    return asyncio.run(run())


def test_a_test_reaches_every_channel_and_says_so(farthing: Command, tmp_path: Path) -> None:
    os.chdir(tmp_path)
    receiver, code, out, _ = tried(farthing)
    assert code == 0
    assert '"taken": true' in out
    assert "SECRET" not in out
    assert b'"test":true' in receiver.deliveries[0].body
    receiver, code, out, _ = tried(farthing, 500, as_json=False)
    assert code == 1
    assert "it answered 500" in out


def test_without_a_channel_there_is_nothing_to_try(farthing: Command) -> None:
    said = farthing("alerts", "test")
    assert (said.code, "no channel is configured" in said.err) == (1, True)


def test_alerts_are_listed_with_what_became_of_them(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    settings = tmp_path / "farthing.json"
    settings.write_text('{"extends": "balanced", "alerts": {"monthlyBudget": 0.0000001}}')
    assert farthing("run", "What is the time?", "--config", str(settings)).code == 0
    listed = farthing("alerts", "list", "--simulated", "--json").json
    assert [(one["level"], one["delivered"]) for one in listed] == [("critical", True), ("warning", True)]
    assert farthing("alerts", "list", "--simulated", "--undelivered", "--json").json == []
    people = farthing("alerts", "list", "--simulated")
    assert "deployment" in people.out
    assert "critical" in people.out
    assert "no alert waits" in farthing("alerts", "list", "--simulated", "--undelivered").err
