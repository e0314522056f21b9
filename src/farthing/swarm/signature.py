"""A tool of a Python function: its JSON Schema from type hints and docstring, its arguments in its own types.

Decides what can be a tool at all. Running one is `tools.py`'s. Pydantic is loaded on first use only.
"""

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, cast

from farthing.errors import InvalidTaskError
from farthing.swarm.docstring import described
from farthing.task import Tool

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def tool_of_function(function: Callable[..., object]) -> Tool:
    """The tool of a function. Raises `InvalidTaskError` for what a model could not call by name."""
    name = _name(function)
    if name == "<lambda>":
        raise InvalidTaskError("a lambda has no name or type hints; give a function as a tool")
    parameters = _parameters(function, name)
    adapters = _adapters(function, parameters, name)
    summary, notes = described(inspect.getdoc(_inner(function)) or "")
    return Tool(
        name=name,
        description=summary,
        parameters=_schema(parameters, adapters, notes, name),
        run=_typed(function, adapters),
        source=source_of(function),
    )


def source_of(function: Callable[..., object]) -> str:
    """`MODULE:FUNCTION` of a function that another process can import; nothing for any other."""
    if not inspect.isfunction(function) or function.__module__ == "__main__":
        return ""
    name = function.__name__
    there: object = inspect.unwrap(function).__globals__.get(name)
    return f"{function.__module__}:{name}" if there is function else ""


def _name(function: Callable[..., object]) -> str:
    """A function's name; a partial's is that of its function, a callable object's that of its class."""
    inner = _unwrapped(function)
    return str(getattr(function, "__name__", "") or getattr(inner, "__name__", "") or type(inner).__name__)


def _inner(function: Callable[..., object]) -> Callable[..., object]:
    """The function behind a partial or a callable object, whose hints and docstring count."""
    inner = _unwrapped(function)
    return cast(Callable[..., object], inner if inspect.isroutine(inner) else type(inner).__call__)


def _unwrapped(function: Callable[..., object]) -> Callable[..., object]:
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    return function


def _parameters(function: Callable[..., object], name: str) -> dict[str, inspect.Parameter]:
    try:
        parameters = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise InvalidTaskError(f"tool {name}: its signature cannot be read; wrap it in a function") from None
    for parameter in parameters.values():
        if parameter.kind not in _BY_NAME:
            raise InvalidTaskError(
                f"tool {name}: parameter {parameter} cannot be passed by name; spell its parameters out"
            )
    return parameters


def _adapters(
    function: Callable[..., object], parameters: Mapping[str, inspect.Parameter], name: str
) -> dict[str, "TypeAdapter[object]"]:
    from pydantic import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeAdapter

    try:
        hints = typing.get_type_hints(_inner(function), include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidTaskError(f"tool {name}: its type hints cannot be read: {error}") from None
    adapters: dict[str, TypeAdapter[object]] = {}
    for key in parameters:
        if key not in hints:
            raise InvalidTaskError(f"tool {name}: parameter {key!r} has no type hint; add one")
        try:
            adapters[key] = TypeAdapter(hints[key])
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
            raise InvalidTaskError(_no_schema(name, key, hints[key])) from None
    return adapters


def _no_schema(name: str, key: str, hint: object) -> str:
    return f"tool {name}: parameter {key!r} has the type {hint!r}, which has no JSON Schema"


def _schema(
    parameters: Mapping[str, inspect.Parameter],
    adapters: "Mapping[str, TypeAdapter[object]]",
    notes: Mapping[str, str],
    name: str,
) -> Mapping[str, object]:
    from pydantic import PydanticInvalidForJsonSchema, TypeAdapter

    try:
        by_key, shared = TypeAdapter.json_schemas([(key, "validation", one) for key, one in adapters.items()])
    except PydanticInvalidForJsonSchema as error:
        raise InvalidTaskError(
            f"tool {name}: a parameter's type has no JSON Schema: {error.message}"
        ) from None
    properties: dict[str, object] = {}
    for key, parameter in parameters.items():
        properties[key] = entry = dict(by_key[key, "validation"])
        if key in notes:
            entry.setdefault("description", notes[key])
        if parameter.default is not inspect.Parameter.empty:
            _add_default(entry, adapters[key], parameter.default)
    required = [key for key, one in parameters.items() if one.default is inspect.Parameter.empty]
    schema: dict[str, object] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {}) | shared


def _add_default(entry: dict[str, object], adapter: "TypeAdapter[object]", default: object) -> None:
    from pydantic_core import PydanticSerializationError

    try:
        entry["default"] = adapter.dump_python(default, mode="json", warnings=False)
    except PydanticSerializationError:  # a default that JSON cannot say is simply not shown
        return


def _typed(
    function: Callable[..., object], adapters: "Mapping[str, TypeAdapter[object]]"
) -> Callable[..., object]:
    """The function, taking JSON's values and given its own types: dataclasses, enums, dates."""

    def own(arguments: Mapping[str, object]) -> dict[str, object]:
        return {key: adapters[key].validate_python(value) for key, value in arguments.items()}

    if is_async(function):
        asynchronous = cast(Callable[..., Awaitable[object]], function)

        async def call_async(**arguments: object) -> object:
            return await asynchronous(**own(arguments))

        return call_async

    def call(**arguments: object) -> object:
        return function(**own(arguments))

    return call


def is_async(run: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine; sees through partials and callable objects."""
    return inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(getattr(run, "__call__", None))  # noqa: B004 - the method is inspected, not called
