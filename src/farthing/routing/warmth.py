"""Where a conversation is warm: which model's provider has its beginning cached, and what leaving it costs.

Decides whether a conversation stays with the model that answered it last. Who may take a task at all is
`eligible.py`'s, the order without a memory `route.py`'s: this moves one candidate to the front, or none, and
says why in words and money. No clock is read; `now_s` is seconds on the loop's clock. A conversation is known
by its `session_id`, else by the digest of its opening, which is how OpenRouter itself tells conversations
apart (its documentation, "Provider sticky routing"); the digest is never sent.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

import msgspec
from msgspec import structs

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price, computed_cost, rates_at
from farthing.money import format_usd
from farthing.result import Candidate, Route
from farthing.routing.classify import Features
from farthing.routing.health import CandidateHealth, resting_until
from farthing.routing.route import NAMED_SLOT
from farthing.task import Task, Usage

WARM_S = 300.0
"""How long a prefix is taken to be kept after its last use. By their documentation Anthropic keeps it for 5
minutes, OpenAI for 5 to 10 of inactivity, DeepSeek for hours, and OpenRouter holds a conversation to its
provider for 10: the shortest is believed."""
LEAST_TOKENS = 1024
"""Below it the common providers cache nothing."""
MOST_CONVERSATIONS = 4096
_BLOCK_TOKENS = 128
"""Providers cache in blocks of 64 to 128 tokens."""
_UNPROVEN = 2
"""Of a prompt that was sent once, one part in so many is counted on: nobody has seen it cached yet. Likewise
a conversation grows, if at least that part of its last prompt was read from the cache."""
SCORE_TOLERANCE = 0.05
"""Under `mapped` a conversation stays with a model whose score for the new type is at most so much below that
of the mapped one."""


class Warm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who answered a conversation last, how long its prompt was, and when; `tokens` is the prefix that is
    counted on to be read from the cache next time."""

    model: str
    input_tokens: int
    at_s: float
    tokens: int


class WarmBook:
    """The conversations that were answered last, at most `most` of them."""

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._warm: OrderedDict[str, Warm] = OrderedDict()

    def __len__(self) -> int:
        return len(self._warm)

    def note(self, conversation: str, model: str, usage: Usage | None, now_s: float) -> None:
        """Remembers an answer. One whose tokens nobody told, or too short to be cached, leaves nothing."""
        before = self._warm.pop(conversation, None)
        if not conversation or usage is None or usage.input_tokens < LEAST_TOKENS:
            return
        counted = _counted_on(before, model, usage, now_s)
        self._warm[conversation] = Warm(
            model=model,
            input_tokens=usage.input_tokens,
            at_s=now_s,
            tokens=counted - counted % _BLOCK_TOKENS,
        )
        if len(self._warm) > self._most:
            self._warm.popitem(last=False)

    def of(self, conversation: str, now_s: float) -> Warm | None:
        """Where a conversation is warm now, if anywhere."""
        found = self._warm.get(conversation)
        if found is None or not found.tokens or now_s - found.at_s > WARM_S:
            return None
        return found


def _counted_on(before: Warm | None, model: str, usage: Usage, now_s: float) -> int:
    """The whole prompt where the one before was read from the cache, for then the next one goes on from it.
    What was read where prompts share only a beginning; nothing where it should have been read and was not."""
    returned = before is not None and before.model == model and now_s - before.at_s <= WARM_S
    if not usage.cached_tokens:
        return 0 if returned else usage.input_tokens // _UNPROVEN
    last = before.input_tokens if before is not None and returned else usage.input_tokens
    return usage.input_tokens if usage.cached_tokens * _UNPROVEN >= last else usage.cached_tokens


def conversation_of(task: Task) -> str:
    """What a conversation is known by: its session, else the digest of its first system and other message."""
    if task.session_id is not None:
        return task.session_id
    messages = task.conversation
    system = next((message.text for message in messages if message.role == "system"), "")
    first = next((message for message in messages if message.role != "system"), None)
    opening = f"{len(system)}\0{system}\0{'' if first is None else first.role + first.text}"
    return "opening:" + blake2b(opening.encode("utf-8", "replace"), digest_size=16).hexdigest()


def kept_warm(
    route: Route,
    warm: Warm,
    *,
    features: Features,
    output_tokens: int,
    catalog: Catalog,
    health: Mapping[str, CandidateHealth],
    now: datetime,
    clock_s: float,
) -> Route:
    """The route of a conversation that is warm somewhere: stayed where it is, unless switching pays.

    Staying costs what an accepted answer of the model is expected to cost, less what the cached part saves;
    switching the other candidate's full expected cost, output included. A model that the task names wins, so
    does health, and native tools over tools by prompt. Under `mapped`, which chooses by quality, it stays
    only where the rules and not the caller found its type, and its score is about as good.
    """
    first = route.candidates[0]
    there = next((one for one in route.candidates if one.model == warm.model), None)
    price = catalog.price(warm.model)
    if there is None or price is None or resting_until(health.get(there.model), clock_s) is not None:
        return route
    cached = min(warm.tokens, features.input_tokens)
    expected = there.reckoned.usage if there.reckoned is not None else None
    usage = Usage(
        input_tokens=features.input_tokens,
        output_tokens=output_tokens if expected is None else expected.output_tokens,
        cached_tokens=0 if expected is None else min(expected.cached_tokens, cached),
    )
    saved = _saved(price, usage, cached, now)
    cold, switching = _cost(there), _cost(first)
    if saved <= 0 or cold is None or switching is None:
        return route
    staying = max(cold - saved, Decimal(0))
    known = f"about {cached:,} tokens of the conversation are cached at {there.model}"
    if there is first:
        return _said(route, f"{known}, which saves {format_usd(saved)}")
    sums = f"{format_usd(staying)} there, {format_usd(switching)} at {first.model}"
    if staying > switching or not _may_stay(route, first, there, features):
        return _said(route, f"{known}; it is left all the same: {sums}")
    words = f"stays: {known}: {sums}"
    moved = structs.replace(there, reason=f"{words}; {there.reason}")
    rest = tuple(one for one in route.candidates if one is not there)
    reason = f"{words}; without that: {route.reason}"
    return structs.replace(route, reason=reason, candidates=(moved, *rest))


def _cost(candidate: Candidate) -> Decimal | None:
    """Of an accepted answer, as far as that is known."""
    made = candidate.reckoned
    return candidate.expected_cost if made is None else made.cost_per_answer


def _saved(price: Price, usage: Usage, cached: int, now: datetime) -> Decimal:
    """US dollars that so many cached input tokens save; nothing where the model states no rate for them."""
    if rates_at(price, input_tokens=usage.input_tokens, at=now).cache_read is None:
        return Decimal(0)
    warm = structs.replace(usage, cached_tokens=cached)
    return computed_cost(price, usage, at=now) - computed_cost(price, warm, at=now)


def _may_stay(route: Route, first: Candidate, there: Candidate, features: Features) -> bool:
    """Whether staying is a choice of money alone."""
    if route.strategy == NAMED_SLOT:
        return False
    if (features.needs_tools and first.native_tools > there.native_tools) or (
        features.needs_schema and first.native_schema > there.native_schema
    ):
        return False
    if route.strategy != "mapped":
        return True
    named = features.confidence >= 1
    return not named and _about_as_good(there.quality, first.quality)


def _about_as_good(score: float | None, wanted: float | None) -> bool:
    return score is not None and wanted is not None and score >= wanted - SCORE_TOLERANCE


def _said(route: Route, words: str) -> Route:
    return structs.replace(route, reason=f"{route.reason}; {words}")
