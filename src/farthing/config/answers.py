"""The questions before a first configuration, as values, and how a written answer is read. Pure.

Each reader takes what a person writes, at a prompt or as an option, and raises `ValueError` with the reason
and the nearest valid word. What follows from the answers is `recommend.py`'s.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple, cast, get_args

from farthing.catalog.models import Catalog
from farthing.errors import nearest
from farthing.money import parse_usd
from farthing.task import TASK_TYPES, TaskType

Criticality = Literal["learning", "production", "mission-critical"]
CRITICALITIES: tuple[Criticality, ...] = get_args(Criticality)

Demand = Literal["eu", "no-training", "zdr"]
"""What compliance asks for: European data, no training on prompts, zero data retention."""
DEMANDS: tuple[Demand, ...] = get_args(Demand)

FAMILIES = {"claude": "anthropic/claude-sonnet-4.5", "gpt": "openai/gpt-5.1"}
"""The model that is meant where only its family is named."""

TYPICAL, NONE, NOTHING = "typical", "none", "nothing"

_NOT_KNOWN = {TYPICAL, "?", "unknown", "dont know", "don't know", "don’t know", "do not know"}
_SAME = {"testing": "learning", "test": "learning", "development": "learning", "critical": "mission-critical"}
_KINDS: Mapping[str, TaskType] = {kind: kind for kind in TASK_TYPES}
_CRITICAL: Mapping[str, Criticality] = {word: word for word in CRITICALITIES}
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_TOKENS = re.compile(r"(\d[\d,_]*(?:\.\d+)?)\s*([kmb]?)", re.IGNORECASE)
_MODEL_ID = re.compile(r"[\w.-]+/[\w.:-]+")
_TYPICAL_RATIO = 5
_MOST_TOKENS = 10**15
_MOST_USD = Decimal(10**9)


class Volume(NamedTuple):
    """Tokens a month."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was answered. None is "don't know": a typical mix, a typical volume, the profile's own limit.

    `workload` holds fractions that add up to 1; `budget` is US dollars a month; `today` is the model that
    does the work now, None where there is none.
    """

    workload: Mapping[TaskType, float] | None = None
    volume: Volume | None = None
    criticality: Criticality = "production"
    budget: Decimal | None = None
    compliance: frozenset[Demand] = frozenset()
    today: str | None = None


def workload_from(text: str) -> Mapping[TaskType, float] | None:
    """Fractions by task type from `coding=.6,general=.4` or `coding=60%,general=40%`; None for `typical`."""
    if _is_unknown(text):
        return None
    shares: dict[TaskType, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        word, sign, said = (piece.strip() for piece in part.partition("="))
        kind = _KINDS.get(word.lower())
        if not sign or kind is None:
            raise ValueError(_refused(word or part, TASK_TYPES, "give it as coding=.6,general=.4, of"))
        if kind in shares:
            raise ValueError(f"{kind} is given twice")
        shares[kind] = _share(kind, said)
    whole = sum(shares.values(), Decimal(0))
    if abs(whole - 1) > Decimal("0.005"):
        raise ValueError(f"the parts add up to {whole.normalize():f} and not to 1")
    return {kind: float(share / whole) for kind, share in shares.items() if share}


def _share(kind: TaskType, said: str) -> Decimal:
    try:
        number = Decimal(said.removesuffix("%"))
    except InvalidOperation:
        raise ValueError(f"{kind}={said} is no number; give a fraction such as {kind}=.6") from None
    share = number / 100 if said.endswith("%") else number
    if not (share.is_finite() and 0 <= share <= 1):
        raise ValueError(f"{kind}={said} is not from 0 to 1; give a fraction such as .6, or 60%")
    return share


def volume_from(text: str) -> Volume | None:
    """Tokens a month: `10M` goes in and a fifth of it comes out; `10M/3M` says both. None: `typical`."""
    if _is_unknown(text):
        return None
    inward, slash, outward = (piece.strip() for piece in text.partition("/"))
    sent = _tokens(inward)
    if not sent:
        raise ValueError("no tokens are no workload; give a volume as 10M, or typical")
    return Volume(sent, _tokens(outward) if slash else sent // _TYPICAL_RATIO)


def _tokens(text: str) -> int:
    found = _TOKENS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no number of tokens; give it as 10M, 850k or 10M/2M (in/out)")
    exact = Decimal(found[1].replace(",", "").replace("_", "")) * _SIZES[found[2].lower()]
    if exact != exact.to_integral_value():
        raise ValueError(f"{text} is no whole number of tokens; give it as 10M")
    number = int(exact)
    if number > _MOST_TOKENS:
        raise ValueError(f"{text} is more than anybody sends in a month; give it as 10M")
    return number


def criticality_from(text: str) -> Criticality:
    """One of the three words, or its beginning; `testing` is `learning`."""
    word = text.strip().lower().replace(" ", "-")
    word = _SAME.get(word, word)
    found: list[Criticality] = [known for name, known in _CRITICAL.items() if word and name.startswith(word)]
    if len(found) != 1:
        raise ValueError(_refused(text, CRITICALITIES))
    return found[0]


def compliance_from(text: str) -> frozenset[Demand]:
    """`none`, or one or more of the demands with commas between them."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if words == [NONE]:
        return frozenset()
    for word in words or [text]:
        if word not in DEMANDS:
            raise ValueError(_refused(word, (NONE, *DEMANDS)))
    return frozenset(cast("list[Demand]", words))


def budget_from(text: str) -> Decimal | None:
    """Dollars a month from `200`, `$200` or `1,000`; None where it is not known."""
    if _is_unknown(text):
        return None
    amount = parse_usd(text.strip().removeprefix("$").replace(",", "").strip())
    if not 0 <= amount <= _MOST_USD:
        raise ValueError(
            f"{text} is no budget for a month; give dollars as 200, or typical for the profile's limit"
        )
    return amount


def today_from(text: str, catalog: Catalog) -> str | None:
    """A model's id from an id, an alias or a family; None for `nothing`.

    An id that the catalogue does not know is taken as it is; a word that is no id is refused.
    """
    word = text.strip()
    if word.lower() in (NOTHING, NONE):
        return None
    if word.lower() in FAMILIES:
        return FAMILIES[word.lower()]
    model = catalog.find(word)
    if model is not None:
        return model.id
    if _MODEL_ID.fullmatch(word):
        return word
    near = nearest(word, (*FAMILIES, NOTHING, *catalog.names()))
    guess = f" (did you mean {near!r}?)" if near else ""
    told = f"{', '.join(FAMILIES)}, {NOTHING}, or a model's id such as {FAMILIES['claude']}"
    raise ValueError(f"{word!r} is no model that is known{guess}; give {told}")


def _is_unknown(text: str) -> bool:
    return text.strip().lower() in _NOT_KNOWN


def _refused(word: str, known: Iterable[str], lead: str = "give one of") -> str:
    words = list(known)
    near = nearest(word, words)
    guess = f" (did you mean {near!r}?)" if near else ""
    return f"{word.strip()!r} is not among the answers{guess}; {lead} {', '.join(words)}"
