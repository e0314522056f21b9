"""A prompt with fewer words that asks for the same: which rule takes what out of which message. Pure.

Deterministic, and each message's outcome depends on the messages before it only, so that a conversation that
goes on keeps its prefix, which providers cache. Left as they are: what a model said, pinned messages, all of
`spans.py`'s, and every text from the first one on that asks for something to be done with words themselves.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from farthing.prompt import compact, spans
from farthing.prompt.phrases import CAPITALISED, PHRASES, TRIGGERS, Phrase
from farthing.prompt.tokens import estimate_tokens
from farthing.result import Change
from farthing.task import ContentPart, Message

_SIGNS = ("  ", " \n", "\t\n", "\n\n\n", "{\n", "[\n", "-|", "|-", "- |", "| -")
"""Of padding, JSON over several lines, and tables."""
_ROUNDS = 6
"""A text that is still not at rest after so many looks is left as it was."""
_LONGEST = 40_000
"""Characters; a longer text is a document rather than words to a model, and is left as it is."""
_BLOCK_CHARACTERS = 300
"""A paragraph of this length is worth a reference where it comes again."""

_SENTENCE = re.compile(r"(?:(?<=[.!?]) +|^(?:[-*+] +)?)([A-Z][^.!?\n]{20,}[.!])(?=\s|$)", re.MULTILINE)
_STANDING_WORDS = spans.listed(
    "always, never, do not, don't, make sure, ensure, remember, be sure, be concise, keep it, keep "
    "your, keep the answer, you must, you should, you may not, answer, respond, reply, return, "
    "output, use only, avoid, stick to, under no"
)
_STANDING = re.compile(rf"(?:please )?(?:{'|'.join(_STANDING_WORDS)})\b", re.IGNORECASE)
_HANGING = re.compile(r"\n[ \t]*(?:[-*+]|\d+[.)]) |(?:This|That|These|It|They|Otherwise|Then)\b")
_SPACES = re.compile(r"(?<=[.!?:;,]) {2,}(?=\S)|(?<=[a-z]) {2,}(?=[a-z])|(?<![ \t])[ \t]+$", re.MULTILINE)
_GAP = re.compile(r"\n{3,}")
_WORD = re.compile(r"[a-z]+")
_FILES = re.compile(
    r"read|file|cat\b|view|open|edit|source|code|shell|bash|exec|run|diff|git|show|patch|grep|"
    r"get_content|fetch_raw|raw",
    re.IGNORECASE,
)


class Optimized(NamedTuple):
    """The messages as they may be sent, and what was done to them; the same objects where nothing was."""

    messages: tuple[Message, ...]
    changes: tuple[Change, ...] = ()


class _Edit(NamedTuple):
    rule: str
    before: str
    after: str


def optimized(messages: Sequence[Message], *, leave: frozenset[int] = frozenset()) -> Optimized:
    """A conversation without what its model can do without. `leave`: messages, by number, to keep.

    Never empties a message, and never lets one get longer, in tokens by our estimate.
    """
    lowers = [message.text.lower() if message.role in ("system", "user") else "" for message in messages]
    if not any(map(_may_change, messages, lowers)) and not _may_repeat(lowers):
        return Optimized(tuple(messages))
    found: list[Message] = []
    changes: list[Change] = []
    standing: set[str] = set()
    words = material = False
    for at, (message, lower) in enumerate(zip(messages, lowers, strict=True)):
        asks = bool(lower)
        words = words or (asks and spans.about_words(lower))
        about = asks and not material and spans.about_material(lower)
        is_material = material or (about and message.role == "user")
        material = material or about
        if words or message.pinned or at in leave:
            said = None
        elif message.role == "tool":
            said = _without_indentation(message, messages[:at])
        else:
            said = None if is_material or not asks else _shorter(message, frozenset(standing))
        found.append(message if said is None else said[0])
        changes += (
            Change(rule=edit.rule, message=at, before=edit.before, after=edit.after)
            for edit in (said[1] if said else ())
        )
        if message.role == "system":
            standing |= {_key(sentence) for sentence in standing_sentences(found[-1].text)}
    return Optimized(tuple(found), tuple(changes)) if changes else Optimized(tuple(messages))


def _may_change(message: Message, lower: str) -> bool:
    """A quick look: whether some rule could find something in this message by itself."""
    if message.role == "tool":
        return True
    return bool(lower) and (
        any(trigger in lower for trigger in TRIGGERS)
        or any(sign in lower for sign in _SIGNS)
        or lower[:1].isspace()
        or lower[-1:].isspace()
        or (len(lower) >= 2 * _BLOCK_CHARACTERS and "\n\n" in lower)
    )


def _may_repeat(lowers: Sequence[str]) -> bool:
    """Whether some way of giving an instruction comes twice, in one text or in two."""
    return any(sum(lower.count(word) for lower in lowers) > 1 for word in _STANDING_WORDS)


def optimized_text(text: str, *, standing: frozenset[str] = frozenset()) -> tuple[str, list[_Edit]]:
    """One text by all rules, to the point where none has more to do, and each change."""
    if len(text) > _LONGEST:
        return text, []
    now, changes = text, list[_Edit]()
    for _ in range(_ROUNDS):
        said, done = _once(now, standing)
        if said == now:
            break
        now, changes = said, [*changes, *done]
    else:
        return text, []
    if not now.strip() or len(now) >= len(text) or estimate_tokens(now) > estimate_tokens(text):
        return text, []
    return now, changes


def standing_sentences(text: str) -> list[str]:
    """The sentences of a text that tell a model how to behave, as they stand there."""
    return [found[1] for found in _SENTENCE.finditer(text) if _STANDING.match(found[1])]


def _shorter(message: Message, standing: frozenset[str]) -> tuple[Message, Sequence[_Edit]] | None:
    content = message.content
    if isinstance(content, str):
        text, changes = optimized_text(content, standing=standing)
        return (structs.replace(message, content=text), changes) if changes else None
    changes = list[_Edit]()
    parts: list[ContentPart] = []
    for part in content or ():
        said = part.get("text") if part.get("type") == "text" else None
        if isinstance(said, str):
            text, done = optimized_text(said, standing=standing)
            parts.append({**part, "text": text} if done else part)
            changes += done
        else:
            parts.append(part)
    return (structs.replace(message, content=tuple(parts)), changes) if changes else None


def _without_indentation(
    message: Message, before: Sequence[Message]
) -> tuple[Message, Sequence[_Edit]] | None:
    """A tool's result that is JSON; what reads files is left, for whoever edits them needs every space."""
    content = message.content
    if not isinstance(content, str) or len(content) < 2:
        return None
    short = compact.minified(content)
    if short is None or _FILES.search(_tool_of(message, before)):
        return None
    return structs.replace(message, content=short), [_Edit("JSON without indentation", content, short)]


def _tool_of(message: Message, before: Sequence[Message]) -> str:
    """The name of the tool that was called; one that is not known may have read a file."""
    if message.name:
        return message.name
    for earlier in reversed(before):
        for call in earlier.tool_calls:
            if call.id == message.tool_call_id:
                return call.name
    return "file"


def _once(text: str, standing: frozenset[str]) -> tuple[str, list[_Edit]]:
    """Every rule once, in order."""
    changes: list[_Edit] = []
    for recode in (compact.json_blocks, compact.tables):
        found = list(recode(text))
        for one in reversed(found):
            changes.append(_Edit(one.rule, text[one.start : one.end], one.short))
            text = text[: one.start] + one.short + text[one.end :]
    text = _without_repeated_blocks(text, changes)
    text = _without_phrases(text, changes)
    text = _without_repetitions(text, standing, changes)
    text = _without_padding(text, changes)
    return text, changes


def _without_phrases(text: str, changes: list[_Edit]) -> str:
    lower = text.lower()
    if not any(trigger in lower for trigger in TRIGGERS):
        return text
    for phrase in PHRASES:
        if any(trigger in lower for trigger in phrase.triggers):
            text = _replaced(text, phrase, changes)
    return text


def _replaced(text: str, phrase: Phrase, changes: list[_Edit]) -> str:
    guard: spans.Guard | None = None
    pieces: list[str] = []
    kept = 0
    for found in phrase.pattern.finditer(text):
        guard = guard or spans.Guard(spans.protected_spans(text))
        start, end = found.span()
        if guard.touches(start, end) or _is_reported(text, start, phrase.rule):
            continue
        said, end = _said_instead(text, start, end, phrase.short, guard)
        changes.append(_Edit(phrase.rule, text[start:end], said))
        pieces += [text[kept:start], said]
        kept = end
    return "".join([*pieces, text[kept:]]) if pieces else text


def _is_reported(text: str, start: int, rule: str) -> bool:
    """Whether the words stand behind a colon of their line: they may be what is to be said to somebody."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return rule == "politeness" and ":" in line


def _said_instead(text: str, start: int, end: int, short: str, guard: spans.Guard) -> tuple[str, int]:
    """What takes the place of a phrase, and up to where: a verb that comes to stand first gets a capital."""
    capital = text[start : start + 1].isupper()
    if short:
        return (short.capitalize() if capital else short), end
    following = _WORD.match(text, end)
    if capital and following and following[0] in CAPITALISED and not guard.touches(end, following.end()):
        return text[end].upper(), end + 1
    return "", end


def _without_repeated_blocks(text: str, changes: list[_Edit]) -> str:
    """A long paragraph that comes again word for word becomes a reference to where it stood first."""
    if len(text) < 2 * _BLOCK_CHARACTERS or "\n\n" not in text:
        return text
    paragraphs = text.split("\n\n")
    long = [one for one in paragraphs if len(one) >= _BLOCK_CHARACTERS]
    if len(set(long)) == len(long) or "```" in text or "~~~" in text:
        return text
    seen: set[str] = set()
    for at, paragraph in enumerate(paragraphs):
        if len(paragraph) < _BLOCK_CHARACTERS:
            continue
        if paragraph in seen:
            begun = " ".join(paragraph.split()[:5])
            paragraphs[at] = f"(The same as above, from “{begun}” on.)"
            changes.append(_Edit("repeated block", paragraph, paragraphs[at]))
        seen.add(paragraph)
    return "\n\n".join(paragraphs)


def _without_repetitions(text: str, standing: frozenset[str], changes: list[_Edit]) -> str:
    """An instruction that was given before, in this text or by the system, is not given again."""
    sentences = [found for found in _SENTENCE.finditer(text) if _STANDING.match(found[1])]
    if not sentences or (len(sentences) == 1 and not standing):
        return text
    guard = spans.Guard(spans.protected_spans(text))
    seen = set(standing)
    pieces: list[str] = []
    kept = 0
    for found in sentences:
        key, start = _key(found[1]), found.start()
        if key in seen and not guard.touches(start, found.end()) and not _leads(text, found.end()):
            changes.append(_Edit("repeated instruction", found[0].strip(), ""))
            pieces.append(text[kept:start])
            begins_line = start == 0 or text[start - 1] == "\n"
            kept = found.end() + (_spaces_from(text, found.end()) if begins_line else 0)
        seen.add(key)
    short = "".join([*pieces, text[kept:]])
    return short if short.strip() else text


def _spaces_from(text: str, at: int) -> int:
    return len(text) - at - len(text[at:].lstrip(" "))


def _leads(text: str, end: int) -> bool:
    """Whether something hangs on a sentence: a list under it, or words that go back to it."""
    rest = text[end : end + 40].lstrip(" ")
    return _HANGING.match(rest) is not None


def _without_padding(text: str, changes: list[_Edit]) -> str:
    if "  " not in text and "\n\n\n" not in text and text == text.strip() and not _trails(text):
        return text
    lines = spans.lines_of(text)
    guard = spans.Guard(spans.protected_spans(text, lines))
    cuts = [
        (found.start(), found.end(), "" if _ends_line(text, found.end()) else " ")
        for found in _SPACES.finditer(text)
    ]
    prose = spans.Guard([(line.start, line.end + 1) for line in lines if not line.prose])
    cuts += [
        (found.start() + 2, found.end(), "")
        for found in _GAP.finditer(text)
        if not prose.touches(max(0, found.start() - 1), min(len(text), found.end() + 1))
    ]
    cuts += _edges(text, prose)
    pieces: list[str] = []
    kept = 0
    for start, end, said in sorted(set(cuts)):
        if kept <= start < end and not guard.touches(start, end):
            changes.append(_Edit("white space", text[start:end], said))
            pieces += [text[kept:start], said]
            kept = end
    return "".join([*pieces, text[kept:]])


def _edges(text: str, prose: spans.Guard) -> Iterable[tuple[int, int, str]]:
    """The empty lines before the first word and after the last."""
    first, last = len(text) - len(text.lstrip("\n")), len(text.rstrip("\n"))
    if first and first < len(text) and not prose.touches(first, first + 1):
        yield 0, first, ""
    if first < last < len(text) and not prose.touches(last - 1, last):
        yield last, len(text), ""


def _trails(text: str) -> bool:
    return " \n" in text or "\t\n" in text


def _ends_line(text: str, end: int) -> bool:
    return end == len(text) or text[end] == "\n"


def _key(sentence: str) -> str:
    return " ".join(sentence.lower().split())


def per_rule(changes: Iterable[Change]) -> Mapping[str, tuple[int, int]]:
    """How often each rule acted, and what its changes save in tokens, by the estimate of each alone."""
    sums: dict[str, tuple[int, int]] = {}
    for change in changes:
        count, saved = sums.get(change.rule, (0, 0))
        less = estimate_tokens(change.before) - estimate_tokens(change.after)
        sums[change.rule] = (count + 1, saved + less)
    return sums
