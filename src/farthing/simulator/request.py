"""A chat request as OpenRouter reads it, and what is refused before any model is asked.

Pure. Unknown fields are ignored, as OpenRouter does; wrong types are a 400. What the answer says is
`compose.py`'s.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import msgspec

from farthing.simulator.books import Shelf, SimulatedModel
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.counting import IMAGE_TOKENS, MESSAGE_TOKENS, count_tokens
from farthing.simulator.shapes import mapping
from farthing.simulator.tariff import Rates

_PER_MILLION = Fraction(1, 1_000_000)
_TASK_MARKER = re.compile(r"\[task:([^\]]+)\]")


class OfferedFunction(msgspec.Struct):
    name: str
    description: str = ""
    parameters: dict[str, object] = {}


class OfferedTool(msgspec.Struct):
    function: OfferedFunction
    type: str = "function"


class ChatMessage(msgspec.Struct):
    role: str
    content: str | list[dict[str, object]] | None = None
    tool_calls: list[dict[str, object]] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part["text"]) for part in self.content or () if "text" in part)


class MaxPrice(msgspec.Struct, omit_defaults=True):
    """US dollars per million tokens; `request` per call."""

    prompt: Decimal | None = None
    completion: Decimal | None = None
    request: Decimal | None = None


PROVIDERS = ("Simulated North", "Simulated South", "Simulated East")


class ProviderPreferences(msgspec.Struct):
    max_price: MaxPrice | None = None
    ignore: list[str] | None = None
    order: list[str] | None = None
    require_parameters: bool | None = None


class ChatBody(msgspec.Struct):
    """The fields that the simulator acts on."""

    messages: list[ChatMessage]
    model: str | None = None
    models: list[str] | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: list[OfferedTool] | None = None
    tool_choice: str | dict[str, object] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, object] | None = None
    session_id: str | None = None
    provider: ProviderPreferences | None = None
    reasoning: dict[str, object] | None = None
    plugins: list[dict[str, object]] | None = None
    metadata: dict[str, object] | None = None
    stream_options: dict[str, object] | None = None
    service_tier: str | None = None

    @property
    def wants_flex(self) -> bool:
        """Whether flex endpoints may serve it: `:floor` lets them compete, the tier asks for them alone."""
        return self.service_tier == "flex" or any(name.endswith(":floor") for name in self.names)

    @property
    def reports_usage(self) -> bool:
        """Whether a plain server tells the usage: of a stream only on request."""
        return not self.stream or bool((self.stream_options or {}).get("include_usage"))

    @property
    def beyond_plain(self) -> str | None:
        """The first field that only OpenRouter understands, if there is one."""
        own = ("models", "session_id", "provider", "reasoning", "plugins")
        return next((name for name in own if getattr(self, name) is not None), None)

    @property
    def bound(self) -> int | None:
        """The most output tokens the caller allows."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def names(self) -> list[str]:
        return [*([self.model] if self.model else []), *(self.models or [])]

    @property
    def system_text(self) -> str:
        return "\n".join(m.text for m in self.messages if m.role in {"system", "developer"})

    @property
    def last_user_text(self) -> str:
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def last_answer(self) -> str:
        """The model's own last words, where the conversation ends with a user message right after them."""
        if len(self.messages) < 2 or self.messages[-1].role != "user":
            return ""
        before = self.messages[-2]
        return before.text if before.role == "assistant" and not before.tool_calls else ""

    @property
    def task_marker(self) -> str | None:
        """What the caller calls this task: `metadata.task`, or `[task:…]` in the last user message."""
        if self.metadata and "task" in self.metadata:
            return str(self.metadata["task"])
        found = _TASK_MARKER.search(self.last_user_text)
        return found.group(1) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A request that a model takes."""

    body: ChatBody
    model: SimulatedModel
    prompt_tokens: int
    bytes: int


RatesOf = Callable[[SimulatedModel, int], Rates]
"""The rates of a model for a prompt of that many tokens now: a call, so that the clock stays outside."""

_DECODER = msgspec.json.Decoder(ChatBody)


def read_body(raw: bytes, *, plain: bool = False) -> ChatBody | Condition:
    """The request, or the 400 it gets. `plain`: a server that refuses what only OpenRouter understands."""
    try:
        body = _DECODER.decode(raw)
    except msgspec.ValidationError as error:
        return _invalid(f"Input validation: {error}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _invalid("The body is not valid JSON.")
    if plain and body.beyond_plain is not None:
        return _invalid(f"Unrecognized request argument supplied: {body.beyond_plain}")
    if not body.names:
        return _invalid("No models provided: give `model` or `models`.")
    if not body.messages:
        return _invalid("Input required: give `messages`.")
    if body.bound is not None and body.bound < 1:
        return _invalid("max_tokens must be at least 1.")
    if body.session_id is not None and len(body.session_id) > 256:
        return _invalid("session_id must be at most 256 characters.")
    return body


def admit(body: ChatBody, shelf: Shelf, *, size: int, rates_of: RatesOf) -> Admitted | Condition:
    """The first of the named models that takes the request, or why the last of them does not."""
    outcome: Admitted | Condition = CONDITIONS["model_not_found"]
    for name in body.names:
        outcome = _admit_one(name, body, shelf, size=size, rates_of=rates_of)
        if isinstance(outcome, Admitted):
            break
    return outcome


def count_prompt(body: ChatBody, model: str) -> int:
    """Prompt tokens: messages with their template, tool calls and tool schemas."""
    total = MESSAGE_TOKENS - 1
    for message in body.messages:
        total += MESSAGE_TOKENS + count_tokens(message.text, model)
        if isinstance(message.content, list):
            total += IMAGE_TOKENS * sum("text" not in part for part in message.content)
        if message.tool_calls:
            total += len(msgspec.json.encode(message.tool_calls)) // 4
    if body.tools:
        total += len(msgspec.json.encode(body.tools)) // 4
    if body.response_format:
        total += len(msgspec.json.encode(body.response_format)) // 4
    return total


def _admit_one(
    name: str, body: ChatBody, shelf: Shelf, *, size: int, rates_of: RatesOf
) -> Admitted | Condition:
    model = shelf.find(name)
    if model is None:
        return replace(CONDITIONS["model_not_found"], message=f"No such model: {name}.")
    prompt = count_prompt(body, model.id)
    if model.context_tokens is not None:
        excess = prompt + (body.bound or 0) - model.context_tokens
        if excess > 0 and _compresses(body, model.context_tokens):
            prompt = max(1, prompt - excess)
        elif excess > 0:
            wanted = f"{prompt} of prompt and {body.bound or 0} of output"
            return replace(
                CONDITIONS["context_length"],
                message=f"The maximum context length is {model.context_tokens} tokens; asked: {wanted}.",
            )
    preferences = body.provider
    if preferences is not None:
        if preferences.max_price is not None and not _affordable(
            preferences.max_price, rates_of(model, prompt)
        ):
            return CONDITIONS["constraint_filtered"]
        if preferences.require_parameters and not _wanted_parameters(body) <= model.supported:
            return CONDITIONS["no_endpoints"]
    if not willing(body):
        return CONDITIONS["no_endpoints"]
    return Admitted(body=body, model=model, prompt_tokens=prompt, bytes=size)


def willing(body: ChatBody) -> tuple[str, ...]:
    """The providers that may serve the call: every model has all of them."""
    ignored = body.provider.ignore if body.provider is not None else None
    return tuple(name for name in PROVIDERS if name not in (ignored or ()))


def _affordable(ceiling: MaxPrice, rates: Rates) -> bool:
    zero = Fraction(0)
    return (
        (ceiling.prompt is None or rates.get("prompt", zero) <= Fraction(ceiling.prompt) * _PER_MILLION)
        and (
            ceiling.completion is None
            or rates.get("completion", zero) <= Fraction(ceiling.completion) * _PER_MILLION
        )
        and (ceiling.request is None or rates.get("request", zero) <= Fraction(ceiling.request))
    )


def _compresses(body: ChatBody, context_tokens: int) -> bool:
    """Context compression is on for small contexts unless it is switched off, and elsewhere on request."""
    for plugin in body.plugins or ():
        if plugin.get("id") == "context-compression":
            return plugin.get("enabled") is not False
    return context_tokens <= 8192


def _wanted_parameters(body: ChatBody) -> set[str]:
    wanted: Mapping[str, object] = {
        "tools": body.tools,
        "response_format": body.response_format,
        "reasoning": body.reasoning,
    }
    return {name for name, value in wanted.items() if value}


def schema_of(response_format: Mapping[str, object] | None) -> object | None:
    """The schema an answer must meet; `{}` for any JSON object, None for text."""
    match (response_format or {}).get("type"):
        case "json_schema":
            return mapping((response_format or {}).get("json_schema")).get("schema", {})
        case "json_object":
            return {}
        case _:
            return None


def _invalid(message: str) -> Condition:
    return replace(CONDITIONS["invalid_request"], message=message)
