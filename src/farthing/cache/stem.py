"""A word's lemma, by rules for English endings and a table of what follows none. Pure.

Unlike a search engine's stemmer it would rather leave two forms apart than take two words for one.
"""

import re

from farthing.cache.words import KEPT, LEMMAS, SAME

_VOWEL = re.compile("[aeiouy]")
_SHORT = re.compile("[^aeiou]*[aeiou][^aeiouwxy]")
"""One syllable that would double its consonant if no `e` were gone: `mak(e)`, and not `cook`."""
_LACKS_E = ("at", "iz", "is", "v", "c", "u", "bl", "tl", "dl", "pl", "gl", "rg", "nc", "dg", "us", "ir", "as")


def stem(word: str) -> str:
    """The word that all forms and synonyms of this one share."""
    lemma = LEMMAS.get(word) or SAME.get(word) or _stripped(word)
    lemma = LEMMAS.get(lemma, lemma)
    return SAME.get(lemma, lemma)


def _stripped(word: str) -> str:
    if word in KEPT or len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s"):
        return word if word.endswith(("ss", "us", "is", "ics")) else word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 1 and _VOWEL.search(rest):
            return _whole(rest)
    return word


def _whole(rest: str) -> str:
    """A verb from what is left without its ending."""
    if rest[-1] == rest[-2] and rest[-1] not in "lsze":
        return rest[:-1]
    if rest.endswith(_LACKS_E) or _SHORT.fullmatch(rest):
        return rest + "e"
    return rest[:-1] + "y" if rest.endswith("i") else rest
