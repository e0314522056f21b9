"""Batches on the wire: the documented shape, read with tolerance, and when an unanswered item is free."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.task import Completion
from farthing.upstream.batches import (
    Batch,
    Item,
    batch_of,
    costs_nothing,
    encode_batch,
    marked,
    parse_batch,
)
from farthing.upstream.failure import Failure, FailureKind

ANSWER = {
    "id": "gen-batch-1",
    "object": "chat.completion",
    "model": "openai/gpt-4o",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "An answer."}, "finish_reason": "stop"}
    ],
}


def told(**fields: object) -> bytes:
    """The quickstart's batch object with these fields."""
    usual = {"id": "batch_123", "object": "batch", "status": "completed", "completion_window": "24h"}
    return msgspec.json.encode({**usual, **fields})


def read(raw: bytes) -> Batch:
    batch = parse_batch(raw)
    assert isinstance(batch, Batch)
    return batch


def test_endpoint_and_model_stand_before_the_requests() -> None:
    raw = encode_batch("a/model", [Item(custom_id="call_1", body=b'{"max_tokens":5}')])
    assert raw == (
        b'{"endpoint":"/v1/chat/completions","model":"a/model",'
        b'"requests":[{"custom_id":"call_1","body":{"max_tokens":5}}]}'
    )


def test_a_completed_batch_has_its_answers_by_our_ids() -> None:
    results = [
        {"custom_id": "b", "response": {"status_code": 200, "body": ANSWER}, "error": None},
        {"custom_id": "a", "response": None, "error": {"code": "bad", "message": "too long"}},
        {"custom_id": "c", "response": {"status_code": 429, "body": {"error": {"message": "later"}}}},
        {"custom_id": "d"},
    ]
    batch = read(told(results=results, usage={"cost": 0.000225}, request_counts={"completed": 1}))
    assert (batch.ended, batch.cost, batch.completed) == (True, Decimal("0.000225"), 1)
    answer = batch.answers["b"]
    assert isinstance(answer, Completion)
    assert (answer.generation_id, answer.text, answer.cost) == ("gen-batch-1", "An answer.", None)
    failed, limited, silent = (batch.answers[name] for name in ("a", "c", "d"))
    assert isinstance(failed, Failure)
    assert "too long" in failed.message
    assert not failed.rejected
    assert isinstance(limited, Failure)
    assert limited.kind is FailureKind.rate_limited
    assert isinstance(silent, Failure)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling", "something new"])
def test_other_states_have_not_ended(status: str) -> None:
    assert not read(told(status=status, results=None, usage=None, error=None)).ended


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b'{"status":"completed"}', b"[" * 5000])
def test_what_is_no_batch_is_a_failure(raw: bytes) -> None:
    assert isinstance(parse_batch(raw), Failure)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    assert isinstance(parse_batch(raw), Batch | Failure)


def test_a_batchs_id_is_told_from_a_generations() -> None:
    assert batch_of(marked("batch_1")) == "batch_1"
    assert batch_of("gen-1") is None
    assert batch_of(None) is None


@pytest.mark.parametrize(
    ("fields", "billed", "free"),
    [
        ({"status": "in_progress", "completed": 0}, [], False),
        ({"status": "failed", "completed": 0}, [], True),
        ({"status": "failed"}, [], False),  # nothing was said: absent is not zero
        ({"status": "expired", "completed": 2}, [], False),
        ({"status": "expired", "completed": 0, "cost": Decimal("0.1")}, [], False),
        ({"status": "completed", "cost": Decimal(3)}, [Decimal(1), Decimal(2)], True),
        ({"status": "completed", "cost": Decimal("3.5")}, [Decimal(1), Decimal(2)], False),
        ({"status": "completed", "cost": Decimal(3)}, [Decimal(3), None], False),
        ({"status": "completed"}, [Decimal(3)], False),
    ],
)
def test_an_item_without_an_answer_is_free_only_by_evidence(
    fields: dict[str, object], billed: list[Decimal | None], free: bool
) -> None:
    batch = Batch(id="batch_1", **fields)  # pyright: ignore[reportArgumentType] - made of keywords
    assert costs_nothing(batch, billed) is free
