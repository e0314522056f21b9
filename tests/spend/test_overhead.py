"""What was paid beside the answers: parts that do not overlap and add up to the spend."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from farthing.money import from_nano
from farthing.spend.batch import RollupKey, RollupSums
from farthing.spend.overhead import spend_parts

KINDS = ["task", "tool_step", "synthesis", "judge", "repair"]


def key(purpose: str) -> RollupKey:
    return RollupKey("2026-11-10", "openrouter.ai", "m", "coding", "", purpose)


def test_failed_attempts_are_failed_whatever_they_were_for() -> None:
    found = {
        part.name: (part.cost, part.percent, part.is_overhead)
        for part in spend_parts(
            [
                (key("task"), RollupSums(settled=700, wasted=100)),
                (key("synthesis"), RollupSums(settled=200, wasted=50, uncertain=100)),
            ]
        )
    }
    assert found == {
        "answers": (from_nano(600), 60, False),
        "syntheses": (from_nano(150), 15, True),
        "failed attempts": (from_nano(150), 15, True),
        "uncertain": (from_nano(100), 10, True),
    }


def test_nothing_spent_has_no_shares() -> None:
    (part,) = spend_parts([])
    assert (part.name, part.cost, part.percent) == ("answers", 0, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 10**9), st.integers(0, 100), st.integers(0, 10**9)),
        max_size=10,
    )
)
def test_the_parts_add_up(rows: list[tuple[str, int, int, int]]) -> None:
    rollups = [
        (key(kind), RollupSums(settled=paid, wasted=paid * share // 100, uncertain=unsure))
        for kind, paid, share, unsure in rows
    ]
    parts = spend_parts(rollups)
    total = from_nano(sum(sums.settled + sums.uncertain for _, sums in rollups))
    assert sum((part.cost for part in parts), Decimal(0)) == total
