"""`python -m tests.cache.pairs`: the table by kind, and the figures of each part."""

from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from time import perf_counter

from tests.cache.pairs import pairs
from tests.cache.pairs.table import THRESHOLD, Outcome, by_kind, of_part, outcomes, share

from farthing.cache.embed import Embedder
from farthing.cache.reading import read

PARTS = ("tuning", "held-out", "attacks", "all")


def main() -> None:
    found = outcomes(pairs(), embed_all=True)
    print(
        f"{'pairs':<26}{'n':>5}{'hits':>6}{'by cosine alone':>17}  refused by, most often (tuning half only)"
    )
    for (same, kind), rows in by_kind(found).items():
        refused = Counter(row.refused for row in rows if row.refused and row.pair.held_out is False)
        often = ", ".join(f"{name} {count}" for name, count in refused.most_common(3))
        label = "paraphrase" if same else "attack" if rows[0].pair.attack else "adversarial"
        print(
            f"{f'{label}: {kind}':<26}{len(rows):>5}{share(rows)[0]:>6}{sum(map(_near, rows)):>17}  {often}"
        )
    print(f"\nthreshold {THRESHOLD:g}\n{'':<26}{''.join(f'{part:>18}' for part in PARTS)}")
    for label, same in (("false hits", False), ("paraphrases hit", True)):
        print(f"{label:<26}{''.join(_cell(*share(of_part(found, part, same=same))) for part in PARTS)}")
    adversarial = (of_part(found, part, same=False) for part in PARTS)
    alone = [_cell(sum(map(_near, rows)), len(rows)) for rows in adversarial]
    print(f"{'false by cosine alone':<26}{''.join(alone)}")
    print(f"\nmedian of {len(found)} questions on this machine, one after the other: {_times(found)}")


def _times(found: Sequence[Outcome]) -> str:
    """How long a question takes to be read, and to be embedded where it came near."""
    embedder, spent = Embedder(), {"reading": list[float](), "a vector": list[float]()}
    embedder.vector_now("Loads the model.")
    for outcome in found:
        begun = perf_counter()
        read(outcome.pair.b)
        middle = perf_counter()
        embedder.vector_now(outcome.pair.b)
        spent["reading"].append(middle - begun)
        spent["a vector"].append(perf_counter() - middle)
    embedder.close()
    rows = (
        f"{name} {median(times) * 1000:.2f} ms (p95 {quantiles(times, n=20)[-1] * 1000:.2f})"
        for name, times in spent.items()
    )
    return ", ".join(rows)


def _near(outcome: Outcome) -> bool:
    return (outcome.near or 0) >= THRESHOLD


def _cell(count: int, total: int) -> str:
    return f"{f'{count}/{total} = {100 * count / total:.1f} %' if total else '':>18}"


if __name__ == "__main__":
    main()
