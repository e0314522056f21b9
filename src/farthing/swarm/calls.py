"""The calls that a model asks for, beside the tools on offer: which may run, what the others are told.

Decides by names and schemas alone. When calls run is `loop.py`'s, how one runs `toolcall.py`'s.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Never, TypeAlias

from jsonschema_rs import Draft202012Validator, ReferencingError, ValidationError
from msgspec import structs

from farthing.errors import InvalidTaskError, nearest
from farthing.swarm.arguments import Unfit, fitted
from farthing.task import Tool, ToolCall

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools on offer, by name, each with the compiled check of its arguments. Made by `toolbox`."""

    tools: tuple[Tool, ...]
    checks: Mapping[str, Draft202012Validator]

    def named(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)


def toolbox(tools: Sequence[Tool]) -> Toolbox:
    """Checks names and schemas. Raises `InvalidTaskError` for a bad or repeated one."""
    checks: dict[str, Draft202012Validator] = {}
    for tool in tools:
        if tool.name in checks:
            raise InvalidTaskError(f"two tools are named {tool.name!r}; a name may be given once")
        checks[tool.name] = compiled(tool)
    return Toolbox(tuple(tools), checks)


def compiled(tool: Tool) -> Draft202012Validator:
    """The compiled schema of a tool. Raises `InvalidTaskError` when its name or schema cannot be used."""
    if not _NAME.fullmatch(tool.name):
        raise InvalidTaskError(
            f"a tool is named {tool.name!r}; names are 1 to 64 letters, digits, '_' and '-'"
        )
    try:
        return Draft202012Validator(dict(tool.parameters), retriever=_refuse)
    except (ValidationError, ReferencingError, ValueError) as error:
        fault = str(error).partition("\n")[0]
        raise InvalidTaskError(
            f"the parameters of tool {tool.name!r} are no usable schema: {fault}"
        ) from None


def _refuse(uri: str) -> Never:
    # The library would fetch a remote reference by itself: a schema is data and must not reach the network.
    raise ValueError(f"the schema refers to {uri}, which is outside of it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCall:
    """A call that may run: its tool exists and its arguments fit, perhaps after `repairs` that `call` has."""

    call: ToolCall
    tool: Tool
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """A call that does not run; the model is shown `text` in place of a result."""

    call: ToolCall
    text: str
    faulty: bool = False
    """Its arguments do not fit."""


CheckedCall: TypeAlias = ReadyCall | RefusedCall


def check_call(call: ToolCall, box: Toolbox, *, faults: int = 0) -> CheckedCall:
    """Whether the tool exists and the arguments are, or can be made, an object that fits its schema.

    `faults`: how often in a row the tool was called with faulty ones. The first fault is explained.
    """
    tool = box.named(call.name)
    if tool is None:
        names = [offered.name for offered in box.tools]
        close = nearest(call.name, names)
        meant = f"; did you mean {close!r}?" if close else ""
        text = f"there is no tool {call.name!r}{meant} Tools: {', '.join(names)}"
        return RefusedCall(call=call, text=f"error: {text}")
    found = fitted(call.arguments, tool.parameters, box.checks[tool.name])
    if isinstance(found, Unfit):
        more = "; correct the arguments and call again" if not faults else f"; {tool.name} was not run"
        readable = call if found.readable else structs.replace(call, arguments="{}")
        return RefusedCall(call=readable, text=f"error: {found.fault}{more}", faulty=True)
    if not found.repairs:
        return ReadyCall(call=call, tool=tool)
    return ReadyCall(call=structs.replace(call, arguments=found.text), tool=tool, repairs=found.repairs)
