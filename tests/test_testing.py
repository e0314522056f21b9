"""The tools for users' tests: a clock that never waits, an upstream that says what it is told to."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from farthing.testing import (
    Reply,
    ScriptedExchange,
    ScriptedUpstream,
    VirtualClock,
    answer,
    cut,
    deployment_on,
    hang,
)
from farthing.upstream.transport import TransportFault


async def test_sleeping_moves_the_time_and_nothing_else() -> None:
    clock = VirtualClock(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    await clock.sleep(1.5)
    assert (clock.monotonic(), clock.slept) == (1.5, [1.5])
    assert clock.now() == datetime(2026, 2, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert clock.now_us() == int(clock.now().timestamp() * 1_000_000)


async def test_who_waits_for_another_day_is_woken_by_the_test() -> None:
    clock = VirtualClock()
    waiting = asyncio.ensure_future(clock.sleep(3 * 86_400))
    await asyncio.sleep(0)
    clock.advance(2 * 86_400)
    await asyncio.sleep(0)
    assert (waiting.done(), clock.slept) == (False, [])
    clock.advance(86_400)
    await asyncio.wait_for(waiting, 10)


async def chat(upstream: ScriptedUpstream) -> ScriptedExchange | TransportFault:
    return await upstream.exchange("POST", "http://x/chat/completions", headers={}, body=b'{"model":"m"}')


async def test_an_upstream_says_when_its_script_is_at_its_end() -> None:
    upstream = ScriptedUpstream([answer("only this")])
    exchange = await chat(upstream)
    assert isinstance(exchange, ScriptedExchange)
    assert (upstream.open_exchanges, exchange.status) == (1, 200)
    exchange.close()
    exchange.close()
    assert upstream.open_exchanges == 0
    with pytest.raises(AssertionError, match="script is at its end; asked: m"):
        await chat(upstream)


async def test_a_reply_that_hangs_ends_when_it_is_closed() -> None:
    upstream = ScriptedUpstream([hang("some")])
    exchange = await chat(upstream)
    assert isinstance(exchange, ScriptedExchange)
    assert b"some" in await exchange.read()
    rest = asyncio.ensure_future(exchange.read())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not rest.done()
    exchange.close()
    assert await rest == b""


@pytest.mark.parametrize(
    ("reply", "ends", "billed"),
    [(answer("ok"), True, True), (answer("ok", cost=None), True, False), (cut("half"), False, False)],
)
def test_replies_as_openrouter_writes_them(reply: Reply, ends: bool, billed: bool) -> None:
    written = b"".join(reply.chunks)
    assert (b"[DONE]" in written, b'"cost"' in written) == (ends, billed)
    assert reply.headers["x-farthing-simulated"] == "1"


async def test_a_users_test_in_five_lines(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("42", cost="0.000003")])
    async with deployment_on(upstream, tmp_path) as deployment:
        result = await deployment.execute_task("What is six times seven?")
    assert (result.output, result.metrics.cost, result.simulated) == ("42", Decimal("0.000003"), True)


async def test_a_text_is_an_answer_and_a_file_is_found_beside_a_dotenv_that_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, folder = tmp_path / "project", tmp_path / "folder"
    project.mkdir()
    folder.mkdir()
    (project / ".env").write_text("MONTHLY_BUDGET=0\nOPENROUTER_API_KEY=sk-or-of-the-project\n")
    (project / "team.json").write_text('{"extends": "budget"}')
    monkeypatch.chdir(project)
    upstream = ScriptedUpstream(["one", "two"])
    async with deployment_on(upstream, folder, "team.json") as deployment:
        results = [await deployment.execute_task("Say it.") for _ in range(2)]
        assert deployment.get_cost_report().limit == 10
    assert [result.output for result in results] == ["one", "two"]
    assert len({result.attempts[0].generation_id for result in results}) == 2
    assert not [key for key in upstream.authorizations if "of-the-project" in key]
    assert Path.cwd() == project
