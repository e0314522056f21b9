"""Reviewed rewrites of prompt templates: what a proposal must keep, which one a message gets. Pure.

A rewrite is used only when a person approved it, as it was when it was approved, and only for a message that
was made from its template to the letter. The file is `rewritefile.py`'s; the model that proposes is asked by
`farthing rewrites`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from farthing.prompt.spans import protected_pieces
from farthing.prompt.template import Template, captured, is_ambiguous, rendered, template_of
from farthing.prompt.tokens import estimate_tokens
from farthing.task import Message

Status = Literal["proposed", "approved", "rejected"]
LEAST_FIXED = 24
"""Characters that a template must have around its placeholders, so that only its own texts match."""
_BUCKET = 12


class Trial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The original and the rewrite on the same inputs, side by side. Costs in US dollars; sums over all."""

    at: datetime
    inputs: int
    models: tuple[str, ...]
    cost_before: Decimal
    cost_after: Decimal
    input_tokens_before: int
    input_tokens_after: int
    output_tokens_before: int
    output_tokens_after: int
    checks: int = 0
    passed_before: int = 0
    passed_after: int = 0
    simulated: bool = False


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who decided, when, and on which words: `digest` is of template and rewrite as they were then."""

    by: str
    at: datetime
    digest: str
    note: str = ""


class Rewrite(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One template with its shorter form. Texts are lists of lines, so that a reviewer sees which changed."""

    id: str
    status: Status = "proposed"
    role: Literal["system", "user"] = "user"
    template: tuple[str, ...]
    rewrite: tuple[str, ...]
    tokens_before: int
    tokens_after: int
    """Of the texts without values, by our estimate."""
    source: str = ""
    """The file the template was read from, to tell when it has changed."""
    proposed_by: str = ""
    """A model's id, or a person."""
    proposed_at: datetime | None = None
    cost: Decimal = Decimal(0)
    """What the proposal cost, in US dollars."""
    simulated: bool = False
    trial: Trial | None = None
    review: Review | None = None

    @property
    def before(self) -> str:
        return "\n".join(self.template)

    @property
    def after(self) -> str:
        return "\n".join(self.rewrite)

    @property
    def digest(self) -> str:
        return sha256(f"{self.role}\n{self.before}\0{self.after}".encode()).hexdigest()[:16]

    @property
    def in_force(self) -> bool:
        """Whether it may be used: approved, and not changed since."""
        return self.status == "approved" and self.review is not None and self.review.digest == self.digest


class Rewrites(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file."""

    version: Literal[1] = 1
    rewrites: tuple[Rewrite, ...] = ()


_FORMATS = re.compile(
    r"\b(json|ya?ml|xml|csv|tsv|html|markdown|latex|sql|tables?|bullet(?:s|ed)?|numbered|list|schema|keys?|"
    r"one (?:word|line|sentence|paragraph)|plain text|code block|headings?|diff)\b",
    re.IGNORECASE,
)
_BOUNDS: Mapping[str, re.Pattern[str]] = {
    "a negation": re.compile(r"\b(?:not|never|no|without|avoid|none|nor|\w+n't)\b", re.IGNORECASE),
    "a limit": re.compile(
        r"\b(?:only|at most|at least|no more than|no longer than|maximum|minimum|exactly|up to|"
        r"fewer|less than|"
        r"more than|limit\w*|max|min)\b|[≤≥<>]",
        re.IGNORECASE,
    ),
    "a condition": re.compile(r"\b(?:if|unless|when|except|otherwise|else|where|in case)\b", re.IGNORECASE),
}


def problems_of(original: str, rewrite: str, *, role: str = "user") -> tuple[str, ...]:
    """Why a rewrite must not take a template's place; nothing where it may be put before a person."""
    before, after = template_of(original), template_of(rewrite)
    found = [*_of_templates(before, after), *_of_words(before, after)]
    if not rewrite.strip():
        found.append("it is empty")
    tokens = estimate_tokens(original), estimate_tokens(rewrite)
    if tokens[1] >= tokens[0]:
        found.append(f"it is no shorter: {tokens[1]} tokens for {tokens[0]}")
    return tuple(found)


def _of_templates(before: Template, after: Template) -> Iterable[str]:
    if before.fixed_characters < LEAST_FIXED:
        yield f"the template has less than {LEAST_FIXED} characters of its own, so other texts would match it"
    if is_ambiguous(before):
        yield "two placeholders touch in the template, so their values cannot be told apart"
    for name in sorted(set(before.names)):
        count = after.names.count(name)
        if count != 1:
            yield f"{{{name}}} stands in it {count} times; once is needed"
    for name in sorted(set(after.names) - set(before.names)):
        yield f"{{{name}}} is in it and not in the template"


def _of_words(before: Template, after: Template) -> Iterable[str]:
    """Quotations, code, numbers and names are kept to the letter; forms and bounds by their words."""
    said, kept = " ".join(before.literals), " ".join(after.literals)
    lost = [piece for piece in dict.fromkeys(protected_pieces(said)) if piece.strip() and piece not in kept]
    for piece in lost:
        yield f"{piece.strip()[:60]!r} is missing"
    words = {word.lower() for word in _FORMATS.findall(kept)}
    for word in sorted({word.lower() for word in _FORMATS.findall(said)} - words):
        if word.rstrip("s") not in {one.rstrip("s") for one in words}:
            yield f"the answer's form is lost: {word!r} is missing"
    for name, pattern in _BOUNDS.items():
        if pattern.search(said) and not pattern.search(kept):
            yield f"{name} is lost: {pattern.findall(said)[0]!r}"


class Found(NamedTuple):
    """The rewrite of one message."""

    id: str
    text: str


class _Ready(NamedTuple):
    id: str
    role: str
    before: Template
    after: Template


class RewriteBook:
    """The rewrites that are in force, laid out to be looked up: by how a text begins."""

    def __init__(self, rewrites: Iterable[Rewrite] = ()) -> None:
        usable = [one for one in rewrites if one.in_force and not problems_of(one.before, one.after)]
        ready = [_Ready(one.id, one.role, template_of(one.before), template_of(one.after)) for one in usable]
        self.digests = tuple(sorted(one.digest for one in usable))
        self._buckets: dict[str, list[_Ready]] = {}
        self._others: list[_Ready] = []
        for one in ready:
            begun = one.before.literals[0]
            if len(begun) >= _BUCKET:
                self._buckets.setdefault(begun[:_BUCKET], []).append(one)
            else:
                self._others.append(one)
        self.count = len(ready)

    def find(self, message: Message) -> Found | None:
        """The message's rewrite; None where no template is its own, or more than one could be."""
        text = message.content
        if not self.count or not isinstance(text, str) or message.pinned:
            return None
        found: Found | None = None
        for one in (*self._buckets.get(text[:_BUCKET], ()), *self._others):
            values = captured(one.before, text) if one.role == message.role else None
            if values is None:
                continue
            if found is not None:
                return None
            found = Found(one.id, rendered(one.after, values))
        return found


NO_REWRITES = RewriteBook()


def faults_in(rewrites: Sequence[Rewrite]) -> tuple[str, ...]:
    """What is wrong with a file as a whole."""
    ids = [one.id for one in rewrites]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    approved = [one for one in rewrites if one.status == "approved"]
    templates = [(one.role, one.before) for one in approved]
    same = [one.id for one in approved if templates.count((one.role, one.before)) > 1]
    return (
        *(f"the id {name!r} is there twice" for name in twice),
        *([f"{', '.join(same)} are approved for the same template; keep one"] if same else ()),
    )
