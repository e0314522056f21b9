"""Which of many tools fit a text: by words (BM25), and by meaning where vectors are at hand. Pure.

A tool is known by its name, its source, what is said of it, and its parameters. Decides an order; how many
of it a model is told, and when that changes, is `offering.py`'s. Vectors are made elsewhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from statistics import fmean
from typing import cast

from farthing.cache.stem import stem as lemma
from farthing.prompt.rank import Index, stem, words_of
from farthing.swarm.toolwords import ALIKE, without_values, written_out
from farthing.task import Tool

_NAME_TIMES = 3
_FIRST_SENTENCE_TIMES = 2
_MOST_DESCRIPTION_CHARS = 1_200
_MOST_EMBEDDED_CHARS = 300
"""Of a description: with more of it no tool was found better, and embedding takes longer."""
_MOST_PARAMETER_CHARS = 600
_ALIKE_WEIGHT = 0.8
_SOURCE_WEIGHT = 0.4
"""Of how well a tool's whole source fits: tools of one server share what only some of them say."""
_MEANING_WEIGHT = 2.0
_SOURCE_MEANING_WEIGHT = 0.3
"""Of the nearness by meaning, a tool's and its source's. All parts go from 0 to 1 before they are added."""
_SPEAKING_FOR_A_SOURCE = 3
"""So many of its nearest tools say how near a source is."""


def _term(word: str) -> str:
    """What all forms of a word share: its lemma, and of that the stem."""
    return stem(lemma(word))


_ALIKE = {
    _term(word): tuple(dict.fromkeys(_term(other) for other in others)) for word, others in ALIKE.items()
}


class ToolIndex:
    """All tools of an agent, ready to be asked which of them fit. Building takes some 0.1 ms a tool."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        terms = [_terms(tool) for tool in tools]
        self._index = Index(terms)
        self._names = [tool.name for tool in tools]
        groups = [_group(tool) for tool in tools]
        of_group: dict[str, dict[str, None]] = {}
        for group, of_tool in zip(groups, terms, strict=True):
            of_group.setdefault(group, {}).update(dict.fromkeys(of_tool))
        number = {group: at for at, group in enumerate(of_group)}
        self._groups = [number[group] for group in groups]
        self._sources = Index([list(of_this) for of_this in of_group.values()])

    def ranked(
        self,
        topic: Mapping[str, float],
        *,
        limit: int,
        nearness: Sequence[float] = (),
    ) -> list[int]:
        """The places of at most `limit` tools that fit best, best first.

        `topic` are texts with their weights. `nearness` is each tool's cosine to them, or nothing. A tool
        that shares no word with the topic is named only for its meaning. Equals go by name.
        """
        query = _widened(topic)
        scores = _scaled(self._index.matches(query))
        sources = _scaled(self._sources.matches(query))
        if nearness:
            meant = _of_groups(nearness, self._groups)
            scores = {
                place: scores.get(place, 0.0)
                + _MEANING_WEIGHT * near
                + _SOURCE_MEANING_WEIGHT * meant[self._groups[place]]
                for place, near in enumerate(_stretched(nearness))
            }
        scores = {
            place: score + _SOURCE_WEIGHT * sources.get(self._groups[place], 0.0)
            for place, score in scores.items()
        }
        return nlargest(limit, scores, key=lambda place: (scores[place], _backwards(self._names[place])))


def properties_of(schema: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    """The parameters of a schema, each with its own schema."""
    found = schema.get("properties")
    return {name: _mapping(value) for name, value in _mapping(found).items()}


def tool_text(tool: Tool) -> str:
    """What is embedded of a tool."""
    words = " ".join(_spaced(tool.name).split())
    described = _compact(tool.description, _MOST_EMBEDDED_CHARS)
    names = ", ".join(_spaced(name) for name in properties_of(tool.parameters))
    return f"{words}: {described}" + (f" ({names})" if names else "")


def asked_text(text: str) -> str:
    """What is read, and embedded, of a text that asks."""
    return written_out(without_values(text))


def _terms(tool: Tool) -> list[str]:
    described = _compact(tool.description, _MOST_DESCRIPTION_CHARS)
    first, _, rest = described.partition(". ")
    parameters = _compact(" ".join(_parameter_words(tool.parameters)), _MOST_PARAMETER_CHARS)
    return [
        *_terms_of(tool.name) * _NAME_TIMES,
        *_terms_of(tool.source.partition(":")[2]),
        *_terms_of(first) * _FIRST_SENTENCE_TIMES,
        *_terms_of(rest),
        *_terms_of(parameters),
    ]


def _terms_of(text: str) -> list[str]:
    return [_term(word) for word in words_of(text)]


def _widened(topic: Mapping[str, float]) -> dict[str, float]:
    """The topic's terms with their weights, and what stands for them at a lower one."""
    query: dict[str, float] = {}
    for text, weight in topic.items():
        for term in _terms_of(asked_text(text)):
            if not term.isdigit():
                query[term] = max(query.get(term, 0.0), weight)
    brought: dict[str, float] = {}
    for term, weight in query.items():
        for other in _ALIKE.get(term, ()):
            brought[other] = max(brought.get(other, 0.0), weight * _ALIKE_WEIGHT)
    return {**brought, **query}


def _scaled(scores: Mapping[int, float]) -> dict[int, float]:
    best = max(scores.values(), default=1.0)
    return {place: score / best for place, score in scores.items()}


def _stretched(values: Sequence[float]) -> list[float]:
    """From 0 to 1: cosines lie close together."""
    least, most = min(values), max(values)
    width = (most - least) or 1.0
    return [(value - least) / width for value in values]


def _of_groups(nearness: Sequence[float], groups: Sequence[int]) -> list[float]:
    """How near each group is, by the nearest of its tools."""
    members: dict[int, list[float]] = {}
    for group, near in zip(groups, nearness, strict=True):
        members.setdefault(group, []).append(near)
    return _stretched([fmean(nlargest(_SPEAKING_FOR_A_SOURCE, members[group])) for group in sorted(members)])


def _group(tool: Tool) -> str:
    """An MCP server, a module, or what is built in."""
    kind, _, rest = tool.source.partition(":")
    return tool.source if kind == "mcp" or not rest else kind


def _backwards(name: str) -> tuple[int, ...]:
    """Orders names backwards, for `nlargest`: among equals the first by name wins."""
    return tuple(-ord(letter) for letter in name)


def _parameter_words(schema: Mapping[str, object]) -> Iterable[str]:
    for name, value in properties_of(schema).items():
        yield _spaced(name)
        if isinstance(said := value.get("description"), str):
            yield said


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _compact(text: str, bound: int) -> str:
    return " ".join(text[: 2 * bound].split())[:bound]


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}
