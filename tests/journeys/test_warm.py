"""A conversation at the simulator: held to its provider, billed from its cache, and kept where it is warm."""

from pathlib import Path
from typing import cast

import msgspec

from farthing.result import TaskResult
from farthing.simulator.process import SimulatorProcess
from farthing.task import Message, Task
from farthing.testing import deployment_at

DEEPSEEK, MISTRAL = "deepseek/deepseek-v3.2", "mistralai/mistral-small-3.2-24b-instruct"
QWEN = "qwen/qwen3-coder"
BOOKS = Message(role="system", content="You keep the books of a bridge, and answer briefly. " * 400)


async def talk(
    folder: Path, *, model: str, session: str | None = "talk-1", order: bool = False, other: str = MISTRAL
) -> list[TaskResult]:
    """Three turns: two at a named model, the last wherever the route leads."""
    config = {
        "models": {"primary": DEEPSEEK, "secondary": other},
        "routing": {"strategy": "cheapest_good_enough"},
        "provider": {"order": ["Simulated North"]} if order else {},
    }
    said, results = [BOOKS], cast("list[TaskResult]", [])
    async with (
        SimulatorProcess(book="snapshot") as simulator,
        deployment_at(simulator.base_url, folder, config) as deployment,
    ):
        assert any(notice.code == "costly_setting" for notice in deployment.notices) is order
        for turn in range(3):
            said.append(Message(role="user", content=f"Question {turn}?"))
            task = Task(
                messages=tuple(said),
                session_id=session,
                model=model if turn < 2 else None,
                max_tokens=60,
                type="general",
            )
            results.append(await deployment.execute_task(task))
            said.append(Message(role="assistant", content=results[-1].output))
        requests = await simulator.requests()
    sent = [msgspec.convert(request, dict[str, object])["session_id"] for request in requests]
    assert sent == [session] * 3
    return results


async def test_a_warm_conversation_is_read_from_the_cache_and_its_reason_says_so(tmp_path: Path) -> None:
    cold, warm, last = await talk(tmp_path, model=MISTRAL)
    assert cold.metrics.tokens.cached_tokens == 0
    assert warm.metrics.tokens.cached_tokens > 3_000
    assert last.model == MISTRAL
    assert "are cached at" in last.route.reason
    assert len({attempt.provider for one in (cold, warm, last) for attempt in one.attempts}) == 1
    assert last.metrics.cost < cold.metrics.cost / 2


async def test_without_a_session_the_opening_is_recognised(tmp_path: Path) -> None:
    *_, last = await talk(tmp_path, model=MISTRAL, session=None)
    assert last.metrics.tokens.cached_tokens > 3_000
    assert "are cached at" in last.route.reason


async def test_an_order_of_providers_loses_the_cache(tmp_path: Path) -> None:
    results = await talk(tmp_path, model=MISTRAL, order=True)
    assert [one.metrics.tokens.cached_tokens for one in results] == [0, 0, 0]
    assert "cached" not in results[-1].route.reason


async def test_a_warm_model_is_left_where_switching_pays(tmp_path: Path) -> None:
    """DeepSeek asks 0.26 a million, 0.13 from its cache; Mistral 0.10, cold as it is."""
    *_, last = await talk(tmp_path, model=DEEPSEEK)
    assert last.model == MISTRAL
    assert "it is left all the same" in last.route.reason


async def test_a_dearer_model_is_stayed_with_while_it_is_warm(tmp_path: Path) -> None:
    """Qwen asks 0.30 a million, and 0.10 from its cache; DeepSeek 0.26, cold as it is."""
    *_, last = await talk(tmp_path, model=QWEN, other=QWEN)
    assert last.model == QWEN
    assert last.route.reason.startswith("stays: about ")
    assert last.route.reason.endswith(f"first: {DEEPSEEK}")
