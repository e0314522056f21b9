"""The request for one candidate: the task fitted to what the model can, and to how this attempt differs.

Decides what is sent and the most it may cost; reserves nothing and sends nothing. Tools and schemas go by
prompt where the model has no native way; a repair sends the faulty answer back, a continuation what came.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
from msgspec import structs

from farthing.catalog.models import Catalog, Model
from farthing.config.schema import DeploymentConfig
from farthing.config.upstreams import place_of
from farthing.errors import InvalidTaskError
from farthing.prompt.emulate import check_tools, emulated_messages
from farthing.prompt.outputs import format_of
from farthing.prompt.structured import continued_messages, repair_messages, schema_messages
from farthing.result import Candidate
from farthing.routing.fallback import Invalid
from farthing.routing.validate import schema_of
from farthing.spend.reservation import (
    ProviderMemo,
    Unbounded,
    WorstCase,
    costly_option,
    reasoning_for,
    worst_case,
)
from farthing.task import Message, Task
from farthing.upstream.wire import ChatRequest, encode_request

_COMPRESSION: Mapping[str, object] = {"id": "context-compression", "enabled": True}
"""OpenRouter's plugin that shortens a prompt from its middle to the model's context."""


class Way(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt differs from a plain first one."""

    avoid: tuple[str, ...] = ()
    """Providers that shall not serve it."""
    repair: Invalid | None = None
    compress: bool = False
    continues: str = ""
    """The text that the caller has already, to go on from."""
    extends: bool = False
    """Whether that text is an answer that was accepted, and not what came of a broken one."""
    floor: bool = False
    """By the cheapest provider, the flex tier included; `max_price` holds it to the dated price."""
    batch: bool = False
    """As an item of a batch, whose replies are never streamed."""


PLAIN = Way()


class Fitted(NamedTuple):
    """A request with its encoding and its bound."""

    request: ChatRequest
    body: bytes
    worst: WorstCase


def checked(task: Task) -> Task:
    """The task with its tools normalised and its type of output as a format.

    What would fail at every model is refused before there is a route: raises `InvalidTaskError`.
    """
    if task.tools:
        checked = check_tools(task.tools)
        if checked.problems:
            raise InvalidTaskError("; ".join(checked.problems))
        task = structs.replace(task, tools=checked.tools)
    if task.output_type is not None:
        if task.response_format is not None:
            raise InvalidTaskError("a task has both output_type and response_format; give one of them")
        task = structs.replace(task, response_format=format_of(task.output_type))
    elif task.response_format is not None and task.response_format.get("type") != "text":
        schema_of(task.response_format)
    return task


def fit(
    task: Task,
    candidate: Candidate,
    way: Way,
    *,
    config: DeploymentConfig,
    catalog: Catalog,
    preferences: ProviderMemo,
    most_tokens: int | None = None,
) -> Fitted | Unbounded:
    """The request as it may be sent, before a reservation.

    `most_tokens` bounds the answer; None is the task's own bound or the configuration's.
    """
    model, price = catalog.find(candidate.model), catalog.price(candidate.model)
    costly = costly_option(candidate.model, task.options)
    if costly is not None:
        return costly
    reasoning = reasoning_for(model, task.options)
    max_tokens = _max_tokens(task, config, model) if most_tokens is None else _within(most_tokens, model)
    request = ChatRequest(
        model=f"{candidate.model}:floor" if way.floor else candidate.model,
        messages=fitted_messages(task, candidate, way),
        max_tokens=max_tokens,
        stream=config.upstream.stream and not way.batch,
        tools=task.tools if candidate.native_tools else (),
        tool_choice=task.tool_choice if candidate.native_tools else None,
        response_format=task.response_format if candidate.native_schema else None,
        session_id=task.session_id,
        provider=_provider(preferences.of(candidate.model, config.provider, price), config, way),
        reasoning=None if isinstance(reasoning, Unbounded) else reasoning.setting,
        options=_compressing(task.options) if way.compress else task.options,
    )
    request = _in_its_words(request, task, config)
    worst = worst_case(
        price=price,
        body=(body := encode_request(request)),
        messages=request.messages,
        max_tokens=max_tokens,
        reasoning=reasoning,
        budget=config.budget,
        clampable_to=config.optimization.min_output_tokens if _is_plain(task) else None,
    )
    return worst if isinstance(worst, Unbounded) else Fitted(request, body, worst)


def _in_its_words(request: ChatRequest, task: Task, config: DeploymentConfig) -> ChatRequest:
    """At a further upstream without what only OpenRouter understands: others refuse what they do not know."""
    place = place_of(request.model, config.upstreams)
    if not place.upstream:
        return request
    return structs.replace(
        request, model=place.model, session_id=None, provider={}, include_usage=True, options=task.options
    )


def clamped(fitted: Fitted, granted: int) -> tuple[int, bytes]:
    """`max_tokens` and the body that a grant pays for. Never longer than before, so its bound holds."""
    if granted >= fitted.worst.worst:
        return fitted.request.max_tokens, fitted.body
    max_tokens = fitted.worst.output_tokens_within(granted)
    return max_tokens, encode_request(structs.replace(fitted.request, max_tokens=max_tokens))


def fitted_messages(task: Task, candidate: Candidate, way: Way) -> tuple[Message, ...]:
    """The conversation as this model is to read it."""
    messages = task.conversation
    if task.tools and not candidate.native_tools:
        messages = emulated_messages(messages, task.tools, task.tool_choice)
    if task.wants_json and task.response_format is not None and not candidate.native_schema:
        messages = schema_messages(messages, task.response_format)
    if way.repair is not None:
        return repair_messages(messages, answer=way.repair.text, problem=way.repair.problem)
    return continued_messages(messages, way.continues) if way.continues else messages


def _compressing(options: Mapping[str, object]) -> Mapping[str, object]:
    given = cast("Sequence[Mapping[str, object]]", options.get("plugins") or ())
    others = [plugin for plugin in given if plugin.get("id") != _COMPRESSION["id"]]
    return {**options, "plugins": [*others, _COMPRESSION]}


def _provider(wished: Mapping[str, object], config: DeploymentConfig, way: Way) -> Mapping[str, object]:
    if not way.avoid:
        return wished
    ignored = [*(config.provider.ignore or ()), *way.avoid]
    return {**wished, "ignore": list(dict.fromkeys(ignored))}


def _is_plain(task: Task) -> bool:
    wants_tools = bool(task.tools) and task.tool_choice != "none"
    return task.max_tokens is None and not wants_tools and task.response_format is None


def _max_tokens(task: Task, config: DeploymentConfig, model: Model | None) -> int:
    return _within(task.max_tokens or config.optimization.max_output_tokens, model)


def _within(most: int, model: Model | None) -> int:
    return min(most, model.max_output_tokens) if model and model.max_output_tokens else most
