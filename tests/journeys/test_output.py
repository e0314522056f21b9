"""Output control on whole ways through: answers that their limit cut, learned limits, concise ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from farthing.attempt import Means
from farthing.deployment import Deployment
from farthing.prompt.concise import INSTRUCTIONS
from farthing.result import TaskFinished, TaskResult, TokenReceived
from farthing.routing.experience import Experience, Subject
from farthing.spend.ledger import decode_intent, decode_outcome
from farthing.spend.store import read_rows
from farthing.storage.database import Database, sqlite_url
from farthing.testing import ScriptedUpstream, VirtualClock, answer, cut, deployment_on, failure

CONTINUING = {"optimization.outputControl.continueTruncated": True}
LEARNING = {"optimization.outputControl.learnedLimits": True}
FIRST = "Reads outnumber writes by far, so the read path of the sys"
REST = "the read path of the system decides the design."
WHOLE = "Reads outnumber writes by far, so the read path of the system decides the design."


def halves(rest: str = REST, *, finish: str = "stop") -> ScriptedUpstream:
    first = answer(FIRST, finish_reason="length", generation_id="gen-1", output_tokens=5, input_tokens=10)
    second = answer(rest, finish_reason=finish, generation_id="gen-2", output_tokens=7, input_tokens=30)
    return ScriptedUpstream([first, second])


def opened(
    upstream: ScriptedUpstream, folder: Path, overrides: Mapping[str, object] = CONTINUING
) -> Deployment:
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides=overrides)


async def ask(
    upstream: ScriptedUpstream,
    folder: Path,
    overrides: Mapping[str, object] = CONTINUING,
    **fields: object,
) -> TaskResult:
    async with opened(upstream, folder, overrides) as deployment:
        return await deployment.execute_task("Why is the read path important?", **fields)


async def streamed(upstream: ScriptedUpstream, folder: Path) -> tuple[str, TaskResult]:
    text, result = "", None
    async with opened(upstream, folder) as deployment:
        async for event in deployment.stream_task("Why is the read path important?"):
            if isinstance(event, TokenReceived):
                text += event.text
            elif isinstance(event, TaskFinished):
                result = event.result
    assert result is not None
    return text, result


async def test_a_cut_answer_is_gone_on_from_once_without_a_seam(tmp_path: Path) -> None:
    upstream = halves()
    result = await ask(upstream, tmp_path)
    assert (result.output, result.finish_reason, result.continued) == (WHOLE, "stop", True)
    assert [request["model"] for request in upstream.requests] == [upstream.requests[0]["model"]] * 2
    assert (result.metrics.tokens.input_tokens, result.metrics.tokens.output_tokens) == (40, 12)
    assert result.metrics.cost == sum(attempt.cost for attempt in result.attempts)
    assert [attempt.status for attempt in result.attempts] == ["accepted", "accepted"]


async def test_the_ledger_tells_what_it_was_and_how_it_ended(tmp_path: Path) -> None:
    await ask(halves(), tmp_path)
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        rows = list(read_rows(connection))
    database.close()
    intents = [decode_intent(row.body) for row in rows if row.kind == "intent"]
    outcomes = [decode_outcome(row.body) for row in rows if row.kind == "settled"]
    assert [intent.purpose for intent in intents] == ["task", "continuation"]
    assert [(outcome.finish, outcome.limit) for outcome in outcomes] == [
        ("length", "default"),
        ("stop", "default"),
    ]
    # The prompt that was sent again is no saving: the baseline would not have needed it.
    first, second = (outcome.baseline for outcome in outcomes)
    assert second * 5 < (first + second) * 7, "its baseline is that of its output alone"


async def test_in_a_stream_the_text_goes_on_and_is_the_result(tmp_path: Path) -> None:
    text, result = await streamed(halves(), tmp_path)
    assert (text, result.output, result.continued) == (WHOLE, WHOLE, True)


async def test_an_answer_that_is_cut_again_is_not_gone_on_from_again(tmp_path: Path) -> None:
    upstream = halves(finish="length")
    result = await ask(upstream, tmp_path)
    assert (result.finish_reason, result.continued, len(upstream.requests)) == ("length", True, 2)


async def test_when_going_on_fails_the_cut_answer_stands(tmp_path: Path) -> None:
    first = answer(FIRST, finish_reason="length", output_tokens=5)
    upstream = ScriptedUpstream([first, failure(500)])
    result = await ask(upstream, tmp_path)
    assert (result.output, result.finish_reason, result.continued) == (FIRST, "length", False)
    assert [attempt.status for attempt in result.attempts] == ["accepted", "failed"]


async def test_what_the_caller_has_seen_of_a_failed_rest_is_in_the_result(tmp_path: Path) -> None:
    first = answer(FIRST, finish_reason="length", output_tokens=5)
    text, result = await streamed(ScriptedUpstream([first, cut("tem decides")]), tmp_path)
    assert text == result.output == FIRST + "tem decides"
    assert (result.finish_reason, result.continued) == ("length", False)


async def test_when_there_is_no_money_to_go_on_the_cut_answer_stands(tmp_path: Path) -> None:
    first = answer(FIRST, finish_reason="length", cost="0.0009", output_tokens=5)
    upstream = ScriptedUpstream([first])
    result = await ask(upstream, tmp_path, {**CONTINUING, "budget.dailyLimit": "0.001"})
    assert (result.output, result.finish_reason, result.continued) == (FIRST, "length", False)
    assert len(upstream.requests) == 1
    assert [attempt.status for attempt in result.attempts] == ["accepted", "refused"]


@pytest.mark.parametrize(
    ("overrides", "fields"),
    [
        pytest.param({}, {}, id="off"),
        pytest.param(CONTINUING, {"max_tokens": 64}, id="the caller set max_tokens"),
    ],
)
async def test_others_are_cut_where_they_are(
    tmp_path: Path, overrides: Mapping[str, object], fields: Mapping[str, object]
) -> None:
    upstream = ScriptedUpstream([answer(FIRST, finish_reason="length")])
    result = await ask(upstream, tmp_path, overrides, **fields)
    assert (result.output, result.finish_reason, result.continued) == (FIRST, "length", False)


async def test_a_clamped_answer_is_not_gone_on_from(tmp_path: Path) -> None:
    """money.md, law 5."""
    upstream = ScriptedUpstream([answer(FIRST, finish_reason="length")])
    overrides = {
        **CONTINUING,
        "optimization.maxOutputTokens": 8192,
        "budget.dailyLimit": "0.001",
        "budget.monthlyLimit": "0.001",
    }
    result = await ask(upstream, tmp_path, overrides, model="anthropic/claude-3.5-haiku")
    assert (result.clamped, result.finish_reason, result.continued) == (True, "length", False)


async def test_a_learned_limit_is_sent_reserved_and_told(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["one", "two"])
    async with opened(upstream, tmp_path, LEARNING) as deployment:
        first = await deployment.execute_task("Why is the read path important?", type="general")
        subject = Subject("general", first.route.candidates[0].model)
        means_of(deployment).experience = Experience(needs={subject: 300})
        means_of(deployment).rng.seed(1)
        second = await deployment.execute_task("Why is the read path important?", type="general")
    assert [request["max_tokens"] for request in upstream.requests] == [1024, 300]
    assert first.output_limit is not None
    assert second.output_limit is not None
    assert (first.output_limit.basis, second.output_limit.basis) == ("default", "learned")
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        held = [row.nano for row in read_rows(connection) if row.kind == "intent"]
    database.close()
    assert held[1] < held[0], "a lower limit holds less money"


def means_of(deployment: Deployment) -> Means:
    running = deployment._running  # pyright: ignore[reportPrivateUsage] - what it has learned is not told
    assert running is not None
    return running.means


async def test_what_the_ledger_teaches_is_read_at_opening(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["one", "two", "three"])
    async with opened(upstream, tmp_path, {}) as deployment:
        for _ in range(3):
            await deployment.execute_task("Why is the read path important?", type="general")
        assert not means_of(deployment).experience.records, "nobody asked for it"
    async with opened(ScriptedUpstream([]), tmp_path, LEARNING) as deployment:
        (record,) = means_of(deployment).experience.records.values()
        assert (record.attempts, record.accepted, record.lengths.whole.count) == (3, 3, 3)


async def test_a_concise_answer_is_asked_for(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["one", "two"])
    async with opened(upstream, tmp_path, {"optimization.outputControl.concise": True}) as deployment:
        await deployment.execute_task("Why is the read path important?", type="analysis")
        await deployment.execute_task("Explain in detail why the read path is important.", type="analysis")
    told, left = (request["messages"] for request in upstream.requests)
    assert isinstance(told, list)
    assert isinstance(left, list)
    assert told[0] == {"role": "system", "content": INSTRUCTIONS["analysis"]}
    assert len(cast("list[object]", left)) == 1
