"""How much a sentence or a line states that may be asked for later: its density of facts. Pure.

Weighed are numbers, names, identifiers, addresses and dates, and words of deciding, preferring, forbidding,
owning and causing; taken off are questions, courtesies and announcements. English words; in other languages
numbers, names and identifiers still count. Which message is looked at is `compress.py`'s.
"""

import re

_SPECIFICS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"https?://|\bwww\."), 2.0),
    (re.compile(r"(?:^|[\s\"'(=])(?:~|\.{0,2})/?(?:[\w.-]+/)+[\w.-]+"), 1.4),  # a path
    (re.compile(r"[$€£¥]\s?\d|\d\s?(?:%|€|USD|EUR|CHF|euros?|dollars?|francs?)"), 1.6),
    (re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d\b|\b\d{1,2}\. ?\d{1,2}\. ?\d{4}\b"), 1.2),
    (
        re.compile(
            r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
            r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|noon|midnight)\b"
        ),
        0.9,
    ),
    (re.compile(r"\bv?\d+\.\d+\.\d+"), 1.3),
    (re.compile(r"\b[A-Z]{2,}[A-Z0-9]*[-_]\d+|\b[a-z]+_\d+\w*|\b[0-9a-f]{7,}\b|\b[a-z]\d{3,}"), 1.2),  # a key
    (
        re.compile(
            r"\d[\d,. ]*\s?(?:ms|s|sec|seconds?|min|minutes?|hours?|days?|weeks?|[kMG]i?B|rows|users)\b"
        ),
        0.8,
    ),
    (re.compile(r"\d{3,}|\d,\d{3}"), 0.8),
    (re.compile(r"\d"), 0.5),
    (re.compile(r"[\w.+-]+@[\w-]+\.\w+"), 1.6),
    (re.compile(r"[\"“'`][^\"”'`\n]{2,60}[\"”'`]"), 0.5),
)
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
_OPENING_NAME = re.compile(r"^[A-Z][\w’'-]+ [A-Z][\w’'-]+|^[A-Z]\w*[A-Z]\w*")
_STATED: tuple[tuple[re.Pattern[str], float], ...] = (
    (
        re.compile(
            r"\b(?:must|shall|never|always|only|forbid\w*|prohibit\w*|required?|mandatory|allowed"
            r"|may not|cannot|can't|do not|don't|don’t|make sure|at (?:most|least))\b"
        ),
        1.1,
    ),
    (
        re.compile(
            r"\b(?:decid\w+|settled|agreed|chose\w*|picked|go(?:ing)? with|went with|opted?|switch\w* to"
            r"|replac\w+|instead of|rather than|from now on|approved|pinned|moved?|the plan is)\b"
        ),
        1.1,
    ),
    (
        re.compile(
            r"\b(?:prefer\w*|would rather|i'd rather|i (?:don't |really )?like|favou?rite|hate|can't stand"
            r"|i want|we want|i need|please (?:use|keep|avoid|write))\b"
        ),
        1.1,
    ),
    (
        re.compile(
            r"\b(?:because|since|due to|caused?|came from|root cause|failed|broke\w*|turned out|in the end"
            r"|fault|reason|explain\w*|breaks|crash\w*)\b"
        ),
        0.9,
    ),
    (
        re.compile(
            r"\b(?:owns?|owner|responsible|looks? after|in charge|ask|built|wrote|belongs?|lives?|kept|hosted"
            r"|located|tracked|filed|runs?|costs?|quote|budget|deadline|due|by the end|expects?|freeze|limit"
            r"|ceiling|capacity|remember|note that|keep in mind|called|named|means)\b"
        ),
        0.8,
    ),
)
_EMPTY = re.compile(
    r"^(?:thanks?|thank you|sorry|sure|of course|great|ok(?:ay)?[.!]|fine|hm+|please let|let me"
    r"|i (?:will|hope)|i'll|can you|could you|would you|what)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:i think|more or less|roughly|as usual|overall|in general|happy to|let me know)\b",
    re.IGNORECASE,
)
_MOST_NAMES = 3


def density(piece: str) -> float:
    """0 for a courtesy, about 1 for a plain statement with a number or a name, 3 for several of those."""
    text = piece.strip()
    if len(text) < 3:
        return 0.0
    score = 0.0
    for pattern, weight in _SPECIFICS:
        if pattern.search(text):
            score += weight
    score += 0.9 * min(len(_NAME.findall(text)), _MOST_NAMES) + (0.9 if _OPENING_NAME.match(text) else 0.0)
    lowered = text.lower()
    for pattern, weight in _STATED:
        if pattern.search(lowered):
            score += weight
    if text.endswith("?"):
        score *= 0.4
    if _EMPTY.match(text):
        score *= 0.5
    if _HEDGED.search(text):
        score *= 0.7
    return score


def specifics(text: str) -> frozenset[str]:
    """Numbers, names and identifiers of a text: what a summary must not lose."""
    found = {word.strip(".,;:!?()[]\"'") for word in re.findall(r"\S*\d\S*|\S*[/@_]\S+", text)}
    found.update(_NAME.findall(text))
    return frozenset(word for word in found if len(word) > 1)
