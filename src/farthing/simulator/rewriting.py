"""How a simulated model shortens a template that it is given: by leaving out. Pure.

Its own, crude rules: sentences that hold something to be kept stay, the rest goes but for the first. That is
no language model's work, and what it says counts for nothing but the way it travels.
"""

import re

_ASKED = re.compile(r"^You shorten prompt templates\b")
_TEMPLATE = re.compile(r"<template>\n(.*)\n</template>", re.DOTALL)
_SENTENCES = re.compile(r"[^.!?\n]*[.!?]+[ ]*|[^.!?\n]+|\n+")
_KEPT = re.compile(
    r"[{}\"'`\d_/<>]|(?-i:[A-Z]{2})|\b(?:not|never|no|only|without|avoid|must|most|least|exactly|if|unless|when|"
    r"except|where|otherwise|json|list|table|markdown|bullets?|numbered|heading|limit|max|min|"
    r"one|keys?|schema|plain)\b",
    re.IGNORECASE,
)
_IDLE = re.compile(
    r"\b(?:please|kindly|very|really|carefully|thoroughly|comprehensive|detailed|overall|also|"
    r"in advance)\b ?",
    re.IGNORECASE,
)


def shortened_template(system: str, user: str) -> str | None:
    """The template in fewer words; None where the request is another one."""
    found = _TEMPLATE.search(user)
    if found is None or not _ASKED.match(system):
        return None
    pieces = _SENTENCES.findall(found[1])
    first = next((piece for piece in pieces if piece.strip()), "")
    kept = [piece for piece in pieces if piece.isspace() or piece is first or _KEPT.search(piece)]
    text = _IDLE.sub("", "".join(kept))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text)).strip()
