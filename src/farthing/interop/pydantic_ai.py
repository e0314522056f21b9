"""A Pydantic AI model that runs on a deployment: `Agent(FarthingModel(deployment))`.

Each of the agent's model calls is one task: it is routed, falls back, reserves, and is booked. The agent
keeps its own loop and tools; Farthing sees their schemas. Needs the extra `pydantic-ai`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from msgspec import structs
from pydantic_ai import RunContext
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from farthing.deployment import Deployment
from farthing.result import TaskFinished, TaskResult, TokenReceived
from farthing.swarm.events import LoopEvent
from farthing.task import ContentPart, Labels, Message, Task, TaskType, Tool, ToolCall, Usage, labelled

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logit_bias": "logit_bias",
    "parallel_tool_calls": "parallel_tool_calls",
    "stop_sequences": "stop",
}
"""Pydantic AI's settings, and the request options of OpenRouter that they are."""
_PROFILE = ModelProfile(supports_json_schema_output=True, supports_json_object_output=True)


class FarthingModel(Model[None]):
    """`model` skips routing by type, `task_type` skips classification; `labels` say who is charged.

    `session_id` keeps an agent's conversation at one provider, whose prompt cache is then warm. A response's
    `provider_details` have its cost, basis and baseline as text of dollars. Raises the errors of
    `Deployment.execute_task`, among them `BudgetExceededError`, and `UserError` for a message that no
    chat completion can carry.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        model: str | None = None,
        task_type: TaskType | None = None,
        labels: Labels | None = None,
        session_id: str | None = None,
        settings: ModelSettings | None = None,
    ) -> None:
        super().__init__(settings=settings, profile=_PROFILE)
        self._deployment = deployment
        self._asked = Task(description="an agent's call", type=task_type, model=model, session_id=session_id)
        self._labels = labels

    @property
    def model_name(self) -> str:
        return self._asked.model or self._deployment.config.name

    @property
    def system(self) -> str:
        return "farthing"

    @property
    def base_url(self) -> str | None:
        return None

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        result = await self._deployment.execute_task(self._task(messages, settings, parameters))
        return _response(result)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[object] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        task = self._task(messages, settings, parameters)
        async with aclosing(self._deployment.stream_task(task)) as events:
            yield _Streamed(
                model_request_parameters=parameters,
                events=events,
                named=self.model_name,
                at_once=not task.wants_json,
            )

    def _task(
        self, messages: Sequence[ModelMessage], settings: ModelSettings | None, wanted: ModelRequestParameters
    ) -> Task:
        given = cast("Mapping[str, object]", settings or {})
        tools = tuple(_tool(one) for one in (*wanted.declared_function_tools, *wanted.output_tools))
        task = structs.replace(
            self._asked,
            messages=(*_standing(self, messages, wanted), *_conversation(messages)),
            tools=tools,
            tool_choice=_tool_choice(given, wanted) if tools else None,
            response_format=_format(wanted),
            max_tokens=cast("int | None", given.get("max_tokens")),
            timeout_s=cast("float | None", given.get("timeout")),
            options={ours: given[theirs] for theirs, ours in _OPTIONS.items() if theirs in given},
        )
        return task if self._labels is None else labelled(task, self._labels)


@dataclass
class _Streamed(StreamedResponse):
    """The events of one task. Text that may still be taken back is told at the end."""

    events: AsyncIterator[LoopEvent] = field(kw_only=True)
    named: str = field(kw_only=True)
    at_once: bool = field(kw_only=True)
    began: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        async for event in self.events:
            match event:
                case TokenReceived(text=text) if self.at_once:
                    for part in self._parts_manager.handle_text_delta(vendor_part_id="text", content=text):
                        yield part
                case TaskFinished(result=result):
                    for part in self._ending(result):
                        yield part
                case _:
                    pass

    def _ending(self, result: TaskResult) -> list[ModelResponseStreamEvent]:
        response = _response(result)
        self.named = response.model_name or self.named
        self._usage = response.usage
        self.finish_reason = response.finish_reason
        self.provider_response_id = response.provider_response_id
        self.provider_details = response.provider_details
        told: list[ModelResponseStreamEvent] = []
        if not self.at_once and result.output:
            told += self._parts_manager.handle_text_delta(vendor_part_id="text", content=result.output)
        for call in result.tool_calls:
            told.append(
                self._parts_manager.handle_tool_call_part(
                    vendor_part_id=call.id,
                    tool_name=call.name,
                    args=call.arguments,
                    tool_call_id=call.id,
                )
            )
        return told

    @property
    def model_name(self) -> str:
        return self.named

    @property
    def provider_name(self) -> str:
        return "farthing"

    @property
    def provider_url(self) -> str | None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self.began


def _response(result: TaskResult) -> ModelResponse:
    metrics = result.metrics
    parts: list[ModelResponsePart] = [TextPart(content=result.output)] if result.output else []
    parts += [
        ToolCallPart(tool_name=call.name, args=call.arguments, tool_call_id=call.id)
        for call in result.tool_calls
    ]
    finish = {"tool_calls": "tool_call"}.get(result.finish_reason, result.finish_reason)
    details: dict[str, object] = {
        "cost_usd": format(metrics.cost, "f"),
        "cost_basis": metrics.cost_basis,
        "baseline_model": metrics.baseline_model,
        "baseline_cost_usd": None if metrics.baseline_cost is None else format(metrics.baseline_cost, "f"),
        "simulated": result.simulated,
        "cached": result.cached,
    }
    return ModelResponse(
        parts=parts,
        usage=_usage(metrics.tokens),
        model_name=result.model,
        provider_name="farthing",
        provider_response_id=result.task_id,
        provider_details=details,
        finish_reason=cast("None", finish),  # one of theirs: the words are ours but for the tools'
    )


def _usage(tokens: Usage) -> RequestUsage:
    return RequestUsage(
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        cache_read_tokens=tokens.cached_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
        details={"reasoning_tokens": tokens.reasoning_tokens} if tokens.reasoning_tokens else {},
    )


def _standing(
    model: FarthingModel, messages: Sequence[ModelMessage], wanted: ModelRequestParameters
) -> list[Message]:
    parts = wanted.instruction_parts
    if parts is None:
        said = next((one.instructions for one in reversed(messages) if isinstance(one, ModelRequest)), None)
        return [Message(role="system", content=said)] if said else []
    return [Message(role="system", content=part.content) for part in parts]


def _conversation(messages: Sequence[ModelMessage]) -> list[Message]:
    said: list[Message] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            for part in message.parts:
                said += _asked(part)
        else:
            said.append(_answered(message))
    return said


def _asked(part: ModelRequestPart) -> list[Message]:
    match part:
        case SystemPromptPart(content=content):
            return [Message(role="system", content=content)]
        case UserPromptPart(content=str(content)):
            return [Message(role="user", content=content)]
        case UserPromptPart():
            return [Message(role="user", content=_content(part.content))]
        case ToolReturnPart():
            text, files = part.model_response_str_and_user_content()
            result = Message(role="tool", content=text, tool_call_id=part.tool_call_id, name=part.tool_name)
            return [result, *([Message(role="user", content=_content(files))] if files else [])]
        case _:
            raise UserError(f"FarthingModel cannot send a {type(part).__name__} to a chat completion")


def _content(items: str | Sequence[UserContent]) -> tuple[ContentPart, ...]:
    parts: list[ContentPart] = []
    for item in [items] if isinstance(items, str) else items:
        match item:
            case str():
                parts.append({"type": "text", "text": item})
            case TextContent(content=text):
                parts.append({"type": "text", "text": text})
            case ImageUrl(url=url):
                parts.append({"type": "image_url", "image_url": {"url": url}})
            case BinaryContent() if item.is_image:
                parts.append({"type": "image_url", "image_url": {"url": item.data_uri}})
            case CachePoint():
                pass
            case _:
                raise UserError(f"FarthingModel cannot send a {type(item).__name__}; give text or an image")
    return tuple(parts)


def _answered(message: ModelResponse) -> Message:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for part in message.parts:
        match part:
            case TextPart(content=content):
                texts.append(content)
            case ToolCallPart():
                calls.append(
                    ToolCall(id=part.tool_call_id, name=part.tool_name, arguments=part.args_as_json_str())
                )
            case ThinkingPart():
                pass  # what a model thought is not sent back to another one
            case _:
                raise UserError(f"FarthingModel cannot send a {type(part).__name__} back to a model")
    return Message(role="assistant", content="\n\n".join(texts) or None, tool_calls=tuple(calls))


def _tool(definition: ToolDefinition) -> Tool:
    return Tool(
        name=definition.name,
        description=definition.description or "",
        parameters=definition.parameters_json_schema,
    )


def _tool_choice(settings: Mapping[str, object], wanted: ModelRequestParameters) -> object:
    chosen = settings.get("tool_choice")
    if isinstance(chosen, list):
        names = cast("list[str]", chosen)
        return {"type": "function", "function": {"name": names[0]}} if len(names) == 1 else "required"
    if chosen in {"none", "required"} and not (chosen == "none" and wanted.output_tools):
        return chosen
    return None if wanted.allow_text_output else "required"


def _format(wanted: ModelRequestParameters) -> dict[str, object] | None:
    output = wanted.output_object
    if wanted.output_mode != "native" or output is None:
        return None
    named = {"name": output.name or "answer", "schema": output.json_schema, "strict": bool(output.strict)}
    return {"type": "json_schema", "json_schema": named}
