"""Tools by prompt for models without native tool calling: how they are offered, and how calls are read.

The prompt asks for fenced `tool_call` blocks and nothing else; the parser is strict, so that half a call is
never run. Also checks and normalises tool schemas before any model sees them. Runs no tool, sends nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2s
from typing import assert_never, cast

import jsonschema_rs
import msgspec
from msgspec import structs

from farthing.errors import nearest
from farthing.task import ContentPart, Message, Tool, ToolCall

TOOLS_MARK = "TOOLS_JSON: "
"""Begins the line that holds the tools as one compact JSON array."""

_CALL_FENCE = "```tool_call"
_RESULT_FENCE = "```tool_result"
_FENCE_END = "```"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_INSTRUCTIONS = """\
You can use the tools below; each entry has a name, a description and the JSON Schema of its parameters.
{tools}
To use tools, answer with one or more blocks of exactly this form, and with nothing else:
```tool_call
{{"name": "the tool's name", "arguments": {{}}}}
```
The arguments must be valid JSON for the tool's parameters. The results come back in blocks marked \
tool_result; never write such a block yourself. When you need no tool, answer in plain text, without a block.\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedCalls:
    """The answer is one or more calls, each valid for its tool's schema."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAnswer:
    """The answer is text without calls."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedCalls:
    """The answer tries to call a tool and fails. `problem` can be told to the model."""

    problem: str


EmulatedAnswer = EmulatedCalls | PlainAnswer | MalformedCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTools:
    """Tools as they may be sent, and what is wrong with the others. Send nothing while there are problems."""

    tools: tuple[Tool, ...]
    problems: tuple[str, ...] = ()


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: msgspec.Raw


def check_tools(tools: Sequence[Tool]) -> CheckedTools:
    """Normalised tools with a problem for each faulty one, which names it.

    A name is 1–64 letters, digits, `_` or `-`, and unique. Parameters are a valid JSON Schema of type
    object without references to other documents; empty ones become an object without properties, and a
    missing type becomes object (faults.md, 17).
    """
    fit: list[Tool] = []
    problems: list[str] = []
    seen: set[str] = set()
    for tool in tools:
        parameters, problem = _normalised(tool.parameters)
        if not _NAME.fullmatch(tool.name):
            problem = "its name must be 1 to 64 letters, digits, underscores or hyphens"
        elif tool.name in seen:
            problem = "another tool has the same name"
        seen.add(tool.name)
        if problem is None:
            fit.append(replace(tool, parameters=parameters))
        else:
            problems.append(f"tool {tool.name!r}: {problem}")
    return CheckedTools(tools=tuple(fit), problems=tuple(problems))


def emulated_messages(
    messages: Sequence[Message], tools: Sequence[Tool], tool_choice: object = None
) -> tuple[Message, ...]:
    """The conversation for a model without native tools: instructions, and the history's calls as text.

    The instructions join the first system message, or become one. Calls of the assistant become
    `tool_call` blocks; results become a user message of `tool_result` blocks, one message for adjoining
    results. `tool_choice` is read as in chat completions: auto, none, required, or one named function. It
    holds for one answer, so it is told last: told first, it would cost the conversation its cached prefix.
    """
    rendered = _demanding(_rendered(messages), _demand(tool_choice))
    text = _instructions(tools)
    first = next((i for i, message in enumerate(rendered) if message.role == "system"), None)
    if first is None:
        return (Message(role="system", content=text), *rendered)
    rendered[first] = structs.replace(rendered[first], content=_joined(rendered[first].content, text))
    return tuple(rendered)


def parse_emulated(text: str, tools: Sequence[Tool], *, salt: str = "") -> EmulatedAnswer:
    """Reads an answer to `emulated_messages`: calls only, text only, or malformed.

    Blocks must be closed, hold one object of `name` and `arguments` for a known tool whose schema the
    arguments fulfil, and stand alone. The ids of calls follow from `salt`, the text and the position: give
    the attempt's id as salt to keep them apart in a conversation where the same call is made twice.
    """
    if not any(line.startswith(_CALL_FENCE) for line in text.split("\n")):
        return PlainAnswer(text=text)
    blocks = _blocks(text)
    if isinstance(blocks, MalformedCalls):
        return blocks
    digest = blake2s(f"{salt}\0{text}".encode("utf-8", "replace"), digest_size=6).hexdigest()
    known = {tool.name: tool for tool in tools}
    calls: list[ToolCall] = []
    for position, block in enumerate(blocks, start=1):
        call = _call(block, known, call_id=f"call_{digest}_{position}")
        if isinstance(call, MalformedCalls):
            return MalformedCalls(problem=f"block {position}: {call.problem}")
        calls.append(call)
    return EmulatedCalls(calls=tuple(calls))


def _normalised(raw: Mapping[str, object]) -> tuple[dict[str, object], str | None]:
    """Plain JSON data of type object, or what is wrong with it."""
    try:
        decoded: object = msgspec.json.decode(_json(raw or {}))
    except (TypeError, ValueError, RecursionError) as error:
        return {}, f"its parameters are no JSON: {error}"
    if not isinstance(decoded, dict):
        return {}, "its parameters are no JSON object"
    schema: dict[str, object] = {"type": "object", "properties": {}}
    schema |= cast("dict[str, object]", decoded)
    if schema["type"] != "object":
        return schema, f"its parameters have type {schema['type']!r}; only 'object' can be called"
    found = _validator(_json(schema))
    return schema, f"its parameters are no valid JSON Schema: {found}" if isinstance(found, str) else None


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> jsonschema_rs.Validator | str:
    """The compiled schema, or what is wrong with it. Never fetches: other documents are refused."""
    try:
        return jsonschema_rs.validator_for(schema.decode(), offline=True)
    except jsonschema_rs.ValidationError as error:
        return error.message
    except ValueError as error:
        return str(error)


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _instructions(tools: Sequence[Tool]) -> str:
    rows = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in tools]
    return _INSTRUCTIONS.format(tools=TOOLS_MARK + _json(rows).decode())


def _demanding(rendered: list[Message], demand: str) -> list[Message]:
    """The conversation whose last user message ends with the demand."""
    if not demand:
        return rendered
    if rendered and rendered[-1].role == "user":
        last = rendered[-1]
        return [*rendered[:-1], structs.replace(last, content=_joined(last.content, demand))]
    return [*rendered, Message(role="user", content=demand)]


def _demand(tool_choice: object) -> str:
    if tool_choice == "required":
        return "In this answer you must use at least one tool."
    if tool_choice == "none":
        return "In this answer you must not use any tool: answer in plain text."
    if isinstance(tool_choice, Mapping):
        function = cast("Mapping[str, object]", tool_choice).get("function")
        name = cast("Mapping[str, object]", function).get("name") if isinstance(function, Mapping) else None
        return f"In this answer you must use the tool {name}, and only that one." if name else ""
    return ""


def _joined(content: str | tuple[ContentPart, ...] | None, text: str) -> str | tuple[ContentPart, ...]:
    if content is None or isinstance(content, str):
        return f"{content}\n\n{text}" if content else text
    part: ContentPart = {"type": "text", "text": text}
    return (*content, part)


def _rendered(messages: Sequence[Message]) -> list[Message]:
    names: dict[str, str] = {}
    rendered: list[Message] = []
    results: list[str] = []
    for message in messages:
        if message.role == "tool":
            results.append(_result_block(message, names))
            continue
        _flush(results, rendered)
        names.update((call.id, call.name) for call in message.tool_calls)
        rendered.append(_calls_as_text(message) if message.tool_calls else message)
    _flush(results, rendered)
    return rendered


def _flush(results: list[str], rendered: list[Message]) -> None:
    if results:
        rendered.append(Message(role="user", content="\n".join(results)))
        results.clear()


def _calls_as_text(message: Message) -> Message:
    blocks = [_block(_CALL_FENCE, {"name": c.name, "arguments": _arguments(c)}) for c in message.tool_calls]
    text = "\n".join([message.text, *blocks] if message.text else blocks)
    return structs.replace(message, content=text, tool_calls=())


def _arguments(call: ToolCall) -> object:
    """The arguments as JSON data; as a string where an earlier model wrote no JSON."""
    try:
        return cast(object, msgspec.json.decode(call.arguments or "{}"))
    except (msgspec.DecodeError, RecursionError):
        return call.arguments


def _result_block(message: Message, names: Mapping[str, str]) -> str:
    call_id = message.tool_call_id or ""
    name = names.get(call_id, message.name or "unknown")
    return _block(_RESULT_FENCE, {"name": name, "result": message.text})


def _block(fence: str, body: Mapping[str, object]) -> str:
    """JSON keeps line ends inside strings escaped, so no content can close or open a fence."""
    return f"{fence}\n{_json(body).decode()}\n{_FENCE_END}"


def _blocks(text: str) -> list[str] | MalformedCalls:
    """The bodies of all blocks, provided that nothing but blocks is there."""
    bodies: list[str] = []
    body: list[str] | None = None
    for line in text.split("\n"):  # splitlines would cut at U+2028, which JSON strings may hold
        bare = line.rstrip()
        if body is None:
            if bare == _CALL_FENCE:
                body = []
            elif bare:
                return MalformedCalls(problem=f"there is text beside the tool_call blocks: {bare[:60]!r}")
        elif bare == _FENCE_END:
            bodies.append("\n".join(body))
            body = None
        else:
            body.append(line)
    return bodies if body is None else MalformedCalls(problem="the last tool_call block is not closed")


def _call(body: str, known: Mapping[str, Tool], *, call_id: str) -> ToolCall | MalformedCalls:
    try:
        block = msgspec.json.decode(body.encode("utf-8", "replace"), type=_Block)
        arguments: object = msgspec.json.decode(block.arguments)
    except (msgspec.DecodeError, RecursionError) as error:
        return MalformedCalls(problem=f"it is not one JSON object of name and arguments: {error}")
    tool = known.get(block.name)
    if tool is None:
        close = nearest(block.name, known)
        hint = f"; did you mean {close!r}?" if close else f"; there is {', '.join(known) or 'none'}"
        return MalformedCalls(problem=f"there is no tool {block.name!r}{hint}")
    if not isinstance(arguments, dict):
        return MalformedCalls(problem=f"the arguments of {block.name} are not a JSON object")
    problem = _fault(tool, cast(object, arguments))
    if problem is not None:
        return MalformedCalls(problem=f"the arguments of {block.name} are not valid: {problem}")
    return ToolCall(id=call_id, name=block.name, arguments=bytes(block.arguments).decode())


def _fault(tool: Tool, arguments: object) -> str | None:
    schema, problem = _normalised(tool.parameters)
    if problem is not None:
        return problem
    found = _validator(_json(schema))
    match found:
        case str():
            return found
        case jsonschema_rs.Validator():
            return _first_fault(found, arguments)
        case _:
            assert_never(found)


def _first_fault(validator: jsonschema_rs.Validator, arguments: object) -> str | None:
    try:
        fault = next(validator.iter_errors(arguments), None)
    except ValueError as error:  # nested deeper than the validator follows
        return str(error)
    if fault is None:
        return None
    where = "/".join(str(part) for part in fault.instance_path)
    return f"{where}: {fault.message}" if where else fault.message
