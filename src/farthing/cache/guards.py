"""Whether an answer to one question may be given to another that an embedding finds near. Pure.

An embedding tells what a question is about and not what it asks: "USD to EUR" and "EUR to USD" are one to it.
So each guard compares one thing in the two readings and names itself when they differ; all must agree. In
doubt they differ: a lost hit costs a call, a false hit an answer to another question.
"""

import re
from collections.abc import Callable, Hashable, Mapping

from farthing.cache import words as w
from farthing.cache.reading import Reading

Agrees = Callable[[Reading, Reading], bool]


def refusal(one: Reading, other: Reading) -> str | None:
    """The name of the first guard that refuses, the same in either order; None where all agree."""
    return next((name for name, agrees in GUARDS.items() if not agrees(one, other)), None)


def unfit(reading: Reading) -> str | None:
    """Why a question may neither be answered from another's answer nor answer another; None when it may."""
    if _CODE.search(reading.text):
        return "code"
    if not _is_english(reading):
        return "language"
    if _asks_of_now(reading):
        return "now"
    if not reading.content - w.NEGATIONS - w.SCOPES:
        return "vague"
    return None


def _same(feature: Callable[[Reading], Hashable]) -> Agrees:
    return lambda one, other: feature(one) == feature(other)


def _among(known: frozenset[str]) -> Agrees:
    """The words of one table: the same ones in both."""
    return _same(lambda reading: known & (reading.content | (reading.spoken & w.RELATIONS.keys())))


def _negations_agree(one: Reading, other: Reading) -> bool:
    if one.negations != other.negations:
        return False
    alone = (one.content - other.content, other.content - one.content)
    return not any(_negates(x, y) or _negates(y, x) for x in alone[0] for y in alone[1])


def _negates(word: str, base: str) -> bool:
    return any(word in (prefix + base, f"{prefix}-{base}") for prefix in w.NEGATING)


def _owners_agree(one: Reading, other: Reading) -> bool:
    """`my order` is `the order` where one asks how to do a thing, or whether one can; else not."""
    if set(one.owners) == set(other.owners):
        return True
    own = {*one.owners, *other.owners} <= {"my", "your"}
    generic = all("howto" in reading.questions for reading in (one, other))
    mine = all({*reading.owners} <= {"my"} and "i" in reading.persons for reading in (one, other))
    return own and (generic or mine) and not _both(one) and not _both(other)


def _both(reading: Reading) -> bool:
    """Whether two persons are spoken of, so that it matters which is which."""
    return len({*reading.owners, *reading.persons} - {"my"} | ({"i"} & {*reading.persons})) > 1


def _names_agree(one: Reading, other: Reading) -> bool:
    return one.names <= _known(other) and other.names <= _known(one)


def _known(reading: Reading) -> frozenset[str]:
    return reading.content | reading.names | {word.removeprefix("=") for word in reading.content}


def _superlatives(reading: Reading) -> Hashable:
    return frozenset(
        word
        for word in reading.content
        if word in w.SUPERLATIVE or (len(word) > 4 and word.endswith(("est", "er")))
    )


GUARDS: Mapping[str, Agrees] = {
    "wording": _same(lambda reading: reading.literal),
    "quotes": _same(lambda reading: reading.quotes),
    "identifiers": _same(lambda reading: reading.identifiers),
    "numbers": _same(lambda reading: reading.numbers),
    "units": _same(lambda reading: reading.units),
    "negation": _negations_agree,
    "question": _same(lambda reading: reading.questions),
    "tense": _same(lambda reading: reading.past),
    "voice": _same(lambda reading: reading.passive),
    "verb": _same(lambda reading: reading.verbs),
    "modality": _same(lambda reading: reading.modals),
    "person": _same(lambda reading: reading.persons),
    "owner": _owners_agree,
    "scope": _among(w.SCOPES),
    "opposites": _among(w.OPPOSITES),
    "superlative": _same(_superlatives),
    "time": _among(w.TIMES),
    "audience": _among(w.AUDIENCES),
    "format": _among(w.FORMATS),
    "names": _names_agree,
    "direction": _same(lambda reading: reading.relations),
    "symbols": _same(lambda reading: reading.symbols),
    "words": _same(lambda reading: reading.content),
    "order": _same(lambda reading: reading.order),
}
"""By name, from the particular to the general: `words` and `order` alone would refuse most."""

_CODE = re.compile(
    r"```|^\s{4,}\S|[{};]\s*$|\b(?:def|class|import|SELECT|function)\s+\w+\s*[({:]", re.MULTILINE
)
_NOW = re.compile(
    r"\b(?:now|nowadays|current|currently|today|tonight|tomorrow|yesterday|latest|newest|recent|recently|lately"
    r"|so far|just (?:now|happened)|at the moment|at present|presently|as of|upcoming"
    r"|live (?:score|stream|now)s?|news|headlines"
    r"|what time is it|the time now|is new|what's new|any new|still|yet|ago|this (?:very )?"
    r"(?:morning|afternoon|evening|week|weekend|month|year|quarter|season|spring|summer|autumn|fall|winter)"
    r"|(?:next|last|past|coming) (?:\w+ )?(?:minute|hour|day|night|week|weekend|month|year|quarter|season"
    r"|spring|summer|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?"
    r"|(?:left|remain|remaining|remains) (?:until|till|before)|how long (?:until|till)"
    r"|(?:stock|share) price|exchange rate|weather forecast)\b",
    re.IGNORECASE,
)
_FOREIGN = frozenset(
    """
    der das und ist wie ich mein meine mich nicht kann ein eine für mit von zu auf dem den welche warum
    wo wann nach im zum le les des une est pour dans qui que quel quelle pourquoi où je mon mes avec sur
    du au ce cette el los las una es por qué cómo cuál dónde cuándo mi con del en il lo gli che cosa è
    perché dove di della mio uma é não onde meu com como het een hoe waar wat ik mijn niet met voor van
    och att är jag som inte på
    """.split()  # noqa: SIM905 - a table is easier to read without quotes
)


def _asks_of_now(reading: Reading) -> bool:
    return _NOW.search(reading.text) is not None


def _is_english(reading: Reading) -> bool:
    """The tables are English. A name may have accents; another alphabet or its small words may not be."""
    if re.search("[¿¡\u0370-\u1dff\u2e80-\ua9ff\uac00-\ud7ff\uf900-\ufdff]", reading.text):
        return False
    said = re.findall(r"[^\W\d_]+", reading.text.lower())
    foreign = sum(word in _FOREIGN for word in said)
    english = sum(word in w.DROPPED or word in _SMALL for word in said)
    return foreign == 0 or foreign < english


_SMALL = frozenset((*w.PERSONS, *w.OWNERS, *w.MODALS, *w.RELATIONS, "what", "which", "who", "how", "why"))
