"""The words that may go: politeness, and long phrases that have a short equal. Tables and their patterns.

A phrase belongs here when every reader takes the short form for the same; "with respect to" does not (it is a
derivative's), nor do "just", "the majority of" and "if possible". Where they may stand is `optimize.py`'s.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from farthing.prompt.spans import listed


class Phrase(NamedTuple):
    """A pattern that is looked for where the lower-case text has one of its `triggers`."""

    rule: str
    triggers: tuple[str, ...]
    pattern: re.Pattern[str]
    short: str
    """What is said instead; empty where nothing is."""


_LONG: Mapping[str, str] = {
    "in order to": "to",
    "so as to": "to",
    "due to the fact that": "because",
    "owing to the fact that": "because",
    "in light of the fact that": "because",
    "in view of the fact that": "because",
    "on the grounds that": "because",
    "for the reason that": "because",
    "in spite of the fact that": "although",
    "despite the fact that": "although",
    "in the event that": "if",
    "at this point in time": "now",
    "at the present time": "now",
    "at the current time": "now",
    "until such time as": "until",
    "for the purpose of": "for",
    "for the purposes of": "for",
    "with regard to": "about",
    "with regards to": "about",
    "in regard to": "about",
    "a large number of": "many",
    "a great number of": "many",
    "has the ability to": "can",
    "have the ability to": "can",
    "has the capability to": "can",
    "have the capability to": "can",
    "is able to": "can",
    "are able to": "can",
    "in close proximity to": "near",
    "on a regular basis": "regularly",
    "on a daily basis": "daily",
    "on a weekly basis": "weekly",
    "on a monthly basis": "monthly",
    "take into consideration": "consider",
    "taking into consideration": "considering",
    "make a decision": "decide",
    "conduct an analysis of": "analyze",
    "perform an analysis of": "analyze",
    "provide an analysis of": "analyze",
    "provide an explanation of": "explain",
    "give an explanation of": "explain",
    "provide a description of": "describe",
    "give a description of": "describe",
    "come to the conclusion that": "conclude that",
    "make use of": "use",
    "makes use of": "uses",
    "making use of": "using",
    "with the exception of": "except",
    "in the absence of": "without",
    "prior to": "before",
    "each and every": "every",
    "first and foremost": "first",
    "in a timely manner": "promptly",
    "in an efficient manner": "efficiently",
    "in a concise manner": "concisely",
    "in a clear manner": "clearly",
    "it is important to note that": "",
    "it should be noted that": "",
    "it is worth noting that": "",
    "it is worth mentioning that": "",
    "please note that": "",
    "please be aware that": "",
    "as a matter of fact,": "",
    "needless to say,": "",
}

# Where a sentence or a clause begins: politeness elsewhere may be a part of what is said.
_BEGIN = (
    r"(?:^|(?<=[.!?] )|(?<=^[-*+] )|(?<=^\d[.)] )|(?<=^\d\d[.)] )|(?<=[,;] )|(?<=\band )|"
    r"(?<=\bthen )|(?<=\balso )"
    r"|(?<=\bbut ))"
)
_VERB = r"(?=[a-z]+\b(?![:\"'”’]))(?!to\b|is\b|was\b|and\b|or\b|you\b|the\b|a\b|an\b)"
_ASKED = (
    r"i(?:'d| would) (?:really )?like you to|i (?:want|need) you to|"
    r"i would (?:really )?appreciate it if you could|"
    r"i(?:'d| would) be (?:very |really )?grateful if you could|it would be (?:great|nice|"
    r"helpful|good) if you could|"
    r"i was wondering if you could|(?:could|can|would|will) you (?:please|kindly)|could you be so kind as to|"
    r"would you be so kind as to|if you could please|your task is to please|you are (?:kindly )?requested to|"
    r"please be so kind (?:as to|and)|please be sure to|please make sure to|(?:please|kindly),?(?: kindly)?"
)
_THANKS = (
    r"(?:thank you|thanks|many thanks|thx)(?: so| very)?(?: much| a lot)?(?: in advance)?"
    r"(?: for (?:your|the|all your) (?:kind )?(?:help|time|assistance|support|cooperation|"
    r"attention|understanding|effort|"
    r"efforts|consideration)(?: and (?:help|time|assistance|support|cooperation|attention|understanding))?)?"
    r"(?: in advance)?|i(?: would| really)*(?: greatly)? appreciate (?:it|your (?:help|time|"
    r"assistance|support))"
    r"(?: in advance)?|any help (?:is|would be) (?:greatly )?appreciated"
)
_FLAGS = re.IGNORECASE | re.MULTILINE


def _long(phrase: str, short: str) -> Phrase:
    """The phrase with the space behind it where nothing takes its place."""
    words = r"(?<![\w-])" + re.escape(phrase).replace(r"\ ", " ") + (r"(?![\w-])" if short else " (?=[a-z])")
    return Phrase("verbose phrase", (phrase,), re.compile(words, _FLAGS), short)


PHRASES: tuple[Phrase, ...] = (
    Phrase(
        "politeness",
        ("thank", "thx", "appreciate"),
        re.compile(rf"(?:^|(?<=[.!?]) )(?:{_THANKS})(?:[.!]+|$)(?=\s|$)", _FLAGS),
        "",
    ),
    *(_long(phrase, short) for phrase, short in _LONG.items()),
    Phrase(
        "politeness",
        ("please", "kindly", " you to", "you could", "so kind"),
        re.compile(rf"{_BEGIN}(?:(?:{_ASKED}) )+{_VERB}", _FLAGS),
        "",
    ),
    Phrase(
        "politeness",
        (", please",),
        re.compile(r"(?<=\w), please(?=[.!?]|$)", _FLAGS),
        "",
    ),
)
"""In the order in which they are looked for."""

TRIGGERS: tuple[str, ...] = tuple(dict.fromkeys(word for phrase in PHRASES for word in phrase.triggers))

CAPITALISED = frozenset(
    listed(
        "a, act, add, all, an, analyse, analyze, answer, any, apply, ask, assess, assume, avoid, "
        "be, begin, build, calculate, call, change, check, choose, classify, clean, compare, "
        "complete, compute, consider, continue, convert, create, debug, decide, define, describe, "
        "design, determine, develop, discuss, do, document, draw, each, ensure, estimate, evaluate, "
        "every, examine, expand, explain, explore, extend, fill, find, fix, focus, follow, format, "
        "generate, give, help, identify, if, implement, improve, include, investigate, it, keep, "
        "list, look, make, merge, name, no, note, optimize, order, organize, our, outline, perform, "
        "plan, print, propose, provide, rank, rate, read, recommend, refactor, remember, remove, "
        "rename, replace, report, research, respond, return, review, say, search, see, select, "
        "show, simplify, solve, some, sort, split, start, state, stop, structure, suggest, tell, "
        "test, that, the, there, these, they, think, this, those, try, turn, update, use, verify, "
        "wait, we, when, write, you, your"
    )
)
"""Words that get a capital where they come to stand first; a name in small letters never does."""
