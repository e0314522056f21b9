"""A simulator in a process of its own, and the command line called in this one."""

import io
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from farthing.cli.main import main
from farthing.simulator.process import SimulatorProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def farthing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Calls the command line; `stdin` is piped in. Wide enough that nothing is broken over lines."""

    def call(*arguments: str, stdin: str = "") -> Said:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(arguments)
        out, err = capsys.readouterr()
        return Said(code=code, out=out, err=err)

    monkeypatch.setenv("COLUMNS", "200")
    return call


def received(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    """The chat requests that a simulator has received since its last reset."""
    return cast("list[dict[str, Any]]", simulator.call("GET", "/requests")["requests"])


@pytest.fixture(scope="session")
def shared_simulator() -> Generator[SimulatorProcess]:
    with SimulatorProcess(seed=5) as simulator:
        yield simulator


@pytest.fixture
def simulator(
    shared_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> Generator[SimulatorProcess]:
    """A healthy simulator with an empty bill, which the environment names in OpenRouter's place."""
    shared_simulator.call("POST", "/reset")
    monkeypatch.setenv("OPENROUTER_BASE_URL", shared_simulator.base_url)
    yield shared_simulator
    shared_simulator.call("POST", "/scenario", {})
