"""What the semantic cache makes of every pair: the figures that its tests hold and its guide prints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.cache.pairs import Pair

from farthing.cache.embed import Embedder
from farthing.cache.guards import refusal, unfit
from farthing.cache.meaning import cosine
from farthing.cache.reading import read
from farthing.config.optimizing import SemanticCache

THRESHOLD = SemanticCache().threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One pair's. `refused`: the guard, or `threshold`; empty for a hit. `near`: known where it mattered."""

    pair: Pair
    refused: str
    near: float | None = None

    @property
    def hit(self) -> bool:
        return not self.refused


def outcomes(pairs: Iterable[Pair], *, embed_all: bool = False) -> Sequence[Outcome]:
    """Each pair by the guards and then by the model, as `cache/semantic.py` goes about it."""
    embedder = Embedder()
    try:
        return [_outcome(pair, embedder, embed_all=embed_all) for pair in pairs]
    finally:
        embedder.close()


def _outcome(pair: Pair, embedder: Embedder, *, embed_all: bool) -> Outcome:
    one, other = read(pair.a), read(pair.b)
    refused = unfit(one) or unfit(other) or refusal(one, other) or ""
    if refused and not embed_all:
        return Outcome(pair=pair, refused=refused)
    vectors = embedder.vector_now(pair.a), embedder.vector_now(pair.b)
    near = -1.0 if vectors[0] is None or vectors[1] is None else cosine(vectors[0], vectors[1])
    return Outcome(pair=pair, refused=refused or ("" if near >= THRESHOLD else "threshold"), near=near)


def by_kind(found: Iterable[Outcome]) -> Mapping[tuple[bool, str], Sequence[Outcome]]:
    """Paraphrases first, kinds in the order of the files."""
    kinds: dict[tuple[bool, str], list[Outcome]] = {}
    for outcome in found:
        kinds.setdefault((outcome.pair.same, outcome.pair.kind), []).append(outcome)
    return kinds


def of_part(found: Iterable[Outcome], part: str, *, same: bool) -> Sequence[Outcome]:
    """Paraphrases or adversarial pairs of the part `tuning`, `held-out`, `attacks` or `all`."""
    names = {False: "tuning", True: "held-out", None: "attacks"}
    return [
        outcome
        for outcome in found
        if outcome.pair.same is same and part in {"all", names[outcome.pair.held_out]}
    ]


def share(found: Sequence[Outcome]) -> tuple[int, int]:
    """Hits and pairs. The false-hit rate is that of adversarial pairs: those hit, of all there are."""
    return sum(outcome.hit for outcome in found), len(found)
