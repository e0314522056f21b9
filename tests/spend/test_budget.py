"""Admission: the table of decisions, and the laws that hold for every claim set."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend import budget
from farthing.spend.budget import (
    AccountKey,
    Admitted,
    Balance,
    Claim,
    Denied,
    PeriodKind,
    admit,
    headroom,
    period_key,
)

MONTH = AccountKey("deployment", "month:2026-11")
SWARM = AccountKey("swarm:1", "total")
AGENT = AccountKey("agent:1/2", "total")
TASK = AccountKey("task:9", "total")
KEYS = (MONTH, SWARM, AGENT, TASK)

amounts = st.integers(0, 1000)
balances = st.builds(Balance, amounts, amounts, amounts)
books = st.fixed_dictionaries(dict.fromkeys(KEYS, balances))
limits = st.none() | st.integers(0, 4000)
claim_sets = st.lists(st.builds(Claim, st.sampled_from(KEYS), limits), max_size=5).map(tuple)
bounds = st.tuples(amounts, amounts).map(sorted)


@pytest.mark.parametrize(
    ("balance", "limit", "worst", "floor", "granted"),
    [
        (Balance(), 100, 100, 100, 100),
        (Balance(10, 20, 30), 100, 40, 40, 40),
        (Balance(10, 20, 30), 100, 50, 40, 40),  # clamped to what is left
        (Balance(10, 20, 30), None, 10**12, 10**12, 10**12),
        (Balance(100), 100, 0, 0, 0),  # a free call under a spent limit
        (Balance(), 0, 0, 0, 0),
    ],
)
def test_admits(balance: Balance, limit: int | None, worst: int, floor: int, granted: int) -> None:
    decision = admit({MONTH: balance}, (Claim(MONTH, limit),), worst=worst, floor=floor)
    assert decision == Admitted(granted=granted)


@pytest.mark.parametrize(
    ("balance", "limit", "worst", "floor", "fits", "transient"),
    [
        (Balance(10, 20, 30), 100, 41, 41, 40, True),
        (Balance(10, 0, 50), 100, 41, 41, 40, False),
        (Balance(90, 5, 0), 100, 20, 11, 5, False),  # what is held cannot make enough room
        (Balance(101, 0, 0), 100, 0, 0, 0, False),  # an overrun blocks even what is free
        (Balance(), 0, 1, 1, 0, False),
    ],
)
def test_denies(balance: Balance, limit: int, worst: int, floor: int, fits: int, transient: bool) -> None:
    decision = admit({MONTH: balance}, (Claim(MONTH, limit),), worst=worst, floor=floor)
    assert decision == Denied(
        key=MONTH, limit=limit, balance=balance, wanted=floor, fits=fits, transient=transient
    )


def test_a_limit_that_never_gives_way_is_named_before_one_that_may() -> None:
    held = {MONTH: Balance(held=100), TASK: Balance(settled=100)}
    claims = (Claim(MONTH, 100), Claim(TASK, 95))
    decision = admit(held, claims, worst=10, floor=10)
    assert isinstance(decision, Denied)
    assert (decision.key, decision.transient) == (TASK, False)


def test_what_fits_is_what_every_limit_allows() -> None:
    claims = (Claim(MONTH, 50), Claim(TASK, 20))
    decision = admit({MONTH: Balance(), TASK: Balance()}, claims, worst=100, floor=100)
    assert isinstance(decision, Denied)
    assert decision.fits == 20


def test_no_claims_and_no_limits_admit_anything() -> None:
    assert admit({}, (), worst=7, floor=7) == Admitted(granted=7)


def test_a_denial_says_all_that_stands_in_the_way() -> None:
    denied = admit(
        {MONTH: Balance(10**9, 0, 0)}, (Claim(MONTH, 3 * 10**9),), worst=4 * 10**9, floor=4 * 10**9
    )
    text = str(denied)
    for part in ("the month limit of deployment, $3.00", "$1.00 settled", "$0.00 held", "$2.00 would fit"):
        assert part in text


@given(books, claim_sets, bounds)
def test_admission_keeps_every_limit_and_is_as_large_as_can_be(
    book: dict[AccountKey, Balance], claims: tuple[Claim, ...], bound: list[int]
) -> None:
    floor, worst = bound
    rooms = [
        claim.limit - book[claim.key].committed
        for claim in claims
        if claim.limit is not None and not claim.soft
    ]
    decision = admit(book, claims, worst=worst, floor=floor)
    if isinstance(decision, Admitted):
        assert decision.granted == min([worst, *rooms])
        assert floor <= decision.granted
    else:
        assert min(rooms) < floor
        assert decision.fits == max(min([worst, *rooms]), 0)


@given(books, claim_sets, bounds)
def test_transient_exactly_when_ended_calls_could_make_room(
    book: dict[AccountKey, Balance], claims: tuple[Claim, ...], bound: list[int]
) -> None:
    floor, worst = bound
    decision = admit(book, claims, worst=worst, floor=floor)
    freed = {key: balance._replace(held=0) for key, balance in book.items()}
    if isinstance(decision, Denied):
        assert decision.transient == isinstance(admit(freed, claims, worst=worst, floor=floor), Admitted)


@given(books, claim_sets)
def test_headroom_is_the_least_room(book: dict[AccountKey, Balance], claims: tuple[Claim, ...]) -> None:
    room = headroom(book, claims)
    if room is None:
        assert all(claim.limit is None for claim in claims)
    elif room >= 0:
        assert admit(book, claims, worst=room, floor=room) == Admitted(granted=room)
        as_hard = [claim._replace(soft=False) for claim in claims]
        assert isinstance(admit(book, as_hard, worst=room + 1, floor=room + 1), Denied)


@given(amounts, amounts)
def test_a_hold_ends_at_its_cost_whichever_way_it_goes(granted: int, cost: int) -> None:
    straight, doubted = {TASK: Balance()}, {TASK: Balance()}
    for book in (straight, doubted):
        budget.post(book, [TASK], budget.hold(granted))
        assert book[TASK].committed == granted
    budget.post(straight, [TASK], budget.settle(cost, held=granted, was_uncertain=False))
    budget.post(doubted, [TASK], budget.doubt(granted))
    assert doubted[TASK] == Balance(uncertain=granted)
    budget.post(doubted, [TASK], budget.settle(cost, held=granted, was_uncertain=True))
    assert straight == doubted == {TASK: Balance(settled=cost)}


@pytest.mark.parametrize(
    ("kind", "key"),
    [("total", "total"), ("day", "day:2027-01-01"), ("week", "week:2026-W53"), ("month", "month:2027-01")],
)
def test_periods_are_utc_days_iso_weeks_and_months(kind: PeriodKind, key: str) -> None:
    assert period_key(kind, datetime(2027, 1, 1, tzinfo=UTC)) == key
