"""What a model answers: tool calls, structured output, and what cannot be used."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel, field_validator

from farthing.errors import InvalidTaskError, StreamBrokenError, TaskFailedError
from farthing.result import Restarted, TaskResult, TokenReceived
from farthing.testing import ScriptedUpstream, VirtualClock, answer, cut, deployment_on

SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches the library.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"query":"bees"}'}}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
            "required": ["city", "people"],
        },
    },
}
GLM = "thudm/glm-4-9b"
FREE_ONLY = {"environment": "development"}


async def ask(
    upstream: ScriptedUpstream,
    folder: Path,
    *,
    source: str = "balanced",
    overrides: Mapping[str, object] | None = None,
    **fields: object,
) -> TaskResult:
    async with deployment_on(
        upstream, folder, source, clock=VirtualClock(), overrides=overrides
    ) as deployment:
        return await deployment.execute_task("Find the bees.", **fields)


async def test_calls_of_tools_given_as_schemas_are_returned(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("", tool_calls=[CALL])])
    result = await ask(upstream, tmp_path, tools=[SEARCH])
    (call,) = result.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_1", "search", '{"query":"bees"}')
    assert (result.finish_reason, result.emulated_tools) == ("tool_calls", False)
    assert upstream.requests[0]["tools"] == [SEARCH]


async def test_tools_that_are_functions_are_run_to_a_final_answer(tmp_path: Path) -> None:
    asked: list[str] = []

    def search(query: str) -> str:
        """Searches the library."""
        asked.append(query)
        return f"three books about {query}"

    first = answer("", tool_calls=[CALL], cost="0.000002", generation_id="gen-1")
    upstream = ScriptedUpstream([first, answer("There are three.", cost="0.000003", generation_id="gen-2")])
    result = await ask(upstream, tmp_path, tools=[search], type="coding")
    assert (asked, result.output) == (["bees"], "There are three.")
    assert (result.metrics.cost, len(result.attempts)) == (Decimal("0.000005"), 2)
    messages = cast("list[dict[str, object]]", upstream.requests[1]["messages"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert "three books about bees" in str(messages[2]["content"])


async def test_a_model_without_tools_gets_them_by_prompt(tmp_path: Path) -> None:
    """GLM-4-9B has no native tool calling; in development it is the budget profile's only free model."""
    text = '```tool_call\n{"name": "search", "arguments": {"query": "bees"}}\n```'
    upstream = ScriptedUpstream([answer(text, cost="0")])
    glm = {"models.primary": "glm-4-9b", "models.fallback": None, **FREE_ONLY}
    result = await ask(upstream, tmp_path, source="budget", overrides=glm, tools=[SEARCH])
    (request,) = upstream.requests
    assert "tools" not in request
    assert "TOOLS_JSON" in str(request["messages"])
    assert (result.emulated_tools, result.output, result.finish_reason) == (True, "", "tool_calls")
    assert [(call.name, call.arguments) for call in result.tool_calls] == [("search", '{"query": "bees"}')]


async def test_a_broken_emulated_call_is_tried_again_and_never_shown(tmp_path: Path) -> None:
    broken = '```tool_call\n{"name": "serch", "arguments": {}}\n```'
    upstream = ScriptedUpstream([answer(broken, cost="0"), answer("There are bees.", cost="0")])
    glm = {"models.primary": "glm-4-9b", "models.fallback": None, **FREE_ONLY}
    async with deployment_on(upstream, tmp_path, "budget", clock=VirtualClock(), overrides=glm) as deployment:
        events = [event async for event in deployment.stream_task("Find the bees.", tools=[SEARCH])]
    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["There are bees."]
    assert len(upstream.requests) == 2


async def test_structured_output_is_checked_and_parsed(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer('{"city": "Bern", "people": 134000}')])
    result = await ask(upstream, tmp_path, type="structured", response_format=FORMAT)
    assert result.data == {"city": "Bern", "people": 134000}
    assert upstream.requests[0]["response_format"] == FORMAT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"city": "Bern"}', "people"),
        ("Bern has 134,000 people.", "not JSON"),
    ],
)
async def test_an_answer_that_fails_its_schema_is_sent_back_once(
    tmp_path: Path, text: str, problem: str
) -> None:
    upstream = ScriptedUpstream([answer(text), answer('{"city": "Bern", "people": 134000}')])
    result = await ask(upstream, tmp_path, type="structured", response_format=FORMAT)
    first, second = result.attempts
    assert problem in first.reason
    assert first.status == "failed"
    assert first.cost > 0
    assert first.model == second.model
    assert result.metrics.cost == first.cost + second.cost
    asked = cast("list[object]", upstream.requests[1]["messages"])
    assert asked[-2] == {"role": "assistant", "content": text}
    assert problem in str(asked[-1])
    assert result.data == {"city": "Bern", "people": 134000}


@pytest.mark.parametrize("texts", [("",), ("no JSON", "no JSON either")])
async def test_another_model_is_asked_when_there_is_nothing_to_mend(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    upstream = ScriptedUpstream([*map(answer, texts), answer('{"city": "Bern", "people": 134000}')])
    result = await ask(upstream, tmp_path, type="structured", response_format=FORMAT)
    models = [attempt.model for attempt in result.attempts]
    assert len(set(models[:-1])) == 1
    assert models[-1] != models[0]


async def test_json_that_was_cut_at_its_bound_is_not_asked_for_within_the_same_bound(tmp_path: Path) -> None:
    cut_short = answer('{"city": "Be', finish_reason="length")
    upstream = ScriptedUpstream([cut_short, answer('{"city": "Bern", "people": 134000}')])
    result = await ask(upstream, tmp_path, type="structured", response_format=FORMAT)
    first, second = result.attempts
    assert "cut at max_tokens" in first.reason
    assert first.model != second.model


async def test_plain_text_asked_for_by_name_is_plain_text(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([cut("half an ans")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(StreamBrokenError) as caught:
            async for _ in deployment.stream_task("Tell.", response_format={"type": "text"}):
                pass
    assert caught.value.received == "half an ans"


async def test_json_that_was_never_valid_is_no_broken_stream(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("no JSON") for _ in range(4)])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(TaskFailedError) as caught:
            async for _ in deployment.stream_task("Give JSON.", response_format={"type": "json_object"}):
                pass
    assert not isinstance(caught.value, StreamBrokenError)


async def test_a_model_without_response_formats_is_told_the_schema(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer('```json\n{"city": "Bern", "people": 134000}\n```')])
    async with deployment_on(upstream, tmp_path, "budget", clock=VirtualClock()) as deployment:
        result = await deployment.execute_task("Where?", model=GLM, response_format=FORMAT)
    (sent,) = upstream.requests
    assert "response_format" not in sent
    assert "people" in str(sent["messages"])
    assert result.data == {"city": "Bern", "people": 134000}


async def test_streamed_json_is_provisional_until_the_end(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("no JSON"), answer('{"a": 1}')])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        stream = deployment.stream_task("Give JSON.", response_format={"type": "json_object"})
        events = [event async for event in stream if isinstance(event, TokenReceived | Restarted)]
    first, restarted, second = events
    assert isinstance(restarted, Restarted)
    assert "not JSON" in restarted.reason
    assert [event.text for event in (first, second) if isinstance(event, TokenReceived)] == [
        "no JSON",
        '{"a": 1}',
    ]


UNFIT: list[dict[str, object]] = [
    {"response_format": {"type": "json_schema"}},
    {"response_format": {"type": "xml"}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "strng"}}}},
    {"tools": [{"type": "function", "function": {"name": "two words", "parameters": {}}}]},
    {"temprature": 0.2, "max_token": 5},
]


@pytest.mark.parametrize("fields", UNFIT)
async def test_what_no_model_can_take_is_refused_before_anything_is_sent(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(InvalidTaskError):
            await deployment.execute_task("Find the bees.", **fields)
    assert upstream.requests == []


async def test_request_options_pass_through(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("ok")])
    await ask(upstream, tmp_path, temperature=0.2, seed=7, session_id="agent-1", max_tokens=50)
    (request,) = upstream.requests
    kept = {key: request[key] for key in ("temperature", "seed", "session_id", "max_tokens")}
    assert kept == {"temperature": 0.2, "seed": 7, "session_id": "agent-1", "max_tokens": 50}


class City(BaseModel):
    city: str
    people: int

    @field_validator("people")
    @classmethod
    def somebody(cls, people: int) -> int:
        if people == 0:
            raise ValueError("nobody lives there")
        return people


async def test_json_that_is_nearly_right_costs_no_second_answer(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Sure: {'city': 'Bern', 'people': 134000,}")])
    result = await ask(upstream, tmp_path, type="structured", response_format=FORMAT)
    assert (result.data, result.repaired) == ({"city": "Bern", "people": 134_000}, True)
    assert (result.output, len(result.attempts)) == ('{"city": "Bern", "people": 134000}', 1)


async def test_a_type_is_asked_for_and_its_value_returned(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(
        [answer('{"city": "Bern", "people": 0}'), answer('{"city":"Bern","people":1}')]
    )
    result = await ask(upstream, tmp_path, output_type=City)
    assert (result.data, result.repaired) == (City(city="Bern", people=1), False)
    assert "nobody lives there" in str(upstream.requests[1]["messages"])
    asked = cast("Mapping[str, Mapping[str, object]]", upstream.requests[0]["response_format"])
    assert asked["json_schema"]["schema"] == City.model_json_schema()


async def test_a_type_beside_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTaskError, match="both output_type and response_format"):
        await ask(ScriptedUpstream([]), tmp_path, output_type=City, response_format=FORMAT)
