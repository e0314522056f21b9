"""The simulator in the foreground: says what it is and how to use it, and stops when told."""

import json
import signal
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.spawned import ended, spawn


def test_it_says_how_to_use_it_and_serves(tmp_path: Path) -> None:
    process = spawn("simulator", "--time-scale", "0", home=tmp_path)
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended"
    exports = [line.split("=", 1) for line in lines if line.startswith("export ")]
    assert "simulator" in lines[0]
    assert [name for name, _ in exports] == ["export OPENROUTER_BASE_URL", "export OPENROUTER_API_KEY"]
    given = {name.split()[1]: value.strip() for name, value in exports}
    code, out, err = ended(spawn("run", "Hello", "--json", home=tmp_path, **given))
    assert (code, json.loads(out)["simulated"]) == (0, True), err
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 0


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    first = spawn("simulator", "--json", home=tmp_path)
    assert first.stdout is not None
    port = json.loads(first.stdout.readline())["base_url"].rpartition(":")[2].split("/")[0]
    code, _, err = ended(spawn("simulator", "--port", port, home=tmp_path))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err
    first.send_signal(signal.SIGTERM)
    assert ended(first)[0] == 0


def test_a_wrong_scenario_is_told(farthing: Command) -> None:
    assert farthing("simulator", "--faults", "/no/such.json").code == 2
