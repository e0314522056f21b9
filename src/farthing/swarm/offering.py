"""Which of an agent's many tools a model is told at a step, in which order, and when that changes. Pure.

Tools stand at the very beginning of a prompt, so what is told stays told in its place: the provider's cache
of all that follows depends on it. Only what the model found with `search_tools`, or called without having
been told it, is appended. All follows from the conversation: a loop that is gone through again, from its
journal, tells the same tools at each step. Ranking is `toolindex.py`'s, searching `finder.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from farthing.swarm.brief import DIGEST_OPENING
from farthing.swarm.toolindex import properties_of
from farthing.task import Message, Task, Tool

SEARCH = "search_tools"
"""The name of the tool that finds others."""
MOST_FOUND = 10
DEFAULT_FOUND = 5
_MOST_TOLD = 127
"""Beside `search_tools`: providers take 128."""

_HEAD_CHARS, _TAIL_CHARS = 1_500, 500
_PASSING_WEIGHT = 0.3
_ASKED_WEIGHT = 0.6
_SHORT_CHARS = 160
_MOST_PARAMETERS = 16

SEARCH_DESCRIPTION = (
    "Finds further tools: you have more than you are told here. Say in a few words what you need to do; "
    "the tools that fit best come back with their parameters, and you can call them from then on."
)
SEARCH_PARAMETERS: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1, "description": "What you need to do, in plain words."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": DEFAULT_FOUND},
    },
    "required": ["query"],
    "additionalProperties": False,
}


class FoundTool(msgspec.Struct, frozen=True):
    """What a search tells of one tool. `parameters` has names with their types; `?` marks optional ones."""

    name: str
    description: str = ""
    parameters: str = ""


class FoundTools(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer of `search_tools`."""

    tools: tuple[FoundTool, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """What one piece of work is told of `tools`. `opening` are the names it begins with, `begun` how many
    messages its conversation had then, `most` how many are told at once beside `search`."""

    tools: Mapping[str, Tool]
    search: Tool
    opening: tuple[str, ...]
    begun: int
    most: int

    def told(self, conversation: Sequence[Message]) -> tuple[Tool, ...]:
        """The tools of the next model call: the search first, then in the order in which they were needed."""
        return (self.search, *(self.tools[name] for name in self.names(conversation)))

    def names(self, conversation: Sequence[Message], found: Sequence[str] = ()) -> tuple[str, ...]:
        """The names told after this conversation, and after a search that found `found` at its end."""
        told = list(self.opening)
        used: dict[str, None] = {}
        for message in conversation[self.begun :]:
            needed = [name for name in _needed(message) if name in self.tools]
            if message.role == "assistant":
                used.update(dict.fromkeys(needed))
            told = self._with(told, used, needed)
        return tuple(self._with(told, used, [name for name in found if name in self.tools]))

    def dropped(self, conversation: Sequence[Message], found: Sequence[str]) -> tuple[str, ...]:
        """The names that are told now, and no more after a search that finds these."""
        after = frozenset(self.names(conversation, found))
        return tuple(name for name in self.names(conversation) if name not in after)

    def _with(self, told: list[str], used: Mapping[str, None], needed: Sequence[str]) -> list[str]:
        """With those that are needed now.

        Beyond the bound those never used go, the oldest first, and a third of the room at once, so that it
        is long until the next time; those used only where they and what is needed are too many.
        """
        more = [name for name in dict.fromkeys(needed) if name not in told]
        if len(told) + len(more) <= self.most:
            return [*told, *more]
        more = more[-self.most :]
        room = self.most - len(more)
        wanted = [name for name in told if name in needed]
        in_use = [name for name in told if name in used and name not in needed]
        idle = [name for name in told if name not in used and name not in needed]
        spare = max(0, room - self.most // 3 - len(in_use) - len(wanted))
        staying = [*idle[max(0, len(idle) - spare) :], *in_use, *wanted]
        stays = frozenset(staying[max(0, len(staying) - room) :])
        return [*(name for name in told if name in stays), *more]


def most_told(offered: int) -> int:
    """How many tools are told at once when `offered` are at first."""
    return min(_MOST_TOLD, max(3 * offered, offered + MOST_FOUND))


def is_wide(tools: Sequence[Tool], offered: int) -> bool:
    """Whether some are told and the rest is found: there are more than `offered`, and all are run by us.

    Where the caller runs one, a call of it ends the loop, so it must be the caller who says what is told.
    """
    return len(tools) > offered and all(tool.run is not None for tool in tools)


def topic_of(task: Task) -> dict[str, float]:
    """What a piece of work is about: texts of bounded length, with their weights.

    Its description (an agent's part and the goal), the last user message, and in passing the last answer
    and what tools said since. What other agents found before is left out: all who have the same part shall
    begin with the same tools.
    """
    topic: dict[str, float] = {}
    if task.description:
        topic[_bounded(task.description)] = 1.0
    for message in reversed(task.conversation):
        text = _bounded(message.text.partition(DIGEST_OPENING)[0])
        if message.role == "user":
            topic.setdefault(text, _ASKED_WEIGHT if task.description else 1.0)
            break
        if message.role != "system" and text:
            topic.setdefault(text, _PASSING_WEIGHT)
    return topic


def opening_names(task: Task, ranked: Sequence[str], *, offered: int) -> tuple[str, ...]:
    """What is told first: a tool that must be called, those that the conversation used before, and then
    those that fit best."""
    known = frozenset(tool.name for tool in task.tools)
    used = [call.name for message in task.conversation for call in message.tool_calls]
    first = [name for name in (_forced(task.tool_choice), *reversed(used)) if name in known]
    return tuple(dict.fromkeys((*first, *ranked)))[:offered]


def found_text(tools: Sequence[Tool], dropped: Sequence[str] = ()) -> str:
    """What a model is shown of a search. `dropped` are told no more from then on, and said so."""
    note = "You can call these now." if tools else "No tool fits these words; try others."
    if dropped:
        note += f" No longer told, but still there: {', '.join(dropped)}."
    found = FoundTools(tools=tuple(map(_found, tools)), note=note)
    return msgspec.json.encode(found).decode()


def found_names(text: str) -> list[str]:
    """The names in the answer of a search; none in any other text."""
    try:
        return [tool.name for tool in msgspec.json.decode(text, type=FoundTools).tools]
    except msgspec.MsgspecError:
        return []


def _needed(message: Message) -> list[str]:
    """The tools that a message calls, or that a search answered with."""
    if message.role == "assistant":
        return [call.name for call in message.tool_calls]
    return found_names(message.text) if message.role == "tool" and message.name == SEARCH else []


def _found(tool: Tool) -> FoundTool:
    return FoundTool(
        name=tool.name, description=_short(tool.description), parameters=_parameters(tool.parameters)
    )


def _parameters(schema: Mapping[str, object]) -> str:
    required = schema.get("required")
    listed = cast(Sequence[object], required) if isinstance(required, Sequence) else ()
    needed = {name for name in listed if isinstance(name, str)}
    names: list[str] = []
    for name, value in properties_of(schema).items():
        kind, mark = value.get("type"), "" if name in needed else "?"
        names.append(f"{name}{mark}: {kind}" if isinstance(kind, str) else f"{name}{mark}")
    shown = names[:_MOST_PARAMETERS]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _SHORT_CHARS].split())
    return line if len(line) <= _SHORT_CHARS else line[: _SHORT_CHARS - 1] + "…"


def _bounded(text: str) -> str:
    if len(text) <= _HEAD_CHARS + _TAIL_CHARS:
        return text
    return f"{text[:_HEAD_CHARS]} {text[-_TAIL_CHARS:]}"


def _forced(choice: object) -> str:
    """The one function that `tool_choice` names, if it does."""
    function = _mapping(choice).get("function")
    name = _mapping(function).get("name")
    return name if isinstance(name, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}
