"""Every format's shapes, written out here by hand, and read into records."""

import json
from datetime import date
from decimal import Decimal

import pytest
from tests.usage.texts import bad, good, read

from farthing.task import Usage
from farthing.usage.read import Found
from farthing.usage.record import Record

DAY = date(2026, 9, 1)


def only_record(text: str) -> Record:
    (record,) = good(read(text))
    return record


def title(text: str) -> str:
    (found,) = read(text)
    assert isinstance(found, Found)
    return found.layout.title


def table(header: str, *rows: str) -> str:
    return "\n".join((header, *rows)) + "\n"


def test_anthropic_usage_of_the_console() -> None:
    text = table(
        "usage_date_utc,model_version,usage_type,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
        "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count",
        "2026-09-01,claude-sonnet-4-20250514,batch,100,20,3,400,50,1",
    )
    assert title(text) == "Anthropic Console, usage"
    assert only_record(text) == Record(
        model="claude-sonnet-4-20250514",
        day=DAY,
        usage=Usage(input_tokens=523, cached_tokens=400, cache_write_tokens=23, output_tokens=50),
        marks=("one_hour_cache", "batch"),
    )


def test_anthropic_cost_of_the_console() -> None:
    text = table(
        "usage_date_utc,model,workspace,token_type,cost_usd,list_price_usd,cost_type",
        "2026-09-01,Claude Sonnet 4.5,Default,output,12.45,12.45,token",
        "2026-09-01,,Default,,0.12,0.12,web_search",
    )
    assert [(one.model, one.cost) for one in good(read(text))] == [
        ("Claude Sonnet 4.5", Decimal("12.45")),
        ("", Decimal("0.12")),
    ]


def test_anthropic_usage_report_of_the_admin_api() -> None:
    result = {
        "model": "claude-opus-4-6",
        "uncached_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": 400,
        "output_tokens": 50,
        "service_tier": "standard",
    }
    page = {"data": [{"starting_at": "2026-09-01T00:00:00Z", "results": [result]}], "has_more": False}
    assert title(json.dumps(page)) == "Anthropic Admin API, usage report"
    assert only_record(json.dumps(page)) == Record(
        model="claude-opus-4-6",
        day=DAY,
        usage=Usage(input_tokens=520, cached_tokens=400, cache_write_tokens=20, output_tokens=50),
    )


def test_anthropic_cost_report_is_in_cents() -> None:
    result = {"currency": "USD", "amount": "123.45", "model": "claude-opus-4-6", "cost_type": "tokens"}
    page = {"data": [{"starting_at": "2026-09-01T00:00:00Z", "results": [result]}]}
    assert only_record(json.dumps(page)).cost == Decimal("1.2345")


def test_openai_usage_as_a_table_with_an_empty_bucket() -> None:
    text = table(
        "start_time,end_time,start_time_iso,end_time_iso,num_model_requests,model,batch,input_tokens,output_tokens,"
        "input_cached_tokens",
        "1788220800,1788307200,2026-09-01T00:00:00+00:00,2026-09-02T00:00:00+00:00,5.0,gpt-4o,False,1000,500,800",
        "1788307200,1788393600,2026-09-02T00:00:00+00:00,2026-09-03T00:00:00+00:00,,,,,,",
    )
    assert bad(read(text)) == []
    assert only_record(text) == Record(
        model="gpt-4o",
        day=DAY,
        usage=Usage(input_tokens=1000, cached_tokens=800, output_tokens=500),
        requests=5,
    )


def test_openai_usage_and_costs_of_the_api_side_by_side() -> None:
    usage = {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000,
        "output_tokens": 500,
        "input_cached_tokens": 800,
        "num_model_requests": 5,
        "model": None,
        "batch": True,
    }
    cost = {
        "object": "organization.costs.result",
        "amount": {"value": 0.06, "currency": "usd"},
        "line_item": "gpt-4o, input",
    }
    bucket = {"object": "bucket", "start_time": 1788220800, "results": [usage, cost]}
    first, second = good(read(json.dumps({"object": "page", "data": [bucket]})))
    assert (first.model, first.usage.cached_tokens, first.day, first.marks) == (
        "(none)",
        800,
        DAY,
        ("batch",),
    )
    assert (second.model, second.cost, second.day) == ("gpt-4o", Decimal("0.06"), DAY)


def test_openai_costs_as_a_table() -> None:
    text = table(
        "start_time,start_time_iso,amount_value,amount_currency,line_item",
        "1788220800,2026-09-01T00:00:00,0.00383598000,usd,",
        "1788220800,2026-09-01T00:00:00,,,",
    )
    assert (only_record(text).model, only_record(text).cost) == ("", Decimal("0.00383598000"))


@pytest.mark.parametrize("as_table", [True, False])
def test_openai_before_2025(as_table: bool) -> None:
    row = {
        "aggregation_timestamp": 1788220800,
        "n_requests": 2,
        "operation": "completion",
        "snapshot_id": "gpt-3.5-turbo-0125",
        "n_context_tokens_total": 70,
        "n_generated_tokens_total": 9,
    }
    rows = table(",".join(row), ",".join(str(value) for value in row.values()))
    text = rows if as_table else json.dumps({"object": "list", "data": [row], "ft_data": []})
    assert only_record(text) == Record(
        model="gpt-3.5-turbo-0125", day=DAY, usage=Usage(input_tokens=70, output_tokens=9), requests=2
    )


LITELLM = {
    "request_id": "r1",
    "model": "claude-sonnet-4",
    "spend": 0.5,
    "total_tokens": 1000,
    "prompt_tokens": 900,
    "completion_tokens": 100,
    "startTime": "2026-09-01T10:00:00Z",
    "metadata": {
        "additional_usage_values": {
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": None,
            "prompt_tokens_details": {"cached_tokens": 40},
        }
    },
}


@pytest.mark.parametrize("container", ["lines", "list", "page", "table"])
def test_litellm_spend_logs(container: str) -> None:
    row = json.dumps(LITELLM)
    quoted = json.dumps(LITELLM["metadata"]).replace('"', '""')
    text = {
        "lines": f"{row}\n{row[:50]}\n",
        "list": f"[{row}]",
        "page": json.dumps({"data": [LITELLM], "total": 1}, indent=1),
        "table": table(
            "request_id,model,spend,total_tokens,prompt_tokens,completion_tokens,startTime,metadata",
            f'r1,claude-sonnet-4,0.5,1000,900,100,2026-09-01T10:00:00Z,"{quoted}"',
        ),
    }[container]
    assert only_record(text) == Record(
        model="claude-sonnet-4",
        day=DAY,
        usage=Usage(input_tokens=900, cached_tokens=40, output_tokens=100),
        requests=1,
        cost=Decimal("0.5"),
    )


def test_litellms_own_cache_is_marked() -> None:
    assert only_record(json.dumps({**LITELLM, "cache_hit": "True", "spend": 0})).marks == ("own_cache",)
    assert only_record(json.dumps({**LITELLM, "cache_hit": "None"})).marks == ()


def test_litellm_of_old_counted_cached_tokens_apart() -> None:
    usage = only_record(json.dumps({**LITELLM, "prompt_tokens": 10})).usage
    assert (usage.input_tokens, usage.cached_tokens) == (50, 40)


def test_openrouter_generations_with_an_own_key() -> None:
    text = table(
        "generation_id,created_at,cost_total,cost_cache,byok_usage_inference,tokens_prompt,tokens_completion,"
        "tokens_reasoning,tokens_cached,model_permaslug",
        "gen-1,2026-09-01 02:37:51.271,0.01,-0.005,0.02,100,200,50,30,openai/gpt-4.1-2025-04-14",
    )
    assert only_record(text) == Record(
        model="openai/gpt-4.1-2025-04-14",
        day=DAY,
        usage=Usage(input_tokens=100, cached_tokens=30, output_tokens=200, reasoning_tokens=50),
        requests=1,
        cost=Decimal("0.03"),
    )


def test_openrouter_days_as_a_table() -> None:
    text = table(
        "Date,Slug,Usage,BYOK Usage,Requests,Prompt Tokens,Completion Tokens,Reasoning Tokens",
        '"2026-09-01 00:00:00","anthropic/claude-opus-4.7","430.07","0","4115","70965665","3009973","0"',
    )
    record = only_record(text)
    assert (record.model, record.requests, record.cost) == (
        "anthropic/claude-opus-4.7",
        4115,
        Decimal("430.07"),
    )
    assert record.usage == Usage(input_tokens=70965665, output_tokens=3009973)


def test_openrouter_activity_api() -> None:
    row = {
        "date": "2026-09-01",
        "model": "openai/gpt-4.1",
        "model_permaslug": "openai/gpt-4.1-2025-04-14",
        "usage": 0.015,
        "byok_usage_inference": 0.012,
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 125,
        "reasoning_tokens": 25,
    }
    record = only_record(json.dumps({"data": [row]}))
    assert (record.model, record.day, record.requests, record.cost) == (
        "openai/gpt-4.1",
        DAY,
        5,
        Decimal("0.027"),
    )


def test_a_plain_table_by_exact_and_similar_names() -> None:
    text = table(
        "Datum;Modell;Input Tokns;Output-Tokens;Kosten;Type", "01.09.2026;gpt;1.000;20;0,25;analysis"
    )
    (found,) = read(text)
    assert isinstance(found, Found)
    assert found.layout.guessed == {"input": "input tokns"}
    assert found.record == Record(
        model="gpt",
        day=DAY,
        usage=Usage(input_tokens=1000, output_tokens=20),
        cost=Decimal("0.25"),
        task_type="analysis",
    )


def test_objects_of_nobody_are_plain_too() -> None:
    record = only_record('[{"model_name": "m", "tokens_in": 5, "tokens_out": 7, "usd": 0.5}]')
    assert (record.usage.total_tokens, record.cost) == (12, Decimal("0.5"))
