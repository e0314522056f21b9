"""The official SDK takes the simulator for the real thing."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel
from tests.simulator.conftest import Opener, rule

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Oslo?"}]
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer", "minimum": 1, "maximum": 5},
                },
                "required": ["city", "days"],
            },
        },
    }
]


class Bridge(BaseModel):
    name: str
    length_m: int
    materials: list[str]


@asynccontextmanager
async def _client(
    open_simulator: Opener, scenario: dict[str, object] | None = None, key: str = "sk-or-test"
) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with (
        open_simulator(scenario) as caller,
        openai.AsyncOpenAI(api_key=key, base_url=caller.simulator.base_url, max_retries=0) as client,
    ):
        yield client


async def test_plain(open_simulator: Opener) -> None:
    async with _client(open_simulator) as client:
        reply = await client.chat.completions.create(model="acme/plain", messages=ASK, max_tokens=300)
    assert (reply.choices[0].message.content or "").startswith("[simulated]")
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


async def test_streamed(open_simulator: Opener) -> None:
    async with _client(open_simulator) as client:
        stream = await client.chat.completions.create(model="acme/plain", messages=ASK, stream=True)
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("[simulated]")
    assert chunks[-1].usage is not None


async def test_a_tool_call_and_the_answer_to_its_result(open_simulator: Opener) -> None:
    async with _client(open_simulator) as client:
        first = await client.chat.completions.create(model="acme/plain", messages=ASK, tools=TOOLS)
        assert first.choices[0].finish_reason == "tool_calls"
        call = (first.choices[0].message.tool_calls or [])[0]
        assert call.type == "function"
        arguments = json.loads(call.function.arguments)
        assert (call.function.name, 1 <= arguments["days"] <= 5) == ("get_weather", True)
        answered: list[ChatCompletionMessageParam] = [
            *ASK,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "rain"},
        ]
        last = await client.chat.completions.create(model="acme/plain", messages=answered, tools=TOOLS)
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].message.content


async def test_a_tool_call_in_pieces(open_simulator: Opener) -> None:
    async with (
        _client(open_simulator) as client,
        client.chat.completions.stream(
            model="acme/plain",
            messages=ASK,
            tools=TOOLS,
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
        ) as stream,
    ):
        pieces = [event async for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = await stream.get_final_completion()
    assert len(pieces) > 1
    call = (final.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments)["city"]


async def test_structured(open_simulator: Opener) -> None:
    async with _client(open_simulator) as client:
        reply = await client.chat.completions.parse(model="acme/plain", messages=ASK, response_format=Bridge)
        loose = await client.chat.completions.create(
            model="acme/plain", messages=ASK, response_format={"type": "json_object"}
        )
    assert isinstance(reply.choices[0].message.parsed, Bridge)
    assert json.loads(loose.choices[0].message.content or "")["simulated"] is True


async def test_models(open_simulator: Opener) -> None:
    async with _client(open_simulator) as client:
        assert "acme/plain" in [model.id async for model in client.models.list()]


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("invalid_request", openai.BadRequestError, 400),
        ("context_length", openai.BadRequestError, 400),
        ("credits", openai.APIStatusError, 402),
        ("permission", openai.PermissionDeniedError, 403),
        ("model_not_found", openai.NotFoundError, 404),
        ("unprocessable", openai.UnprocessableEntityError, 422),
        ("rate_limit", openai.RateLimitError, 429),
        ("server_error", openai.InternalServerError, 500),
        ("overloaded", openai.InternalServerError, 503),
        ("edge_overloaded", openai.InternalServerError, 529),
    ],
)
async def test_errors(
    open_simulator: Opener, kind: str, error: type[openai.APIStatusError], status: int
) -> None:
    async with _client(open_simulator, rule(kind)) as client:
        with pytest.raises(error) as caught:
            await client.chat.completions.create(model="acme/plain", messages=ASK)
    assert caught.value.status_code == status
    assert "simulated" in caught.value.response.text


async def test_a_wrong_key(open_simulator: Opener) -> None:
    async with _client(open_simulator, key="sk-or-test-invalid") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="acme/plain", messages=ASK)


async def test_an_error_in_mid_stream(open_simulator: Opener) -> None:
    async with _client(open_simulator, rule("stream_error")) as client:
        stream = await client.chat.completions.create(model="acme/plain", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="overloaded"):
            async for _ in stream:
                pass
