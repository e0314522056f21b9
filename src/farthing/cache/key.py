"""What makes two tasks the same: the key an answer is kept under. Pure.

The key is SHA-256 over tenant, routing policy, rollout arm and the task in one canonical form: everything
that can change the answer, and nothing that cannot (labels, budgets, priorities, sessions, deadlines). Golden
tests hold it: a changed key loses every kept answer, so `_FORM` changes with it, on purpose.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import msgspec

from farthing.config.schema import DeploymentConfig
from farthing.task import Message, Task

_FORM = 1
"""The version of the canonical form."""

_POLICY_SECTIONS = {
    "environment": True,
    "allow_paid": True,
    "models": True,
    "routing": True,
    "provider": True,
    "upstreams": {"__all__": {"base_url", "models"}},
    "upstream": {"base_url"},
    "optimization": {"prompt_optimization", "output_control", "max_output_tokens"},
}
"""What decides which models may answer, and what they are asked: with it another answer may come."""


def policy_version(config: DeploymentConfig) -> str:
    """A hash of all settings that decide which model answers and what it is sent."""
    return _digest([_FORM, config.model_dump(mode="json", include=_POLICY_SECTIONS)])[:16]


class PolicyMemo:
    """The version of the configuration in force, reckoned once while it stands.

    `rewrites` are the digests of the rewrites in force: other ones ask in other words.
    """

    def __init__(self, rewrites: Sequence[str] = ()) -> None:
        self._config: DeploymentConfig | None = None
        self._rewrites, self._version = rewrites, ""

    def of(self, config: DeploymentConfig) -> str:
        if config is not self._config:
            own = policy_version(config)
            version = _digest([own, *self._rewrites])[:16] if self._rewrites else own
            self._config, self._version = config, version
        return self._version


def key_of(task: Task, *, policy: str, arm: str = "") -> str:
    """The key of a task's answer, 64 hexadecimal digits. `arm` is the rollout's, empty without one.

    Raises `TypeError` or `ValueError` for a task that cannot be written as JSON, which cannot be sent either.
    """
    return _digest([_FORM, task.key or "", policy, arm, *_asked(task), list(_messages(task))])


def question_key(task: Task, *, policy: str, arm: str = "") -> str:
    """The key of everything but the words of the last message: tasks that ask in the same setting.

    Raises as `key_of` does.
    """
    *before, _last = _messages(task)
    return _digest([_FORM, "question", task.key or "", policy, arm, *_asked(task), before])


def _asked(task: Task) -> list[object]:
    """The task without its messages. A set of tools has no order; a named model skips routing."""
    tools = sorted((tool.name, tool.description, tool.parameters) for tool in task.tools)
    return [
        task.type,
        task.complexity,
        task.model,
        task.max_tokens,
        tools,
        task.tool_choice,
        task.response_format,
        task.options,
    ]


def _messages(task: Task) -> Iterator[list[object]]:
    """Ids of tool calls are names that a provider made up: they count by the order in which they come."""
    ids: dict[str, int] = {}

    def number(call_id: str | None) -> int | None:
        return None if call_id is None else ids.setdefault(call_id, len(ids))

    for message in task.conversation:
        calls = [(number(call.id), call.name, call.arguments) for call in message.tool_calls]
        yield [*_said(message), calls, number(message.tool_call_id)]


def _said(message: Message) -> tuple[object, ...]:
    return message.role, message.content, message.name, message.pinned


def _digest(value: object) -> str:
    return sha256(_encode(value)).hexdigest()


_encode = msgspec.json.Encoder(order="sorted").encode
