"""Other ways in: without an event loop, with a configuration file, and with nothing but a mistake."""

import threading
from decimal import Decimal
from pathlib import Path

import pytest

from farthing.deployment import Deployment
from farthing.errors import ConfigError, DeploymentClosedError, InvalidTaskError, MissingKeyError
from farthing.routing.route import NoRoute
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure

KEY = "sk-or-v1-0123456789abcdef"


def test_sync_callers_need_no_event_loop(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("one"), failure(429), answer("two")])
    with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        assert deployment.execute_task_sync("First.").output == "one"
        assert deployment.execute_task_sync(description="Second.", type="coding").output == "two"
        assert deployment.get_cost_report().calls == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("farthing")]
    with pytest.raises(DeploymentClosedError, match="with Deployment"):
        deployment.execute_task_sync("Third.")


def test_errors_come_through_the_sync_door(tmp_path: Path) -> None:
    with (
        deployment_on(ScriptedUpstream(), tmp_path, clock=VirtualClock()) as deployment,
        pytest.raises(InvalidTaskError, match="description or messages"),
    ):
        deployment.execute_task_sync("")


async def test_without_a_key_no_real_call_is_made(tmp_path: Path) -> None:
    environ = {"FARTHING_DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}
    with pytest.raises(MissingKeyError, match="OPENROUTER_API_KEY"):
        await Deployment("balanced", environ=environ).__aenter__()
    assert not (tmp_path / "ledger.db").exists()


async def test_explaining_sends_nothing(tmp_path: Path) -> None:
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        route = deployment.explain(type="coding", description="Write a sort.")
        assert not isinstance(route, NoRoute)
        assert [candidate.slot for candidate in route.candidates] == ["secondary", "primary", "fallback"]
        assert all(candidate.expected_cost for candidate in route.candidates)
    assert upstream.requests == []


async def test_two_deployments_share_one_ledger(tmp_path: Path) -> None:
    first_upstream = ScriptedUpstream([answer("a", cost="0.00002", generation_id="g-1")])
    second_upstream = ScriptedUpstream([answer("b", cost="0.00003", generation_id="g-2")])
    async with (
        deployment_on(first_upstream, tmp_path, clock=VirtualClock()) as first,
        deployment_on(second_upstream, tmp_path, clock=VirtualClock()) as second,
    ):
        await first.execute_task("First.")
        await second.execute_task("Second.")
        reports = [await first.cost_report(), await second.cost_report(), await first.cost_report()]
    assert [report.calls for report in reports[1:]] == [2, 2]
    assert {report.total_spend for report in reports[1:]} == {Decimal("0.00005")}


async def test_real_and_simulated_money_never_share_a_ledger(tmp_path: Path) -> None:
    async with deployment_on(ScriptedUpstream(), tmp_path, clock=VirtualClock()):
        pass
    with pytest.raises(ConfigError, match="holds simulated money"):
        await deployment_on(ScriptedUpstream(simulated=False), tmp_path, clock=VirtualClock()).__aenter__()


def stored(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


async def test_the_key_is_shown_and_kept_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    ledger = tmp_path / "ledger.db"
    environ = {
        "OPENROUTER_API_KEY": KEY,
        "OPENROUTER_BASE_URL": "http://127.0.0.1:9/api/v1",
        "FARTHING_DATABASE_URL": f"sqlite:///{ledger}",
    }
    upstream = ScriptedUpstream([failure(400, f"bad key {KEY}"), failure(500, KEY), answer("ok")])
    deployment = Deployment("balanced", environ=environ, transport=upstream, clock=VirtualClock())
    shown = [repr(deployment), repr(deployment.config)]
    async with deployment:
        result = await deployment.execute_task("Explain it.", type="coding")
        shown += [repr(result), repr(deployment.get_cost_report()), str(deployment.notices)]
    files = stored(tmp_path)
    assert files
    assert not [text for text in (*shown, caplog.text) if KEY in text]
    assert not [data for data in files if KEY.encode() in data]
    assert upstream.authorizations == {f"Bearer {KEY}"}
