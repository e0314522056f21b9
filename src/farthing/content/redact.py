"""What is cut out of a text before it is written anywhere: addresses, numbers, keys, known secrets. Pure.

Four kinds by name, and patterns of the user's own between slashes. In doubt it cuts: a text that says
`[phone]` once too often does less harm than a number that stays. It finds forms, not meaning: a name or a
street is nothing to it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from farthing.errors import nearest

Redact = Callable[[str], str]

KINDS = ("email", "phone", "key", "card")
"""What can be cut out by name, in the order in which a configuration usually names them."""

_SHORTEST_SECRET = 4  # a shorter one stands in ordinary words
# Every repetition that could begin anywhere is bounded: a long text must take time in its length, no more.
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}(?:[ ./-]\d{2,8}){1,4}(?![\w-])"
    r"|(?<![\w.+-])\+\d{7,15}(?!\w)"
)
_NO_PHONE = re.compile(
    r"\d{4}[-/.]\d{2}[-/.]\d{2}|\d{2}[-/.]\d{2}[-/.]\d{4}|\d{4}-\d{4}|\d{1,3}(?:\.\d{1,3}){3}"
)
_KEY = re.compile(
    r"""
      -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \b[spr]k[-_][\w-]{12,}                                   # OpenRouter, OpenAI, Anthropic, Stripe
    | \b(?:gh[oprsu]_|github_pat_|glpat-|hf_|xox[abeprs]-)[\w-]{10,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    | \bAIza[\w-]{30,}
    | \beyJ[\w-]{8,1000}\.[\w-]{8,}\.[\w-]*                     # a JSON web token
    | (?<=[Bb]earer[ ])[\w.~+/=-]{8,}
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)                          # user and password of a URL
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMED_KEY = re.compile(
    r"""((?:(?:api|secret)[ _-]?key|(?:access|auth)[ _-]?token|client[ _-]?secret|passwo?r?d|passphrase)
        ["']?\s*(?::=|[:=])\s*["']?)([^\s"',;]{4,})""",
    re.VERBOSE | re.IGNORECASE,
)


def check_redaction(entry: str) -> None:
    """Raises `ValueError` for an entry that is neither a known name nor a pattern that can be read."""
    if entry in KINDS:
        return
    if not _is_pattern(entry):
        close = nearest(entry, KINDS)
        meant = f"; did you mean {close!r}?" if close else ""
        raise ValueError(
            f"{entry!r} is not one of {', '.join(KINDS)}, nor a pattern in slashes as /ACME-[0-9]+/{meant}"
        )
    try:
        pattern = re.compile(entry[1:-1])
    except re.error as error:
        raise ValueError(f"{entry} is no regular expression: {error}") from None
    if pattern.fullmatch(""):
        raise ValueError(f"{entry} also matches where there is nothing; write one that needs a character")


def redactor(entries: Sequence[str], *, secrets: Iterable[str] = ()) -> Redact:
    """A function that puts `[email]`, `[phone]`, `[key]`, `[card]` or `[redacted]` in the place of its finds.

    `entries` as `check_redaction` takes them. `secrets` are cut out letter by letter, whatever the entries
    say, as they are and as a URL quotes them. Keys go first, so that no part of one is taken for a number.
    """
    steps: list[Redact] = []
    known = _known(secrets)
    if known is not None:
        steps.append(lambda text: known.sub("[key]", text))
    by_name: dict[str, Redact] = {"key": _keys, "email": _emails, "card": _cards, "phone": _phones}
    steps += [step for name, step in by_name.items() if name in entries]
    steps += [_own(re.compile(entry[1:-1])) for entry in entries if _is_pattern(entry)]

    def redact(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return redact


def _is_pattern(entry: str) -> bool:
    return len(entry) > 2 and entry.startswith("/") and entry.endswith("/")


def _known(secrets: Iterable[str]) -> re.Pattern[str] | None:
    whole = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
    forms = whole | {quote(secret, safe="") for secret in whole}
    if not forms:
        return None
    # The longest first: one secret may begin another.
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda one: (-len(one), one))))


def _keys(text: str) -> str:
    return _NAMED_KEY.sub(r"\1[key]", _KEY.sub("[key]", text))


def _emails(text: str) -> str:
    return _EMAIL.sub("[email]", text)


def _cards(text: str) -> str:
    return _CARD.sub(lambda found: "[card]" if _has_check_digit(found[0]) else found[0], text)


def _phones(text: str) -> str:
    return _PHONE.sub(lambda found: "[phone]" if _is_phone(found[0]) else found[0], text)


def _own(pattern: re.Pattern[str]) -> Redact:
    return lambda text: pattern.sub("[redacted]", text)


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return 7 <= digits <= 15 and not _NO_PHONE.fullmatch(text)


def _has_check_digit(text: str) -> bool:
    """ISO/IEC 7812: every second digit from the right is doubled, and the sum of digits ends in 0."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
