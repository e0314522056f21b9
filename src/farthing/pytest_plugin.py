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
    from farthing.clock import Clock
    from farthing.config.load import Source
    from farthing.deployment import Deployment
    from farthing.simulator.process import SimulatorProcess
    from farthing.testing import ScriptedUpstream

_NO_FAULTS = {"overrun_rate": 0, "missing_cost_rate": 0}
_MARKER = "farthing_fault"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known, for runs with --strict-markers."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(kind, **details): a fault that the simulator brings, as the fixture's"
    )


@pytest.fixture(scope="session")
def _farthing_simulator_process() -> "Iterator[SimulatorProcess]":
    from farthing.simulator.process import SimulatorProcess

    with SimulatorProcess(seed=1, time_scale=0.0) as simulator:
        yield simulator


@pytest.fixture
def farthing_simulator(
    request: pytest.FixtureRequest, _farthing_simulator_process: "SimulatorProcess"
) -> "SimulatorProcess":
    """A simulator without latencies, as good as new: its bill and requests are empty, its faults the marked.

    `farthing_simulator.call("GET", "/requests")` shows what it received, `call("GET", "/bill")` what it
    billed. The process is shared by the tests of a session.
    """
    marked = [fault_rule(*mark.args, **mark.kwargs) for mark in request.node.iter_markers(_MARKER)]
    _farthing_simulator_process.call("POST", "/reset")
    _farthing_simulator_process.call("POST", "/scenario", {**_NO_FAULTS, "rules": marked})
    return _farthing_simulator_process


@pytest.fixture
def farthing_fault(
    request: pytest.FixtureRequest, farthing_simulator: "SimulatorProcess"
) -> Callable[..., None]:
    """Makes the simulator fail: `farthing_fault("rate_limit", retry_after=2, nth=1)`. Faults add up.

    Takes what `fault_rule` takes. With each call all counts (`nth`, `every`, `times`) begin anew. Raises
    `SimulatorFailedError`, which names what is wrong with a fault.
    """
    rules = [fault_rule(*mark.args, **mark.kwargs) for mark in request.node.iter_markers(_MARKER)]

    def fail(kind: str, **details: object) -> None:
        rules.append(fault_rule(kind, **details))
        farthing_simulator.call("POST", "/scenario", {**_NO_FAULTS, "rules": rules})

    return fail


@pytest.fixture
def farthing_deploy(request: pytest.FixtureRequest, tmp_path: Path) -> "Callable[..., Deployment]":
    """Makes deployments with one ledger in `tmp_path`: `farthing_deploy("premium")`.

    Takes a profile, a file, a mapping or a configuration, `overrides`, and a `clock`; on the simulator, or
    on an `upstream` that is scripted. The machine's environment and `.env` say nothing to it. Open it by
    `with` or `async with`.
    """
    from farthing.testing import deployment_at, deployment_on

    def deploy(
        source: "Source" = "balanced",
        *,
        overrides: Mapping[str, object] | None = None,
        upstream: "ScriptedUpstream | None" = None,
        clock: "Clock | None" = None,
    ) -> "Deployment":
        if upstream is not None:
            return deployment_on(upstream, tmp_path, source, clock=clock, overrides=overrides)
        simulator: SimulatorProcess = request.getfixturevalue("farthing_simulator")
        return deployment_at(simulator.base_url, tmp_path, source, clock=clock, overrides=overrides)

    return deploy


@pytest.fixture
def farthing_deployment(farthing_deploy: "Callable[..., Deployment]") -> "Deployment":
    """A deployment of `balanced` on the simulator, not yet open."""
    return farthing_deploy()


def fault_rule(kind: str, **details: object) -> dict[str, object]:
    """A rule of a scenario. `model`, `contains`, `role`, `stream`, `nth` and `every` say which requests it is
    for, `times` how often it fires; the others are the fault's own, as `retry_after` or `at`.
    """
    from farthing.simulator.scenario import Match

    match = {name: details.pop(name) for name in Match.__dataclass_fields__ if name in details}
    times = {"times": details.pop("times")} if "times" in details else {}
    return {"match": match, "fault": {"kind": kind, **details}, **times}
