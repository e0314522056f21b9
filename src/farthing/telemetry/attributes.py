"""What spans and metrics say of a task and its attempts: names, values, kinds of failure. Pure.

Names are OpenTelemetry's `gen_ai.*` where it has them, and `farthing.*` where it does not. Money is exact
digits in text. No prompt, no answer, no title of a task: those are content.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlsplit

from farthing.errors import FarthingError
from farthing.result import Attempt, Route, TaskResult
from farthing.task import Task
from farthing.upstream.failure import FailureKind

Value = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, Value]

PROVIDER = "openrouter"
"""`gen_ai.provider.name`: the API that is spoken; who serves a model behind it is `farthing.served_by`."""

_KINDS = {kind.value for kind in FailureKind} | {"invalid", "budget", "unbounded", "cancelled"}
_WORD = re.compile(r"[a-z_]+")
_OPTIONS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
}


def failure_kind(reason: str) -> str:
    """The kind at the head of an attempt's reason (`rate_limited 429, …`); `other` where it has none.

    One of a fixed set, so that it can be a label.
    """
    found = _WORD.match(reason)
    return found[0] if found is not None and found[0] in _KINDS else "other"


def error_kind(error: BaseException) -> str:
    """A small, fixed word for what ended a task: one of our errors by name, `cancelled`, or `other`."""
    if isinstance(error, FarthingError):
        return type(error).__name__
    return "other" if isinstance(error, Exception) else "cancelled"


def usd(amount: Decimal) -> str:
    """Exact digits, without an exponent and without zeros at the end."""
    return format(amount.normalize(), "f")


def server_attributes(base_url: str) -> Attributes:
    """Where the upstream listens."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}


def agent_attributes(task: Task) -> Attributes:
    """Who asks: run, agent, role, key, tags."""
    named = {
        "farthing.run_id": task.run_id,
        "farthing.agent_id": task.agent_id,
        "gen_ai.agent.name": task.agent_id,
        "farthing.role": task.role,
        "farthing.key": task.key,
        "gen_ai.conversation.id": task.session_id,
    }
    found: Attributes = {name: value for name, value in named.items() if value}
    if task.tags:
        found["farthing.tags"] = task.tags
    return found


def task_attributes(task: Task, task_id: str, route: Route) -> Attributes:
    """What is known of a task when it has its route."""
    return {
        "farthing.task_id": task_id,
        "farthing.task_type": route.task_type,
        "farthing.complexity": route.complexity,
        "farthing.purpose": task.purpose,
        "farthing.route.strategy": route.strategy,
        "farthing.route.reason": route.reason,
        **agent_attributes(task),
    }


def result_attributes(result: TaskResult) -> Attributes:
    """What a finished task adds. Its cost has its own name: a sum over attempts must not count it again."""
    metrics = result.metrics
    found: Attributes = {
        "farthing.task.cost_usd": usd(metrics.cost),
        "farthing.cost_basis": metrics.cost_basis,
        "farthing.task.attempts": len(result.attempts),
        "farthing.simulated": result.simulated,
        "farthing.baseline_model": metrics.baseline_model,
    }
    if metrics.baseline_cost is not None:
        found["farthing.baseline_cost_usd"] = usd(metrics.baseline_cost)
    return found


def request_attributes(task: Task, *, model: str, call_id: str, number: int) -> Attributes:
    """What is known of an attempt before it is sent."""
    found: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": model,
        "farthing.call_id": call_id,
        "farthing.attempt": number,
        "farthing.purpose": task.purpose,
        **agent_attributes(task),
        **_numbers(task.options),
    }
    if task.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = task.max_tokens
    return found


def attempt_attributes(attempt: Attempt) -> Attributes:
    """How an attempt ended. Its cost is what is known at that moment: a bill may come later."""
    found: Attributes = {
        "farthing.status": attempt.status,
        "farthing.cost_usd": usd(attempt.cost),
        "farthing.cost_basis": attempt.cost_basis,
    }
    if attempt.generation_id:
        found["gen_ai.response.id"] = attempt.generation_id
    if attempt.provider:
        found["farthing.served_by"] = attempt.provider
    if attempt.status != "accepted":
        found["error.type"] = failure_kind(attempt.reason)
    return found


def answer_attributes(result: TaskResult) -> Attributes:
    """What the accepted attempt answered with, without a word of it."""
    tokens = result.metrics.tokens
    found: Attributes = {
        "gen_ai.response.model": result.model,
        "gen_ai.response.finish_reasons": (result.finish_reason,),
        "gen_ai.usage.input_tokens": tokens.input_tokens,
        "gen_ai.usage.output_tokens": tokens.output_tokens,
        "farthing.simulated": result.simulated,
    }
    parts = {
        "gen_ai.usage.cache_read.input_tokens": tokens.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning_tokens,
    }
    found.update({name: count for name, count in parts.items() if count})
    if result.metrics.first_token_ms is not None:
        found["gen_ai.response.time_to_first_chunk"] = result.metrics.first_token_ms / 1000
    return found


def _numbers(options: Mapping[str, object]) -> Attributes:
    return {
        name: value
        for option, name in _OPTIONS.items()
        if isinstance(value := options.get(option), int | float) and not isinstance(value, bool)
    }
