"""Offers each piece of work the few of its many tools that fit, and answers its `search_tools`.

Keeps what is made once: an index for each set of tools, and the vectors of their texts, where the extra
`semantic` is installed. Embedding is done in a thread. What is told when is decided by `offering.py`, which
tools fit by `toolindex.py`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from farthing.cache.embed import Embedder, cosines, is_installed
from farthing.cache.meaning import Vector
from farthing.errors import InvalidTaskError
from farthing.swarm.calls import Toolbox, compiled, toolbox
from farthing.swarm.offering import (
    DEFAULT_FOUND,
    MOST_FOUND,
    SEARCH,
    SEARCH_DESCRIPTION,
    SEARCH_PARAMETERS,
    Offering,
    found_text,
    is_wide,
    most_told,
    opening_names,
    topic_of,
)
from farthing.swarm.toolindex import ToolIndex, asked_text, tool_text
from farthing.swarm.vectorfile import add_vectors, digest_of, read_vectors
from farthing.task import Message, Task, Tool

_MOST_SHELVES = 64
_MOST_VECTORS = 20_000

Conversation = Callable[[], Sequence[Message]]
"""The conversation of a piece of work as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """One set of tools: all that is made of it once."""

    tools: tuple[Tool, ...]
    box: Toolbox
    index: ToolIndex
    texts: tuple[str, ...]


class Finder:
    """Of one open deployment; `offered` is how many tools a piece of work is told at first.

    With `by_meaning` False, or without the extra `semantic`, tools are found by words alone.
    """

    def __init__(self, *, offered: int, by_meaning: bool = True, kept: Path | None = None) -> None:
        """`kept` is the file in which the vectors of tools are kept from one process to the next, if any."""
        self._offered = offered
        self._embedder = Embedder() if by_meaning and is_installed() else None
        self._shelves: OrderedDict[int, _Shelf] = OrderedDict()
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._embedding = asyncio.Lock()
        self._kept = kept
        self._filed: Mapping[bytes, Vector] | None = None

    async def offer(self, task: Task, conversation: Conversation) -> Toolbox:
        """The tools of a piece of work; `conversation` gives where it stands when a search is answered.

        All of them where there are few, or where the caller runs one. Raises `InvalidTaskError` for a tool
        that has our search's name.
        """
        if not is_wide(task.tools, self._offered):
            return toolbox(task.tools)
        shelf = self._shelf(task.tools)
        ranked = await self.rank(task.tools, topic_of(task), limit=self._offered)
        offering = Offering(
            tools={tool.name: tool for tool in shelf.tools},
            search=Tool(name=SEARCH, description=SEARCH_DESCRIPTION, parameters=SEARCH_PARAMETERS),
            opening=opening_names(task, [tool.name for tool in ranked], offered=self._offered),
            begun=len(task.conversation),
            most=most_told(self._offered),
        )
        run = partial(self._search, task.tools, offering, conversation)
        search = replace(offering.search, run=run, source="built-in")
        return replace(
            shelf.box,
            tools=(search, *shelf.tools),
            checks={**shelf.box.checks, SEARCH: compiled(search)},
            offering=replace(offering, search=search),
        )

    async def rank(self, tools: tuple[Tool, ...], topic: Mapping[str, float], *, limit: int) -> list[Tool]:
        """At most `limit` of the tools, those that fit the texts of the topic best first."""
        shelf, near = self._shelf(tools), list[float]()
        if self._embedder is not None and topic:
            asked = asked_text(max(topic, key=lambda text: topic[text]))
            async with self._embedding:  # one after the other, so that no text is embedded twice
                vectors = await self._vectors_of_tools(self._embedder, shelf.texts)
                near = cosines(vectors, await self._vector(self._embedder, asked))
        return [tools[place] for place in shelf.index.ranked(topic, limit=limit, nearness=near)]

    def close(self) -> None:
        """Lets the thread of the embedder end."""
        if self._embedder is not None:
            self._embedder.close()

    async def _search(
        self,
        tools: tuple[Tool, ...],
        offering: Offering,
        conversation: Conversation,
        query: str,
        limit: int = DEFAULT_FOUND,
    ) -> str:
        found = await self.rank(tools, {query[:2_000]: 1.0}, limit=min(limit, MOST_FOUND))
        return found_text(found, offering.dropped(conversation(), [tool.name for tool in found]))

    async def _vectors_of_tools(self, embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
        """From memory, else from the file, else made, and filed."""
        unknown = [text for text in texts if text not in self._vectors]
        if unknown and self._kept is not None:
            if self._filed is None:
                self._filed = await asyncio.to_thread(read_vectors, self._kept)
            keys = {text: digest_of(text) for text in unknown}
            self._vectors.update((text, self._filed[key]) for text, key in keys.items() if key in self._filed)
            made = {
                key: await self._vector(embedder, text)
                for text, key in keys.items()
                if key not in self._filed
            }
            if made:
                self._filed = {**self._filed, **made}
                await asyncio.to_thread(add_vectors, self._kept, made)
        return [await self._vector(embedder, text) for text in texts]

    async def _vector(self, embedder: Embedder, text: str) -> Vector:
        known = self._vectors.get(text)
        if known is None:
            known = self._vectors[text] = await embedder.gist(text)
            if len(self._vectors) > _MOST_VECTORS:
                self._vectors.popitem(last=False)
        return known

    def _shelf(self, tools: tuple[Tool, ...]) -> _Shelf:
        """Agents of one role share one tuple of tools: it is known by its identity, and kept with it."""
        shelf = self._shelves.get(id(tools))
        if shelf is None:
            if any(tool.name == SEARCH for tool in tools):
                raise InvalidTaskError(
                    f"a tool is named {SEARCH!r}, which is Farthing's own where there are more than "
                    f"{self._offered} tools; rename it, or raise tools.offered"
                )
            box = toolbox(tools)
            texts = tuple(tool_text(tool) for tool in tools)
            shelf = self._shelves[id(tools)] = _Shelf(
                tools=tools, box=box, index=ToolIndex(tools), texts=texts
            )
            if len(self._shelves) > _MOST_SHELVES:
                self._shelves.popitem(last=False)
        return shelf
