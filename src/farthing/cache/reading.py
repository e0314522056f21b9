"""What a question says, as far as a guard can tell: numbers, names, negations, the order of words. Pure.

Two questions whose readings agree ask the same thing. The tables are `words.py`'s, the ways of asking
`phrases.py`'s; what must agree is `guards.py`'s.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

import msgspec

from farthing.cache import words as w
from farthing.cache.phrases import plain
from farthing.cache.stem import stem

Pairs = frozenset[tuple[str, str]]

_HELD = re.compile("\ue002(\\d+)\ue003")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<![\w])'([^'\n]+)'(?!\w)|`([^`\n]+)`|«([^»\n]+)»")
_ABBREVIATION = re.compile(r"\b(?:[A-Za-z]\.){2,}")
_IDENTIFIER = re.compile(
    r"""\b[a-z][a-z0-9+.-]*://\S+[\w/]
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | (?<![\w])[~.]?/?[\w.-]+(?:/[\w.-]+)+/? | (?<![\w.])/[\w.-]+
    | (?<!\S)--?[A-Za-z][\w-]*
    | \#\w+
    | \b\w*[A-Za-z]\w*_\w+\b | \b_\w+\b
    | \b(?!\d+(?:st|nd|rd|th)\b)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?!\d+(?:-[A-Za-z]+)+\b)\w+(?:[-:]\w+)*\b
    | \b\w+\.(?:[A-Za-z]\w{1,4})\b
    """,
    re.VERBOSE,
)
_GLUED = re.compile(
    r"(\d)(%|°[CFcf]|km/h|kmh|kph|mph|[KMGT]B|kg|km|cm|mm|mg|ml|lbs?|oz|ft|kWh|g|l|m)\b|(\d)%"
)
_NAME = re.compile(r"[^\W\d_][\w'-]*")
_TOKEN = re.compile(
    "\ue002\\d+\ue003|\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+(?:[.:]\\d+)*(?:st|nd|rd|th)?|km/h|°[cf]"
    "|[$€£¥₹%°]|[\ue000\ue001]*[^\\W\\d_]+(?:[-'][^\\W_]+)*|[+*/=<>&]"
)
_SYMBOL = re.compile(r"[+*/=<>&#()\[\]{}^|~\\]|(?<!\w)-(?!\w*[A-Za-z])|(?<=\d)!")
_QUESTIONS = {"which": "what", "whom": "who"} | {
    word: word
    for word in (
        *("howto", "howoften", "howlong", "howmany", "howmuch", "how"),
        *("who", "whose", "what", "when", "where", "why", "whether"),
    )
}
_CURRENCIES = frozenset("$€£¥₹")
_BEGINS_YES_OR_NO = w.PRESENT | frozenset(("did", "was", "were", "had", *w.MODALS))


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One question, read. Words are lemmas, synonyms are one word, numbers are digits."""

    text: str
    order: tuple[str, ...]
    """Words of content and pronouns, as they come."""
    content: frozenset[str]
    spoken: frozenset[str]
    """Every word as it was written, in lower case."""
    numbers: tuple[str, ...]
    units: tuple[str, ...]
    negations: Pairs
    relations: Pairs
    """Relations with the word they stand before."""
    symbols: tuple[str, ...]
    persons: tuple[str, ...]
    owners: tuple[str, ...]
    modals: tuple[str, ...]
    questions: tuple[str, ...]
    past: bool
    passive: bool
    verbs: tuple[bool, bool]
    """Whether there is a `be`, and a `do` that helps no other verb."""
    literal: tuple[str, ...]
    """What must be equal word for word: all, where the question is about words; else what follows a colon."""
    names: frozenset[str]
    identifiers: tuple[str, ...]
    quotes: tuple[str, ...]


def read(question: str) -> Reading:
    """The reading of a question; any text has one."""
    text = " ".join(_straight(question).split())
    text, quotes = _hold(text, _QUOTED, 0)
    text = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), text)
    text = _GLUED.sub(lambda found: f"{found[1] or found[3]} {found[2] or '%'}", text)
    text, identifiers = _hold(text, _IDENTIFIER, len(quotes))
    held = [*(f'"{quote}"' for quote in quotes), *identifiers]
    marked = _marked(text)
    tokens = [*_spread(_TOKEN.findall(plain(marked.lower())))]
    names = {stem(name.lower()) for name in re.findall("[\ue000\ue001]([\\w-]+)", marked)}
    return _reading(
        question, tokens, held, names=frozenset(names), identifiers=tuple(identifiers), quotes=tuple(quotes)
    )


def _straight(text: str) -> str:
    """Compatibility forms, quotation marks and dashes brought to one each."""
    text = unicodedata.normalize("NFC", text)
    return text.translate(
        {
            ord(char): to
            for chars, to in (("‘’ʼ´", "'"), ("“”„‟", '"'), ("‐‑‒–—−", "-"), ("\ue000\ue001\ue002\ue003", ""))
            for char in chars
        }
    )


def _hold(text: str, pattern: re.Pattern[str], start: int) -> tuple[str, list[str]]:
    """What must stay letter by letter, taken out; a mark stands in its place."""
    held: list[str] = []

    def taken(found: re.Match[str]) -> str:
        said = next((group for group in found.groups() if group), found[0])
        if found[0].lower() in w.UNITS:
            return found[0]
        held.append(said)
        return f" \ue002{start + len(held) - 1}\ue003 "

    return pattern.sub(taken, text), held


def _marked(text: str) -> str:
    """Words with a capital inside a sentence, marked as names. One that is also a plain word stays apart."""
    if text.isupper():
        return text

    def mark(found: re.Match[str]) -> str:
        word = found[0]
        before = text[: found.start()].rstrip(" \"'(")
        begins = not before or before[-1] in ".!?:"
        shouted = len(word) > 1 and word.isupper()
        if (not word[0].isupper() and word[1:].islower()) or word in {"I", "I'm", "I'd", "I'll", "I've"}:
            return word
        if word.islower() or (begins and not shouted):
            return word
        lower = word.lower().removesuffix("'s")
        is_word = lower in w.HOMOGRAPHS or lower in w.DROPPED or lower in w.PERSONS
        return f"\ue001{word}" if is_word else f"\ue000{word}"

    return _NAME.sub(mark, text)


def _spread(tokens: list[str]) -> Iterator[str]:
    """Compounds of numbers apart, currency after its amount, endings of possession away."""
    currency = ""
    for found in tokens:
        token = found.lstrip("\ue000").removesuffix("'s").removesuffix("'")
        if token in _CURRENCIES:
            currency = token
            continue
        parts = token.split("-")
        if len(parts) > 1 and (parts[0] in w.NUMBERS or parts[0].isdigit()):
            yield from _compound(parts)
        else:
            yield token
        if currency:
            yield currency
            currency = ""
    if currency:
        yield currency


def _compound(parts: list[str]) -> Iterator[str]:
    """`eighty-one` is a number, `twenty-year` a number and a unit."""
    first, second = (w.NUMBERS.get(part, "1" if part == "one" else "") for part in parts[:2])
    if (
        first.isdigit()
        and second.isdigit()
        and len(parts) == 2
        and 20 <= int(first) < 100
        and int(second) < 10
    ):
        yield str(int(first) + int(second))
    else:
        yield from parts


def _reading(
    question: str,
    tokens: list[str],
    held: list[str],
    *,
    names: frozenset[str],
    identifiers: tuple[str, ...],
    quotes: tuple[str, ...],
) -> Reading:
    lemmas = [_lemma(token, held) for token in tokens]
    listed = [lemma for token, lemma in zip(tokens, lemmas, strict=True) if _is_content(token)]
    persons = _persons(tokens)
    return Reading(
        text=question,
        order=_order(tokens, lemmas, persons),
        content=frozenset(listed),
        spoken=frozenset(tokens),
        numbers=tuple(lemma for lemma in lemmas if lemma[:1].isdigit()),
        units=tuple(lemma for token, lemma in zip(tokens, lemmas, strict=True) if token in w.UNITS),
        negations=_before(tokens, lemmas, {word: word for word in w.NEGATIONS}),
        relations=_before(tokens, lemmas, w.RELATIONS),
        symbols=tuple(_SYMBOL.findall(question)),
        persons=persons,
        owners=tuple(w.OWNERS[token] for token in tokens if token in w.OWNERS),
        modals=tuple(w.MODALS[token] for token in tokens if token in w.MODALS),
        questions=_asked(tokens),
        past=_is_past(tokens),
        passive=_is_passive(tokens),
        verbs=(bool((w.BE - w.GET) & set(tokens)), _does(tokens)),
        literal=_literal(question, tokens, lemmas),
        names=names,
        identifiers=identifiers,
        quotes=quotes,
    )


def _order(tokens: list[str], lemmas: list[str], persons: tuple[str, ...]) -> tuple[str, ...]:
    spoken_of = iter(persons)
    return tuple(
        next(spoken_of) if token in w.PERSONS else lemma
        for token, lemma in zip(tokens, lemmas, strict=True)
        if _is_content(token) or token in w.PERSONS
    )


def _literal(question: str, tokens: list[str], lemmas: list[str]) -> tuple[str, ...]:
    content = [(token, lemma) for token, lemma in zip(tokens, lemmas, strict=True) if _is_content(token)]
    spoken_of = {lemma for _, lemma in content}
    # `begin and start` is a pair of words that are one to us.
    matters = (spoken_of | set(tokens)) & w.ABOUT_WORDS or len(set(content)) > len(spoken_of)
    told = question if matters else question.partition(":")[2]
    return tuple(re.findall(r"\w+|[^\w\s]", told.rstrip(" .?!")))


def _asked(tokens: list[str]) -> tuple[str, ...]:
    """What is asked for: `who`, `howmany`, …; else whether it is so, or to be told something."""
    asked = tuple(_QUESTIONS[token] for token in tokens if token in _QUESTIONS)
    return asked or ("yes or no" if set(tokens[:1]) & _BEGINS_YES_OR_NO else "tell",)


def _does(tokens: list[str]) -> bool:
    """Whether `do` is the verb: at the end, or besides one that only helps."""
    return tokens[-1:] == ["do"] or sum(token in {"do", "does", "did"} for token in tokens) > 1


def _lemma(token: str, held: list[str]) -> str:
    if kept := _HELD.fullmatch(token):
        return held[int(kept[1])]
    if token.startswith("\ue001"):
        return f"={token[1:]}"
    if token[:1].isdigit():
        return token.replace(",", "")
    if (number := w.NUMBERS.get(token)) is not None:
        return number
    return w.UNITS.get(token) or stem(token)


def _is_content(token: str) -> bool:
    return not (
        token in w.DROPPED
        or token in w.PERSONS
        or token in w.OWNERS
        or token in w.MODALS
        or token in w.RELATIONS
        or token in _QUESTIONS
    )


def _before(tokens: list[str], lemmas: list[str], known: Mapping[str, str]) -> Pairs:
    """Each known word with the next word of content, or with nothing at the end."""
    found: set[tuple[str, str]] = set()
    following = ""
    for token, lemma in zip(reversed(tokens), reversed(lemmas), strict=True):
        if token in known:
            found.add((known[token], following))
        if _is_content(token) and token not in w.NEGATIONS:
            following = lemma
    return frozenset(found)


def _persons(tokens: list[str]) -> tuple[str, ...]:
    """Who is spoken of, in order. Who asks how to do a thing is the same person as `you` in general."""
    persons = [w.PERSONS[token] for token in tokens if token in w.PERSONS]
    return tuple("i" for _ in persons) if set(persons) == {"you"} and "howto" in tokens else tuple(persons)


def _is_past(tokens: list[str]) -> bool:
    said = set(tokens)
    if said & {"did", "was", "were", "had", "usedto"}:
        return True
    if "howto" in said:
        return False
    finite = said & w.PASTS or any(token.endswith("ed") and token not in w.KEPT for token in tokens)
    return bool(finite) and not said & w.PRESENT


def _is_passive(tokens: list[str]) -> bool:
    said = set(tokens)
    return bool(said & w.BE) and any(
        token in w.PARTICIPLES or (token.endswith("ed") and token not in w.KEPT) for token in tokens
    )
