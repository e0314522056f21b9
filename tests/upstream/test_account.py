"""What the GET endpoints answer."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.task import Usage
from farthing.upstream.account import (
    GenerationBill,
    KeyStatus,
    ModelsPage,
    parse_activity,
    parse_generation,
    parse_key,
    parse_models_page,
)
from farthing.upstream.failure import Failure

GENERATION = b"""{"data": {"id": "gen-1", "total_cost": 0.00012300, "usage": 0.000123, "model": "m/a",
  "provider_name": "P", "streamed": true, "cancelled": true, "latency": 12, "tokens_prompt": 10,
  "tokens_completion": 20, "native_tokens_prompt": 11, "native_tokens_completion": null,
  "native_tokens_reasoning": 5, "native_tokens_cached": 3, "finish_reason": "stop",
  "is_byok": false, "upstream_inference_cost": 0.5, "created_at": "2026-08-01"}}"""


def test_a_bill_has_the_providers_digits_and_tokens() -> None:
    assert parse_generation(GENERATION, generation_id="gen-1") == GenerationBill(
        generation_id="gen-1",
        cost=Decimal("0.000123"),
        literal="0.00012300",
        usage=Usage(input_tokens=11, output_tokens=20, cached_tokens=3, reasoning_tokens=5),
        model="m/a",
        provider="P",
        cancelled=True,
        finish_reason="stop",
    )


def test_a_byok_bill_adds_the_providers_own() -> None:
    bill = parse_generation(GENERATION.replace(b'"is_byok": false', b'"is_byok": true'), generation_id="x")
    assert isinstance(bill, GenerationBill)
    assert (bill.cost, bill.literal, bill.is_byok) == (Decimal("0.500123"), "0.00012300 + 0.5", True)


def test_a_bill_without_an_amount_is_not_zero() -> None:
    bill = parse_generation(b'{"data": {}}', generation_id="gen-2")
    assert bill == GenerationBill(generation_id="gen-2", cost=None, literal=None, usage=Usage())


def test_the_key_says_what_is_left() -> None:
    body = b"""{"data": {"label": "sk-or-v1-abc...123", "limit": null, "limit_remaining": 9.5, "usage": 0.10,
      "is_free_tier": false, "free_model_daily_requests": {"used": 3, "limit": 50, "remaining": 47}}}"""
    assert parse_key(body) == KeyStatus(
        label="sk-or-v1-abc...123",
        limit=None,
        limit_remaining=Decimal("9.5"),
        usage=Decimal("0.10"),
        is_free_tier=False,
        free_requests_used=3,
        free_requests_limit=50,
        free_requests_remaining=47,
    )
    assert parse_key(b'{"data": {"usage": 0}}') == KeyStatus(usage=Decimal(0))


@pytest.mark.parametrize(
    ("extra", "next_offset"),
    [
        ({}, None),
        ({"total_count": 12}, None),
        ({"total_count": 13}, 12),
        ({"links": {"next": None}}, None),
        ({"links": {"next": "https://elsewhere.example/api/v1/models?offset=40&limit=2"}}, 40),
        ({"links": {"next": "/api/v1/models?offset=3"}}, 12),  # backwards would never end
        ({"links": {"next": "/api/v1/models?cursor=x"}}, 12),
        ({"links": {"next": "http://[bad"}}, 12),
        ({"links": "odd", "total_count": "odd"}, None),
    ],
)
def test_pages_of_models(extra: dict[str, object], next_offset: int | None) -> None:
    body = json.dumps({"data": [{"id": "a"}, {"id": "b"}], **extra}).encode()
    page = parse_models_page(body, offset=10)
    assert page == ModelsPage(rows=[{"id": "a"}, {"id": "b"}], next_offset=next_offset)


def test_an_empty_page_is_the_last() -> None:
    page = parse_models_page(b'{"data": [], "links": {"next": "?offset=5"}, "total_count": 9}', offset=0)
    assert page == ModelsPage(rows=[], next_offset=None)


def test_numbers_in_a_row_are_exact() -> None:
    page = parse_models_page(b'{"data": [{"discount": 0.10, "n": 5}, 7]}', offset=0)
    assert isinstance(page, ModelsPage)
    assert repr(page.rows) == "[{'discount': Decimal('0.10'), 'n': 5}]"


@given(
    st.binary()
    | st.sampled_from([b"[]", b"{}", b'{"data": 1}', b'{"data": {"id": 1, "label": []}}', b"[" * 9_999])
)
def test_anything_else_is_a_failure(body: bytes) -> None:
    for outcome in (
        parse_generation(body, generation_id="x"),
        parse_key(body),
        parse_models_page(body, offset=0),
    ):
        assert isinstance(outcome, Failure)
        assert outcome.kind == "malformed"


def test_a_days_bill_is_an_exact_sum() -> None:
    day = b'{"date":"2026-11-22","model":"m","usage":999999.9999999999999999,"byok_usage_inference":1e-25}'
    found = parse_activity(b'{"data":[' + day + b"]}")
    assert not isinstance(found, Failure)
    assert found[0].billed == Decimal("999999.9999999999999999000000001")
