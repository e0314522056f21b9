"""Several keys and several upstreams: what one refuses another serves, and every cent is known."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from tests.faults.rows import ROWS, Row

from farthing.config.environment import API_KEY
from farthing.deployment import Deployment
from farthing.errors import ConfigError, MissingKeyError, TaskFailedError
from farthing.result import Attempt, TokenReceived
from farthing.routing.reactions import reaction_to
from farthing.simulator.server import Simulator, start_simulator
from farthing.testing import Reply, ScriptedUpstream, VirtualClock, answer, deployment_at, failure
from farthing.upstream.failure import FailureKind

QWEN, LLAMA = "qwen/qwen-2.5-coder-32b-instruct", "meta-llama/llama-3.3-70b-instruct"
LOCAL = f"local:{QWEN}"
EMPTY: dict[str, object] = {
    "models.secondary": None,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "fallbackRules.retryDelay": 0,
}


def beside(plain: Simulator, **more: object) -> dict[str, object]:
    """Settings with a plain server as the upstream `local`, at 0.10 and 0.20 dollars a million tokens."""
    prices: dict[str, object] = {"prompt": "0.10", "completion": "0.20", **more}
    local = {"baseUrl": plain.base_url, "models": {QWEN: prices, LLAMA: prices}}
    return {**EMPTY, "upstreams": {"local": local}}


async def test_a_model_of_a_server_of_your_own(tmp_path: Path) -> None:
    async with start_simulator(scenario={"plain": True}) as plain, start_simulator() as main:
        settings = {**beside(plain), "models.primary": LOCAL}
        async with deployment_at(main.base_url, tmp_path, overrides=settings) as deployment:
            result = await deployment.execute_task("Sort.", session_id="s-1", max_tokens=40)
            streamed = [event async for event in deployment.stream_task("Sort.")]
            report = deployment.get_cost_report()
    (attempt,) = result.attempts
    usage = result.metrics.tokens
    assert (attempt.model, attempt.generation_id, attempt.provider) == (LOCAL, None, None)
    assert result.metrics.cost_basis == "computed"
    cost = (usage.input_tokens * Decimal("0.10") + usage.output_tokens * Decimal("0.20")) / 1_000_000
    assert result.metrics.cost == cost
    assert any(isinstance(event, TokenReceived) for event in streamed)
    assert LOCAL in report.by_model
    assert report.uncertain == 0


async def test_an_account_without_credit_is_not_everyones_end(tmp_path: Path) -> None:
    """OpenRouter refuses the account; the task is answered elsewhere, and the next goes there at once."""
    broke = {"rules": [{"match": {}, "fault": {"kind": "credits"}}]}
    async with start_simulator(scenario={"plain": True}) as plain, start_simulator(scenario=broke) as main:
        settings = {
            **beside(plain),
            "models.primary": QWEN,
            "models.secondary": LLAMA,
            "models.tertiary": LOCAL,
        }
        async with deployment_at(main.base_url, tmp_path, overrides=settings) as deployment:
            first = await deployment.execute_task("Sort.")
            second = await deployment.execute_task("Sort.")
    assert [attempt.model for attempt in first.attempts] == [QWEN, LOCAL]
    assert [attempt.model for attempt in second.attempts] == [LOCAL]


async def test_a_server_that_is_away_is_told_and_passed_over(tmp_path: Path) -> None:
    away = {"baseUrl": "http://127.0.0.1:9/v1", "models": {QWEN: {"prompt": 0, "completion": 0}}}
    async with start_simulator() as main:
        settings = {**EMPTY, "upstreams": {"local": away}, "models.primary": LOCAL, "models.secondary": LLAMA}
        async with deployment_at(main.base_url, tmp_path, overrides=settings) as deployment:
            codes = {notice.code for notice in deployment.notices}
            result = await deployment.execute_task("Sort.")
    assert "upstream_away" in codes
    assert [attempt.model for attempt in result.attempts] == [LOCAL, LLAMA]
    assert result.attempts[0].cost == 0


async def test_real_and_simulated_money_do_not_mix(tmp_path: Path) -> None:
    class Mixed(ScriptedUpstream):
        def _reply(self, url: str, body: bytes | None) -> Reply:
            reply = super()._reply(url, body)
            real = {**reply.headers, "x-farthing-simulated": "0"}
            return Reply(status=200, headers=real, chunks=reply.chunks) if ":8/" in url else reply

    local = {"baseUrl": "http://127.0.0.1:8/v1", "models": {QWEN: {"prompt": 0, "completion": 0}}}
    settings: dict[str, object] = {**EMPTY, "upstreams": {"local": local}}
    deployment = deployment_at("http://127.0.0.1:9/api/v1", tmp_path, overrides=settings, transport=Mixed())
    with pytest.raises(ConfigError, match=r"upstreams\.local: is real"):
        await deployment.__aenter__()


def keyed(upstream: ScriptedUpstream, folder: Path, environ: Mapping[str, str]) -> Deployment:
    settings = {
        **EMPTY,
        "models.primary": QWEN,
        "upstream.baseUrl": "http://127.0.0.1:9/api/v1",
        "upstream.apiKeyEnv": ["KEY_A", "KEY_B"],
        "storage.databaseUrl": f"sqlite:///{folder / 'ledger.db'}",
    }
    return Deployment(
        "balanced", environ=environ, overrides=settings, transport=upstream, clock=VirtualClock()
    )


async def test_a_refused_key_is_replaced_within_the_task_and_rests_after_it(tmp_path: Path) -> None:
    script = [failure(401, "no such key"), answer("one"), answer("two"), answer("three")]
    upstream = ScriptedUpstream(script)
    async with keyed(upstream, tmp_path, {"KEY_A": "sk-a", "KEY_B": "sk-b"}) as deployment:
        results = [await deployment.execute_task("Sort.") for _ in range(3)]
    assert [[attempt.key for attempt in result.attempts] for result in results] == [
        ["KEY_A", "KEY_B"],
        ["KEY_B"],
        ["KEY_B"],
    ]
    assert upstream.authorizations >= {"Bearer sk-a", "Bearer sk-b"}


async def test_one_key_of_two_is_enough_and_none_is_told(tmp_path: Path) -> None:
    async with keyed(ScriptedUpstream([answer("one")]), tmp_path, {"KEY_B": "sk-b"}) as deployment:
        result = await deployment.execute_task("Sort.")
    assert result.attempts[0].key == "KEY_B"
    settings = {
        **EMPTY,
        "upstream.baseUrl": "https://openrouter.example/api/v1",
        "upstream.apiKeyEnv": ["KEY_A"],
    }
    with pytest.raises(MissingKeyError, match="KEY_A is not set"):
        await Deployment("balanced", environ={API_KEY: "sk-x"}, overrides=settings).__aenter__()


async def test_each_keys_limit_holds_for_all_of_them_together(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer(str(number)) for number in range(5)])
    clock = VirtualClock()
    settings = {
        **EMPTY,
        "models.primary": QWEN,
        "upstream.baseUrl": "http://127.0.0.1:9/api/v1",
        "upstream.apiKeyEnv": ["KEY_A", "KEY_B"],
        "storage.databaseUrl": f"sqlite:///{tmp_path / 'ledger.db'}",
        "limits.perKey": {"requestsPerMinute": 2},
    }
    environ = {"KEY_A": "sk-a", "KEY_B": "sk-b"}
    opened = Deployment("balanced", environ=environ, overrides=settings, transport=upstream, clock=clock)
    async with opened as deployment:
        results = [await deployment.execute_task("Sort.") for _ in range(5)]
    assert [result.attempts[0].key for result in results] == ["KEY_A", "KEY_B", "KEY_A", "KEY_B", "KEY_A"]
    assert clock.monotonic() == 60


async def test_a_key_that_is_left_alone_sends_no_more_than_its_own_limit(tmp_path: Path) -> None:
    """Two calls a minute by each of two keys; one is refused, and the other must not send for both."""
    script = [failure(401, "no such key"), *(answer(str(number)) for number in range(5))]
    clock = VirtualClock()
    settings = {
        **EMPTY,
        "models.primary": QWEN,
        "upstream.baseUrl": "http://127.0.0.1:9/api/v1",
        "upstream.apiKeyEnv": ["KEY_A", "KEY_B"],
        "storage.databaseUrl": f"sqlite:///{tmp_path / 'ledger.db'}",
        "limits.perKey": {"requestsPerMinute": 2},
    }
    environ = {"KEY_A": "sk-a", "KEY_B": "sk-b"}
    sent: list[tuple[str, float]] = []
    upstream = ScriptedUpstream(script)
    opened = Deployment("balanced", environ=environ, overrides=settings, transport=upstream, clock=clock)
    async with opened as deployment:
        for _ in range(5):
            result = await deployment.execute_task("Sort.")
            sent.append((result.attempts[-1].key, clock.monotonic()))
    assert {key for key, _ in sent} == {"KEY_B"}
    for _, at in sent:
        assert sum(at - 60 < other <= at for _, other in sent) <= 2


def test_a_model_that_its_upstream_does_not_list_is_refused() -> None:
    local = {"baseUrl": "http://127.0.0.1:8/v1", "models": {"llama3.1:8b": {"prompt": 0, "completion": 0}}}
    settings: dict[str, object] = {"upstreams": {"local": local}, "models.primary": "local:llama3:8b"}
    with pytest.raises(ConfigError, match=r"did you mean local:llama3\.1:8b"):
        Deployment("balanced", environ={}, overrides=settings)


# The rows of the error table that any OpenAI-compatible server can cause, against a plain one.

_OF_OPENROUTER = {FailureKind.credits, FailureKind.key_limit, FailureKind.in_flight_budget}
CONFORMANCE = [
    pytest.param(row, stream, id=f"{row.condition}, {'streamed' if stream else 'plain'}")
    for row in ROWS
    if not isinstance(row.fault, Reply)
    and "availability" not in row.condition
    and row.kind not in _OF_OPENROUTER
    for stream in (True, False)
    if stream or not row.streamed
]


@pytest.mark.parametrize(("row", "stream"), CONFORMANCE)
async def test_a_plain_servers_failures_end_as_the_table_says(row: Row, stream: bool, tmp_path: Path) -> None:
    fault = dict(cast("Mapping[str, object]", row.fault))
    scenario = {"plain": True, "rules": [{"match": {"nth": 1}, "fault": fault}]}
    settings: dict[str, object] = {**row.settings, "upstream.stream": stream, "upstream.totalTimeout": 20}
    async with start_simulator(scenario=scenario) as plain, start_simulator() as main:
        settings |= {**beside(plain), "models.primary": LOCAL, "models.secondary": f"local:{LLAMA}"}
        async with deployment_at(main.base_url, tmp_path, overrides=settings) as deployment:
            try:
                result = await deployment.execute_task("Write a sort.")
                attempts = list(result.attempts)
            except TaskFailedError as error:
                attempts = cast("list[Attempt]", list(error.attempts))
            report = deployment.get_cost_report()
    first = attempts[0]
    assert first.reason.split()[0].rstrip(":") == row.kind
    if reaction_to(row.kind).action != "refuse":
        assert attempts[-1].status == "accepted"
        assert report.held == 0
