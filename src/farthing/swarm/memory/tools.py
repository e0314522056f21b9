"""Shared memory as tools for agents: a namespace, bound to the agent that uses it. They serve `memory`.

What an agent holds and changes is signed with its id. A tool changes nothing outside Farthing, so none waits
for approval; on a resumed run their results come from the journal, as every tool's do.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from farthing.errors import SharedMemoryError
from farthing.swarm.agent import Agent, ToolSource
from farthing.swarm.memory.entry import Conflict, MemoryEntry, Taken
from farthing.swarm.memory.shared import Memory
from farthing.task import Tool

CAPABILITY = "memory"

Source: TypeAlias = Memory | Callable[[], Memory]
"""The namespace; or what gives it at each call, as a swarm does that begins another run."""

Run: TypeAlias = Callable[..., Awaitable[object]]

_KEY: Mapping[str, object] = {"type": "string", "description": "Name of the entry, such as plan/step-1."}
_VALUE: Mapping[str, object] = {"description": "Any JSON value."}
_TTL: Mapping[str, object] = {
    "type": "number",
    "description": "Seconds until it is forgotten; default never.",
}
_LIMIT: Mapping[str, object] = {"type": "integer", "minimum": 1, "maximum": 50}


def memory_tools(memory: Source, agent_id: str) -> tuple[Tool, ...]:
    """The ten tools of one agent, in a fixed order."""
    use = _Use(memory, agent_id)
    return tuple(
        Tool(
            name=f"memory_{name}",
            description=description,
            parameters=_schema(properties, required),
            run=run,
            effects=False,
            source="built-in",
        )
        for name, run, description, properties, required in _listed(use)
    )


def with_memory_tools(
    tools: Mapping[str, Sequence[ToolSource]], memory: Source | None
) -> Mapping[str, Sequence[ToolSource]]:
    """The tools by capability, `memory` served by ours where nothing else serves it."""
    if memory is None or CAPABILITY in tools:
        return tools
    return {**tools, CAPABILITY: memory_tools(memory, "")}


def with_own_memory(agent: Agent, memory: Source | None) -> Agent:
    """The agent with those of its tools that are ours bound to it: a stage's agents share the others."""
    if memory is None:
        return agent
    own = {tool.name: tool for tool in memory_tools(memory, agent.id)}
    return replace(agent, tools=tuple(own[t.name] if own.get(t.name) == t else t for t in agent.tools))


@dataclass(frozen=True, slots=True)
class _Use:
    """What the tools do, for one agent."""

    source: Source
    agent_id: str

    @property
    def _memory(self) -> Memory:
        memory = self.source if isinstance(self.source, Memory) else self.source()
        return memory.signed(self.agent_id) if self.agent_id else memory

    async def put(self, key: str, value: object, ttl_seconds: float | None = None) -> object:
        return {"version": await self._memory.put(key, value, ttl_s=ttl_seconds)}

    async def get(self, key: str) -> object:
        entry = await self._memory.get(key)
        return f"nothing is kept under {key!r}" if entry is None else _shown(entry)

    async def list(self, prefix: str = "", limit: int = 20, after: str = "") -> object:
        page = await self._memory.list(prefix, limit=limit, after=after)
        shown = [_shown(entry) for entry in page]
        return {"entries": shown, "more_after": page[-1].key} if len(page) == limit else {"entries": shown}

    async def search(self, words: str, limit: int = 5) -> object:
        found = await self._memory.search(words, limit=limit)
        return [{"key": one.entry.key, "snippet": one.snippet} for one in found] or "nothing was found"

    async def append(self, key: str, item: object, most: int | None = None) -> object:
        return {"length": await self._memory.append(key, item, most=most)}

    async def increment(self, key: str, by: float = 1) -> object:
        total = await self._memory.increment(key, by)
        return {"total": total if isinstance(total, int) else float(total)}

    async def claim(self, key: str, seconds: float = 60) -> object:
        claimed = await self._memory.claim(key, self._holder(), seconds)
        who = {"holder": claimed.holder, "until": claimed.until}
        return {"claimed": not isinstance(claimed, Taken), **who}

    async def release(self, key: str) -> object:
        return {"released": await self._memory.release_of(key, self._holder())}

    async def compare_and_set(self, key: str, value: object, version: int) -> object:
        kept = await self._memory.compare_and_set(key, value, version)
        if isinstance(kept, Conflict):
            present = None if kept.entry is None else kept.entry.value
            return {"kept": False, "present_version": kept.version, "present_value": present}
        return {"kept": True, "version": kept.version}

    async def delete(self, key: str) -> object:
        return {"deleted": await self._memory.delete(key)}

    def _holder(self) -> str:
        if not self.agent_id:
            raise SharedMemoryError(
                "only an agent with an id can claim", hint="memory_tools(memory, agent_id)"
            )
        return self.agent_id


_Listed: TypeAlias = tuple[str, Run, str, Mapping[str, object], Sequence[str]]


def _listed(use: _Use) -> Sequence[_Listed]:
    return [*_values(use), *_together(use)]


def _values(use: _Use) -> Sequence[_Listed]:
    after = {"type": "string", "description": "Begin behind this key: `more_after` of the page before."}
    return [
        (
            "put",
            use.put,
            "Keep a value in the memory that the team shares, over an earlier one.",
            {"key": _KEY, "value": _VALUE, "ttl_seconds": _TTL},
            ("key", "value"),
        ),
        ("get", use.get, "Read a value from the team's memory, with its version.", {"key": _KEY}, ("key",)),
        (
            "list",
            use.list,
            "List entries of the team's memory by their keys.",
            {"prefix": {"type": "string"}, "limit": _LIMIT, "after": after},
            (),
        ),
        (
            "search",
            use.search,
            "Find entries of the team's memory that have any of these words, the best first.",
            {"words": {"type": "string"}, "limit": _LIMIT},
            ("words",),
        ),
        ("delete", use.delete, "Forget an entry of the team's memory.", {"key": _KEY}, ("key",)),
    ]


def _together(use: _Use) -> Sequence[_Listed]:
    version = {"type": "integer", "description": "As read; 0: only where there is no entry."}
    most = {"type": "integer", "minimum": 1, "description": "Keep only so many items, the newest."}
    return [
        (
            "append",
            use.append,
            "Add an item to a list in the team's memory; nothing that others add is lost.",
            {"key": _KEY, "item": _VALUE, "most": most},
            ("key", "item"),
        ),
        (
            "increment",
            use.increment,
            "Add to a number in the team's memory and read the sum; nothing that others add is lost.",
            {"key": _KEY, "by": {"type": "number"}},
            ("key",),
        ),
        (
            "claim",
            use.claim,
            "Claim a piece of work before you begin it, so that nobody else does it meanwhile.",
            {"key": _KEY, "seconds": {"type": "number", "description": "How long; default 60."}},
            ("key",),
        ),
        ("release", use.release, "Give back what you have claimed.", {"key": _KEY}, ("key",)),
        (
            "compare_and_set",
            use.compare_and_set,
            "Keep a value only if the entry still has the version that you have read.",
            {"key": _KEY, "value": _VALUE, "version": version},
            ("key", "value", "version"),
        ),
    ]


def _schema(properties: Mapping[str, object], required: Sequence[str]) -> Mapping[str, object]:
    schema: dict[str, object] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _shown(entry: MemoryEntry) -> Mapping[str, object]:
    return {"key": entry.key, "value": entry.value, "version": entry.version, "by": entry.changed_by}
