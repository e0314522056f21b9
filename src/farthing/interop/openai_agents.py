"""A model of the OpenAI Agents SDK that runs on a deployment: `Agent(model=FarthingModel(deployment))`.

Each of the agent's model calls is one task: it is routed, falls back, reserves, and is booked. Items become
chat messages and back by the SDK's own converter. Needs the extra `openai-agents`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, cast

from agents import ModelSettings
from agents.agent_output import AgentOutputSchemaBase
from agents.exceptions import UserError
from agents.handoffs import Handoff
from agents.items import ModelResponse, TResponseInputItem, TResponseStreamEvent
from agents.models.chatcmpl_converter import Converter
from agents.models.chatcmpl_stream_handler import ChatCmplStreamHandler
from agents.models.interface import Model, ModelTracing
from agents.tool import Tool as AgentTool
from agents.usage import Usage as AgentUsage
from msgspec import structs
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessage
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails
from openai.types.responses import Response
from openai.types.responses.response_prompt_param import ResponsePromptParam

from farthing.deployment import Deployment
from farthing.request import task_of
from farthing.result import TaskFinished, TaskResult, TokenReceived
from farthing.task import Labels, Task, TaskType, Usage, labelled

if TYPE_CHECKING:
    from openai import AsyncStream

Json = Mapping[str, object]

_OPTIONS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "parallel_tool_calls")
"""Settings of the SDK that are request options under the same name."""


class FarthingModel(Model):
    """`model` skips routing by type, `task_type` skips classification; `labels` say who is charged.

    `session_id` keeps an agent's conversation at one provider, whose prompt cache is then warm. Raises the
    errors of `Deployment.execute_task`, among them `BudgetExceededError`, and `UserError` for what only the
    Responses API has: stored prompts and conversations.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        model: str | None = None,
        task_type: TaskType | None = None,
        labels: Labels | None = None,
        session_id: str | None = None,
    ) -> None:
        self._deployment = deployment
        self._asked = Task(description="an agent's call", type=task_type, model=model, session_id=session_id)
        self._labels = labels

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the SDK's name
        model_settings: ModelSettings,
        tools: list[AgentTool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> ModelResponse:
        _refuse_stored(previous_response_id, conversation_id, prompt)
        offered = _offered(tools, handoffs)
        task = self._task(system_instructions, input, model_settings, offered, output_schema)
        result = await self._deployment.execute_task(task)
        message = ChatCompletionMessage.model_validate(_message(result))
        return ModelResponse(
            output=Converter.message_to_output_items(message, provider_data={"model": result.model}),
            usage=_usage(result.metrics.tokens),
            response_id=None,
            request_id=result.task_id,
        )

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the SDK's name
        model_settings: ModelSettings,
        tools: list[AgentTool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        _refuse_stored(previous_response_id, conversation_id, prompt)
        offered = _offered(tools, handoffs)
        task = self._task(system_instructions, input, model_settings, offered, output_schema)
        response = _begun(self._asked.model or "farthing")
        async with aclosing(self._chunks(task)) as chunks:
            stream = cast("AsyncStream[ChatCompletionChunk]", chunks)  # it is only iterated
            async for event in ChatCmplStreamHandler.handle_stream(response, stream):
                yield event

    async def _chunks(self, task: Task) -> AsyncGenerator[ChatCompletionChunk]:
        """A task's events as chunks. Text that may still be taken back is told at the end."""
        async with aclosing(self._deployment.stream_task(task)) as events:
            async for event in events:
                match event:
                    case TokenReceived(text=text) if not task.wants_json:
                        yield _chunk({"content": text})
                    case TaskFinished(result=result):
                        for chunk in _ending(result, text=task.wants_json):
                            yield chunk
                    case _:
                        pass

    def _task(
        self,
        system: str | None,
        items: str | list[TResponseInputItem],
        settings: ModelSettings,
        tools: Sequence[Json],
        output_schema: AgentOutputSchemaBase | None,
    ) -> Task:
        said = cast("list[Json]", Converter.items_to_messages(items))
        messages = [{"role": "system", "content": system}, *said] if system else said
        shape = Converter.convert_response_format(output_schema)
        options = {
            name: value for name in _OPTIONS if (value := cast(object, getattr(settings, name))) is not None
        }
        task = task_of(
            None,
            {
                "messages": messages,
                "tools": tools or None,
                "tool_choice": _chosen(settings) if tools else None,
                "response_format": shape if isinstance(shape, dict) else None,
                "max_tokens": settings.max_tokens,
                "options": options,
            },
        )
        asked = structs.replace(
            task, type=self._asked.type, model=self._asked.model, session_id=self._asked.session_id
        )
        return asked if self._labels is None else labelled(asked, self._labels)


def _refuse_stored(
    previous_response_id: str | None, conversation_id: str | None, prompt: ResponsePromptParam | None
) -> None:
    for name, value in (
        ("previous_response_id", previous_response_id),
        ("conversation_id", conversation_id),
        ("prompt", prompt),
    ):
        if value is not None:
            raise UserError(
                f"{name} is {value!r}, which only the Responses API has; give the items themselves"
            )


def _offered(tools: Sequence[AgentTool], handoffs: Sequence[Handoff]) -> list[Json]:
    functions = [Converter.tool_to_openai(tool) for tool in tools]
    others = [Converter.convert_handoff_tool(one) for one in handoffs]
    return cast("list[Json]", [*functions, *others])


def _chosen(settings: ModelSettings) -> object:
    choice = Converter.convert_tool_choice(settings.tool_choice)
    return choice if isinstance(choice, str | dict) else None


def _message(result: TaskResult) -> Json:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in result.tool_calls
    ]
    return {"role": "assistant", "content": result.output or None, "tool_calls": calls or None}


def _ending(result: TaskResult, *, text: bool) -> list[ChatCompletionChunk]:
    chunks = [_chunk({"content": result.output})] if text and result.output else []
    for at, call in enumerate(result.tool_calls):
        function = {"name": call.name, "arguments": call.arguments}
        told = {"index": at, "id": call.id, "type": "function", "function": function}
        chunks.append(_chunk({"tool_calls": [told]}))
    return [*chunks, _chunk({}, finish=result.finish_reason), _counted(result.metrics.tokens)]


def _chunk(delta: Json, *, finish: str | None = None) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return ChatCompletionChunk.model_validate(_chunk_head() | {"choices": [choice]})


def _counted(tokens: Usage) -> ChatCompletionChunk:
    return ChatCompletionChunk.model_validate(
        _chunk_head() | {"choices": [], "usage": _completion_usage(tokens).model_dump()}
    )


def _chunk_head() -> dict[str, object]:
    kind: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    return {"id": "farthing", "created": 0, "model": "farthing", "object": kind}


def _completion_usage(tokens: Usage) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=tokens.input_tokens,
        completion_tokens=tokens.output_tokens,
        total_tokens=tokens.total_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=tokens.cached_tokens),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=tokens.reasoning_tokens),
    )


def _usage(tokens: Usage) -> AgentUsage:
    told = _completion_usage(tokens)
    return AgentUsage(
        requests=1,
        input_tokens=told.prompt_tokens,
        output_tokens=told.completion_tokens,
        total_tokens=told.total_tokens,
        input_tokens_details=told.prompt_tokens_details,  # pyright: ignore[reportArgumentType] - it converts them
        output_tokens_details=told.completion_tokens_details,  # pyright: ignore[reportArgumentType] - likewise
    )


def _begun(model: str) -> Response:
    """The response that the SDK's handler fills from the chunks."""
    return Response.model_validate(
        {
            "id": "farthing",
            "created_at": 0,
            "model": model,
            "object": "response",
            "output": [],
            "tool_choice": "auto",
            "tools": [],
            "parallel_tool_calls": True,
        }
    )
