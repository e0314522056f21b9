"""What came from providers' prompt caches: tokens of all settled calls, money as the lever has it."""

from decimal import Decimal
from pathlib import Path

import msgspec
from tests.spend.made import call

from farthing.catalog.pricing import Price, Rates
from farthing.simulator.process import SimulatorProcess
from farthing.spend.promptcache import CachedPrompts, PromptCache
from farthing.task import Message, Task, Usage
from farthing.testing import deployment_at

MILLION = Decimal(1_000_000)
PRICE = Price(
    model="a/model",
    book="book",
    rates=Rates(prompt=1 / MILLION, completion=2 / MILLION, cache_read=Decimal("0.1") / MILLION),
)
CACHING = "mistralai/mistral-small-3.2-24b-instruct"
ALONE = {"models": {"primary": CACHING}}


def counted(*usages: Usage, accepted: bool = True, cost: int | None = 100) -> PromptCache:
    found = CachedPrompts(lambda book, model: PRICE)
    for usage in usages:
        found.add(call(usage=usage, accepted=accepted, cost=cost), None)
    return found.result(input_tokens=sum(usage.input_tokens for usage in usages))


def test_tokens_and_money() -> None:
    warm = Usage(input_tokens=10_000, output_tokens=5, cached_tokens=8_000, cache_write_tokens=100)
    found = counted(warm, Usage(input_tokens=10_000, output_tokens=5))
    assert (found.cached_tokens, found.written_tokens, found.calls) == (8_000, 100, 1)
    assert found.hit_percent == 40
    assert found.saved == Decimal("0.0072")  # 8,000 × 0.9 per million


def test_failed_calls_count_their_tokens_and_uncertain_ones_nothing() -> None:
    warm = Usage(input_tokens=10_000, cached_tokens=8_000)
    failed = counted(warm, accepted=False)
    assert (failed.cached_tokens, failed.saved) == (8_000, 0)
    assert counted(warm, cost=None).cached_tokens == 0
    assert counted().hit_percent is None


async def test_a_conversation_is_cached_at_the_simulator_and_told_in_the_report(tmp_path: Path) -> None:
    async with SimulatorProcess(book="snapshot") as simulator:
        async with deployment_at(
            simulator.base_url, tmp_path, {"models": {"primary": CACHING}}
        ) as deployment:
            said = [Message(role="system", content="You keep the books of a bridge. " * 300)]
            for turn in range(3):
                said.append(Message(role="user", content=f"Question {turn}?"))
                task = Task(messages=tuple(said), session_id="talk", max_tokens=60)
                result = await deployment.execute_task(task)
                said.append(Message(role="assistant", content=result.output))
                assert ("tokens of the conversation are cached" in result.route.reason) is (turn > 0)
            report = await deployment.cost_report()
        rows = msgspec.convert((await simulator.bill())["rows"], list[dict[str, object]])
    found = report.prompt_cache
    assert found is not None
    assert found.cached_tokens == sum(msgspec.convert(row["cached_tokens"], int) for row in rows) > 2_000
    assert found.hit_percent is not None
    assert 40 < found.hit_percent < 70  # of three prompts the first is cold
    assert found.saved > 0
