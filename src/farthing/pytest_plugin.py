"""Fixtures for tests of your own agents, which pytest finds by itself where Farthing is installed.

    def test_it_answers(farthing_deployment):
        with farthing_deployment as deployment:
            assert deployment.execute_task_sync("What is a ledger?").output

A real HTTP simulator answers; no key, no network, no cost. This module imports Farthing only when a fixture
is asked for, so that it costs other test runs nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from farthing.config.load import Source
    from farthing.deployment import Deployment
    from farthing.simulator.process import SimulatorProcess

_NO_FAULTS = {"overrun_rate": 0, "missing_cost_rate": 0}


@pytest.fixture(scope="session")
def _farthing_simulator_process() -> "Iterator[SimulatorProcess]":
    from farthing.simulator.process import SimulatorProcess

    with SimulatorProcess(seed=1, time_scale=0.0) as simulator:
        yield simulator


@pytest.fixture
def farthing_simulator(_farthing_simulator_process: "SimulatorProcess") -> "SimulatorProcess":
    """A simulator without latencies and faults, as good as new: its bill, requests and scenario are empty.

    `farthing_simulator.call("POST", "/scenario", {…})` brings faults; `call("GET", "/requests")` shows what
    it received. The process is shared by the tests of a session.
    """
    _farthing_simulator_process.call("POST", "/reset")
    _farthing_simulator_process.call("POST", "/scenario", _NO_FAULTS)
    return _farthing_simulator_process


@pytest.fixture
def farthing_deploy(farthing_simulator: "SimulatorProcess", tmp_path: Path) -> "Callable[..., Deployment]":
    """Makes deployments on the simulator, with one ledger in `tmp_path`: `farthing_deploy("premium")`.

    Takes a profile, a file, a mapping or a configuration, and `overrides`. Open it by `with` or `async with`.
    """
    from farthing.deployment import Deployment

    def deploy(
        source: "Source" = "balanced", *, overrides: Mapping[str, object] | None = None
    ) -> "Deployment":
        settings = {
            "upstream.baseUrl": farthing_simulator.base_url,
            "storage.databaseUrl": f"sqlite:///{tmp_path / 'farthing.db'}",
            **(overrides or {}),
        }
        return Deployment(source, environ={}, overrides=settings)

    return deploy


@pytest.fixture
def farthing_deployment(farthing_deploy: "Callable[..., Deployment]") -> "Deployment":
    """A deployment of `balanced` on the simulator, not yet open."""
    return farthing_deploy()
