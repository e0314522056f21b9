"""The simulator as a child process: started, asked, stopped, and never left behind."""

import os
import socket
import subprocess
import sys
from inspect import getfile
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest

from farthing.simulator.__main__ import main, scenario_named
from farthing.simulator.books import packaged_shelf
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess

ASK = {
    "model": "deepseek/deepseek-chat",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "Hello"}],
}


async def _chat(simulator: SimulatorProcess) -> int:
    headers = {"Authorization": "Bearer sk-or-test"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{simulator.base_url}/chat/completions", json=ASK) as response,
    ):
        await response.read()
        return response.status


async def test_it_serves_and_answers_control_calls() -> None:
    async with SimulatorProcess(seed=3) as simulator:
        assert (simulator.book, simulator.base_url.endswith("/api/v1")) == ("2025-10-07/tutorial", True)
        assert await _chat(simulator) == 200
        await simulator.set_scenario({"rules": [{"fault": "rate_limit"}]})
        assert await _chat(simulator) == 429
        with pytest.raises(SimulatorFailedError, match="rulez"):
            await simulator.set_scenario({"rulez": []})
        await simulator.idle()
        assert [entry["model"] for entry in await simulator.requests()] == ["deepseek/deepseek-chat"] * 2
        assert (await simulator.bill())["count"] == 1
        assert await simulator.release() == 0
        await simulator.reset()
        assert (await simulator.stats())["chat_requests"] == 0
        pid = simulator.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_models_that_are_served_and_not_listed(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_bytes(msgspec.json.encode([{"id": "acme/brand-new", "context_length": 1000}]))
    async with SimulatorProcess(unlisted=rows) as simulator, aiohttp.ClientSession() as session:
        async with session.get(f"{simulator.base_url}/models") as response:
            listed = [row["id"] for row in (await response.json())["data"]]
        headers = {"Authorization": "Bearer sk-or-test"}
        asked = {**ASK, "model": "acme/brand-new"}
        url = f"{simulator.base_url}/chat/completions"
        async with session.post(url, json=asked, headers=headers) as response:
            assert response.status == 200
    assert "deepseek/deepseek-chat" in listed
    assert "acme/brand-new" not in listed
    rows.write_text("{}")
    with pytest.raises(SimulatorFailedError, match="give a JSON list of rows"):
        SimulatorProcess(unlisted=rows).start()


def test_it_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-secret")
    with SimulatorProcess() as simulator:
        environment = Path(f"/proc/{simulator.pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show a process's environment")
        assert b"sk-or-secret" not in environment.read_bytes()


def test_it_ends_with_its_parent() -> None:
    program = (
        "import os\n"
        "from farthing.simulator.process import SimulatorProcess\n"
        "simulator = SimulatorProcess().start()\n"
        "print(simulator.base_url, flush=True)\n"
        "input()\n"
        "os._exit(1)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(getfile(SimulatorProcess)).parents[2])}
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        line: bytes = parent.stdout.readline()
        address = urlsplit(line.decode())
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as held:
            parent.communicate(b"\n")
            assert parent.returncode == 1
            # Only the simulator's end closes this connection; the deadline fails the test.
            try:
                received = held.recv(1)
            except ConnectionResetError:
                received = b""
            assert received == b""


def test_a_wrong_option_says_why() -> None:
    with pytest.raises(SimulatorFailedError, match="give none, demo, or a JSON file"):
        SimulatorProcess(faults="nowhere.json").start()


def test_scenario_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_bytes(msgspec.json.encode({"overrun_rate": 0.5}))
    assert scenario_named(str(file), seed=1).overrun_rate == 0.5
    file.write_text("{", encoding="utf-8")
    assert main(["--faults", str(file)]) == 2


@pytest.mark.parametrize("book", ["tutorial", "snapshot"])
def test_the_packaged_books_are_read(book: str) -> None:
    shelf = packaged_shelf(book)
    assert len(shelf.models) >= 7
    assert (shelf.book == "2025-10-07/tutorial") == (book == "tutorial")
