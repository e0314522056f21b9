"""Which model of a catalogue an export means: the ways in which services write one model's name.

Only rules of writing, no guesses: a provider's prefix, a date, a version of a cloud, dots written as dashes,
words for people, the two orders of "sonnet 4.5". What no rule leads to is unknown, and gets its nearest name.
"""

import re
from collections.abc import Iterator

from farthing.catalog.models import Catalog
from farthing.errors import nearest

_PREFIX = re.compile(
    r"^(openrouter|openai|azure(_ai)?|anthropic|bedrock(/converse)?|vertex_ai(_beta)?|gemini|groq|deepinfra|"
    r"together_ai|fireworks_ai(/accounts/fireworks/models)?|mistral|deepseek|litellm_proxy)/"
)
_REGION = re.compile(r"^((us|eu|apac|global|jp|au)\.)?(anthropic|meta|mistral|amazon|deepseek|qwen)\.")
_ENDINGS = (
    re.compile(r"-v\d+(:\d+)?$"),  # a cloud's version
    re.compile(r"[-@](20\d{6}|20\d\d-\d\d-\d\d|\d{4}|latest|default)$"),
)
_CLAUDE_NUMBERS = re.compile(r"(?<=[a-z]-)(\d)-(\d)(?=-|$)")
_NUMBER_FIRST = re.compile(r"^claude-(\d(?:\.\d)?)-(opus|sonnet|haiku)$")
_NUMBER_LAST = re.compile(r"^claude-(opus|sonnet|haiku)-(\d(?:\.\d)?)$")


def known_as(name: str, catalog: Catalog) -> str | None:
    """The catalogue's id of the model that an export calls `name`; None where no rule leads to one."""
    tails: dict[str, str | None] = {}
    for model in catalog.models:
        tail = model.partition("/")[2]
        tails[tail] = None if tail in tails else model  # two authors' models of one name are neither
    for candidate in _ways(name.strip().lower()):
        found = catalog.find(candidate)
        if found is not None:
            return found.id
        if (alone := tails.get(candidate)) is not None:
            return alone
    return None


def nearest_model(name: str, catalog: Catalog) -> str | None:
    """The known model whose name is most like this one."""
    plain = _bare(name.strip().lower())
    short = {model.partition("/")[2] or model: model for model in catalog.names()}
    near = nearest(plain, short)
    return None if near is None else short[near]


def _ways(name: str) -> Iterator[str]:
    """The name, and what is left of it by each rule, the least changed first."""
    yield name
    spoken = re.sub(r"[\s_]+", "-", name)
    yield spoken
    current = spoken
    while (shorter := _PREFIX.sub("", current, count=1)) != current:
        current = shorter
        yield current
    current = _REGION.sub("", current)
    yield from _shapes(current)
    while (shorter := _without_ending(current)) != current:
        current = shorter
        yield from _shapes(current)
    if "/" in current:
        yield from _shapes(_bare(current))


def _shapes(name: str) -> Iterator[str]:
    yield name
    dotted = _CLAUDE_NUMBERS.sub(r"\1.\2", name)
    yield dotted
    for pattern, other in ((_NUMBER_FIRST, r"claude-\2-\1"), (_NUMBER_LAST, r"claude-\2-\1")):
        if pattern.match(dotted):
            yield pattern.sub(other, dotted)


def _without_ending(name: str) -> str:
    for ending in _ENDINGS:
        shorter = ending.sub("", name)
        if shorter != name:
            return shorter
    return name


def _bare(name: str) -> str:
    """The name without author and endings."""
    name = _REGION.sub("", name.rpartition("/")[2])
    while (shorter := _without_ending(name)) != name:
        name = shorter
    return name
