"""A template and its placeholders: what it says around them, whether a text was made from it, a text from it.

`{name}` and `{{ name }}` are placeholders. A text matches when everything around them is there to the letter
and there is one way only to read what stood in their place; where there are two, it does not match.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z_]\w*) *\}\}|(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")


class Template(NamedTuple):
    """A template taken apart: `literals[i]` stands before `names[i]`, the last literal behind them all."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def fixed_characters(self) -> int:
        """How much of a text is told by the template, white space apart."""
        return sum(len("".join(literal.split())) for literal in self.literals)


def template_of(text: str) -> Template:
    literals: list[str] = []
    names: list[str] = []
    at = 0
    for found in _PLACEHOLDER.finditer(text):
        literals.append(text[at : found.start()])
        names.append(found[1] or found[2])
        at = found.end()
    return Template((*literals, text[at:]), tuple(names))


def is_ambiguous(template: Template) -> bool:
    """Whether two placeholders touch, so that no text can tell where one ends."""
    return not all(template.literals[1:-1])


def captured(template: Template, text: str) -> Mapping[str, str] | None:
    """What stands in the placeholders of a text that was made from the template; None where it was not, where
    it could be read in two ways, or where one name has two values."""
    literals = template.literals
    if not template.names:
        return {} if text == literals[0] else None
    first, last = literals[0], literals[-1]
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return None
    end = len(text) - len(last)
    places = _places(literals[1:-1], text, len(first), end)
    if places is None:
        return None
    values: dict[str, str] = {}
    at = len(first)
    for name, place, literal in zip(template.names, (*places, end), (*literals[1:-1], ""), strict=True):
        value = text[at:place]
        if values.setdefault(name, value) != value:
            return None
        at = place + len(literal)
    return values


def rendered(template: Template, values: Mapping[str, str]) -> str:
    """The template with these values. Raises `KeyError` for a placeholder that has none."""
    *literals, last = template.literals
    pieces = (literal + values[name] for literal, name in zip(literals, template.names, strict=True))
    return "".join(pieces) + last


def _places(literals: Sequence[str], text: str, start: int, end: int) -> list[int] | None:
    """Where the inner literals stand, as far left as they go, if that is also as far right as they go."""
    left: list[int] = []
    at = start
    for literal in literals:
        at = text.find(literal, at, end)
        if at < 0:
            return None
        left.append(at)
        at += len(literal)
    at = end
    for literal, place in zip(reversed(literals), reversed(left), strict=True):
        at = text.rfind(literal, start, at)
        if at != place:
            return None
    return left
