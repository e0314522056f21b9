"""Context compression on a task's way: what is sent, what follows a refusal, summaries."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import cast

import pytest
from tests.journeys.books import read_ledger
from tests.prompt.conversations import conversation

from farthing.config.packaged import book_rows
from farthing.errors import NoCandidateError
from farthing.task import Message, Task
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure

LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN = "qwen/qwen-2.5-coder-32b-instruct"
SETTING = "optimization.promptOptimization.contextCompression"
ON: Mapping[str, object] = {SETTING: True}
ALONE: Mapping[str, object] = {"models": {"primary": LLAMA}}
TALK = conversation(0).messages
PLANTS = (
    "acorn",
    "birch",
    "cedar",
    "daisy",
    "elder",
    "fern",
    "gorse",
    "hazel",
    "ivy",
    "juniper",
    "kelp",
    "moss",
)
FILLING = " and we looked at what there was, as people do." * 12
PROSE = tuple(
    one
    for plant in PLANTS
    for part in ("leaf", "root", "bark", "seed")
    for one in (
        Message(role="user", content=f"tell me of the {part} of {plant}{FILLING}"),
        Message(role="assistant", content=f"the {part} of {plant} is fine{FILLING}"),
    )
)
"""A conversation without names and numbers: a summary can take its place."""
SYLLABLES = ("bra", "lin", "tor", "mek", "sul", "dan", "vio")
BEDTIME = "you drink no coffee once lunch is over"
FARM = tuple(
    Message(role="user" if at % 2 == 0 else "assistant", content=text)
    for at, text in enumerate(
        f"{one}{two}{three} came by the {three}{one}{two} lane and saw {two}{one}{one} standing there"
        for one in SYLLABLES
        for two in SYLLABLES
        for three in SYLLABLES[:5]
    )
)
"""Prose full of rare words, with nothing in it that is worth knowing."""
DRINK = Message(role="user", content="Which beverage does the doctor tell me to avoid in the evening?")
QUESTION = Message(role="user", content="Which technology ended up under it?")
NEXT = (Message(role="assistant", content="ok"), Message(role="user", content="And then?"))


def sent(upstream: ScriptedUpstream, at: int) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", upstream.requests[at]["messages"])


def size(messages: list[dict[str, object]]) -> int:
    return len(str(messages))


def same_beginning(one: list[dict[str, object]], other: list[dict[str, object]]) -> int:
    """The size of the messages that both begin with."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return size([message for message, _ in pairs])


def with_window(script: list[str], tokens: int) -> ScriptedUpstream:
    """An upstream whose first model has another window."""
    rows = cast("list[dict[str, object]]", book_rows("tutorial")["data"])
    models = [{**row, "context_length": tokens} if row["id"] == LLAMA else row for row in rows]
    return ScriptedUpstream(script, models=models)


async def test_a_long_conversation_is_sent_shorter_and_the_result_says_what_went(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["ok"])
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        result = await deployment.execute_task(Task(messages=(*TALK, QUESTION), max_cost_usd=Decimal(1)))
    assert result.shortening is not None
    assert result.shortening.tokens_after < 0.6 * result.shortening.tokens_before
    assert {change.rule for change in result.shortening.changes} >= {
        "superseded tool output",
        "states little",
    }
    assert sent(upstream, -1)[-1]["content"] == QUESTION.content


async def test_without_the_setting_it_is_sent_as_it_is(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["ok"])
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task(Task(messages=(*TALK, QUESTION)))
    assert result.shortening is None
    assert len(sent(upstream, 0)) == len(TALK) + 1


async def test_the_next_turn_begins_with_what_was_sent_before(tmp_path: Path) -> None:
    """A task with a limit of its own has no summary made: only stretches are looked at here."""
    upstream = ScriptedUpstream(["ok", "ok"])
    later = (*TALK, QUESTION, *NEXT)
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        for messages in ((*TALK, QUESTION), later):
            await deployment.execute_task(Task(messages=messages, max_cost_usd=Decimal(1)))
    first, second = sent(upstream, 0), sent(upstream, 1)
    assert same_beginning(first, second) > 0.9 * size(first)  # its end may have become a stretch meanwhile
    assert len(first) < len(TALK)


async def test_a_model_that_the_compressed_conversation_fits_is_a_candidate(tmp_path: Path) -> None:
    task = Task(messages=(*TALK, QUESTION), max_cost_usd=Decimal(1))
    upstream = with_window(["ok"], 40_000)
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        result = await deployment.execute_task(task)
    assert "compressed to fit its context of 40,000" in result.route.candidates[0].reason
    assert size(sent(upstream, 0)) < 4 * 40_000
    too_small = with_window([], 20_000)
    async with deployment_on(too_small, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        with pytest.raises(NoCandidateError) as refused:
            await deployment.execute_task(task)
    assert "context of 20,000" in str(refused.value.reasons)


async def test_a_refusal_for_length_is_answered_by_our_compression_then_by_upstreams(tmp_path: Path) -> None:
    refused = failure(400, "over the maximum context length")
    upstream = ScriptedUpstream([refused, refused, answer("ok")])
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        task = Task(messages=(*TALK, QUESTION), max_cost_usd=Decimal(1))
        result = await deployment.execute_task(task)
    sizes = [size(sent(upstream, at)) for at in range(3)]
    assert sizes[1] < 0.75 * sizes[0]
    assert sizes[2] == sizes[1]
    assert ["plugins" in request for request in upstream.requests] == [False, False, True]
    assert [one.model for one in result.attempts] == [LLAMA] * 3
    assert result.shortening is not None


async def test_a_summary_is_a_call_of_its_own_and_is_used_again(tmp_path: Path) -> None:
    summary = "\n".join(f"- point {number} of what was said" for number in range(40))
    upstream = ScriptedUpstream([summary, "ok", "ok"])
    later = (*PROSE, QUESTION, *NEXT)
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        first = await deployment.execute_task(Task(messages=(*PROSE, QUESTION), run_id="r"))
        await deployment.execute_task(Task(messages=later, run_id="r"))
    assert sorted(call.intent.purpose for call in read_ledger(tmp_path / "ledger.db").calls.values()) == [
        "summary",
        "task",
        "task",
    ]
    assert len(upstream.requests) == 3
    told = [str(one["content"]) for one in sent(upstream, 1)]
    assert any(summary in text for text in told)
    assert same_beginning(sent(upstream, 1), sent(upstream, 2)) > len(summary)
    assert first.shortening is not None
    assert "summary" in {change.rule for change in first.shortening.changes}


async def test_a_summary_that_was_cut_is_not_used_nor_asked_for_again_at_once(
    tmp_path: Path,
) -> None:
    upstream = ScriptedUpstream([answer("half", finish_reason="length"), "ok", "ok"])
    later = (*TALK, QUESTION, *NEXT)
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        for messages in ((*TALK, QUESTION), later):
            result = await deployment.execute_task(Task(messages=messages))
            assert result.shortening is not None
            assert "summary" not in {change.rule for change in result.shortening.changes}
    assert len(upstream.requests) == 3


async def test_a_summary_that_fails_leaves_the_task_as_it_was(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(401), "ok", "ok"])
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        result = await deployment.execute_task(Task(messages=(*TALK, QUESTION)))
        assert result.output == "ok"
        again = await deployment.execute_task(Task(messages=(*TALK, QUESTION)))
        assert again.output == "ok"
    assert len(upstream.requests) == 3  # it is not asked for again


@pytest.mark.parametrize("installed", [True, False])
async def test_what_means_the_same_is_kept_where_meaning_can_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    monkeypatch.setattr("farthing.compression.is_installed", lambda: installed)
    monkeypatch.setattr("farthing.compression.TIGHTER_SHARE", 0.2)
    upstream = ScriptedUpstream([failure(400, "over the maximum context length"), "coffee"])
    talk = (*FARM[:21], Message(role="assistant", content=BEDTIME), *FARM[22:], DRINK)
    task = Task(messages=talk, max_cost_usd=Decimal(1))
    async with deployment_on(upstream, tmp_path, ALONE, clock=VirtualClock(), overrides=ON) as deployment:
        await deployment.execute_task(task)
    assert any(BEDTIME in str(one["content"]) for one in sent(upstream, 1)) is installed
