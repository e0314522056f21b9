"""Lists of tools, mended on their way to the SDK: one tool that is told wrongly must not hide all others.

The SDK checks a whole page at once and refuses it for one bad entry. Here each entry is brought into the
form it takes, and what the server said of its schema is put where it is not looked at, for `schemas.py`.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from mcp.client import Transport
    from mcp.shared.message import SessionMessage

    from farthing.swarm.mcp.process import Arriving, Streams

TOLD = "x-farthing-told"
"""Key of a schema whose value is what the server really said."""
_HINTS = ("readOnlyHint", "idempotentHint")


def mended_list(result: Mapping[str, object]) -> dict[str, object]:
    """The result of `tools/list` in a form that is never refused: names, texts, schemas and hints, no more.

    Output schemas are left out. Results are text for a model, and a value that does not fit what was promised
    of it is better than none.
    """
    entries = cast("list[object]", result["tools"])
    tools = [tool for entry in entries if (tool := _mended(entry)) is not None]
    mended = {**result, "tools": tools}
    if not isinstance(result.get("nextCursor"), str):
        mended.pop("nextCursor", None)
    return mended


def _mended(entry: object) -> dict[str, object] | None:
    """One tool; None where it has no name."""
    if not isinstance(entry, Mapping):
        return None
    told = cast("Mapping[str, object]", entry)
    name, schema = told.get("name"), told.get("inputSchema")
    if not isinstance(name, str) or not name:
        return None
    mended: dict[str, object] = {"name": name, "inputSchema": {"type": "object", TOLD: schema}}
    for text in ("description", "title"):
        if isinstance(told.get(text), str):
            mended[text] = told[text]
    hints = told.get("annotations")
    if isinstance(hints, Mapping):
        said = cast("Mapping[str, object]", hints)
        mended["annotations"] = {hint: said[hint] for hint in _HINTS if isinstance(said.get(hint), bool)}
    return mended


class MendingTransport:
    """A transport whose lists of tools are mended."""

    def __init__(self, inner: "Transport") -> None:
        self._inner = inner

    async def __aenter__(self) -> "Streams":
        read, write = await self._inner.__aenter__()
        return cast("Streams", (_Mending(cast("Arriving", read)), write))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, trace)


class _Mending:
    """The SDK's stream of arriving messages."""

    def __init__(self, inner: "Arriving") -> None:
        self._inner = inner

    @property
    def last_context(self) -> object:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> "SessionMessage | Exception":
        return _in_form(await self._inner.receive())

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "SessionMessage | Exception":
        return _in_form(await self._inner.__anext__())

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, trace)


def _in_form(item: "SessionMessage | Exception") -> "SessionMessage | Exception":
    from mcp_types import JSONRPCResponse

    if not isinstance(item, Exception) and isinstance(item.message, JSONRPCResponse):
        result = cast("dict[str, object]", item.message.result)
        if isinstance(result.get("tools"), list) and "content" not in result:
            item.message = item.message.model_copy(update={"result": mended_list(result)})
    return item
