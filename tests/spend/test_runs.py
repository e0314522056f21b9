"""Folding rows back: every call as it stands, and the same sums as those kept while the rows were written."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spend.calls import AT_US, MONTH, intent, outcome

from farthing.spend.batch import Event, OpenCall, Plan, RollupKey, RollupSums, Seen, plan
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.ledger import Intent, Outcome, Row, genesis
from farthing.spend.runs import fold

TASK = AccountKey("task:t", "total")


class Book:
    """Writes groups as the ledger does, without a database: rows, balances, roll-ups and open calls."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.head = genesis(1)
        self.balances: dict[AccountKey, Balance] = {MONTH: Balance(), TASK: Balance()}
        self.rollups: dict[RollupKey, RollupSums] = {}
        self.open: dict[str, OpenCall] = {}

    def write(self, intents: Sequence[Intent] = (), events: Sequence[Event] = ()) -> Plan:
        made = plan(
            epoch=1,
            head=self.head,
            balances=self.balances,
            open_calls=self.open,
            events=events,
            intents=intents,
        )
        self.rows += made.rows
        self.head = made.head
        self.balances = dict(made.balances)
        self.open = {k: call for k, call in {**self.open, **made.opened}.items() if k not in made.closed}
        for key, sums in made.rollups.items():
            old = self.rollups.get(key, RollupSums())
            self.rollups[key] = RollupSums(*(a + b for a, b in zip(old, sums, strict=True)))
        return made


def test_a_call_that_is_on_the_wire_holds_its_worst_case() -> None:
    book = Book()
    book.write([intent("c1", 500)])
    book.write(events=[Seen("c1", AT_US, "gen-1")])
    (call,) = fold(book.rows).calls.values()
    assert (call.balance, call.generation_id, call.outcome) == (Balance(held=500), "gen-1", None)
    assert fold(book.rows).rollups() == {}


def test_an_uncertain_call_counts_its_worst_case_until_it_is_settled() -> None:
    book = Book()
    book.write([intent("c1", 500)])
    book.write(events=[outcome("c1", None, reason="cut")])
    (call,) = fold(book.rows).calls.values()
    assert (call.balance, call.doubted, call.cost) == (Balance(uncertain=500), True, None)
    book.write(events=[outcome("c1", 120)])
    (call,) = fold(book.rows).calls.values()
    assert (call.balance, call.doubted, call.cost) == (Balance(settled=120), True, 120)
    assert call.outcome is not None
    assert call.outcome.late


def test_an_account_that_is_claimed_twice_is_charged_once() -> None:
    book = Book()
    book.write([intent("c1", 500, keys=(MONTH, MONTH, TASK))])
    assert fold(book.rows).balances() == {MONTH: Balance(held=500), TASK: Balance(held=500)} == book.balances


def test_nothing_folds_to_nothing() -> None:
    empty = fold([])
    assert (empty.calls, empty.total(), empty.balances()) == ({}, Balance(), {})


def test_a_row_without_its_intent_is_an_error_of_the_rows() -> None:
    book = Book()
    book.write([intent("c1", 500)])
    book.write(events=[outcome("c1", 100)])
    with pytest.raises(KeyError):
        fold(book.rows[1:])


amounts = st.integers(0, 1000)
steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "seen", "settle", "doubt"]), st.integers(0, 5), amounts, st.booleans()
    ),
    max_size=30,
)


def event_of(action: str, call_id: str, amount: int, accepted: bool) -> Seen | Outcome:
    if action == "seen":
        return Seen(call_id, AT_US, f"gen-{call_id}")
    cost = amount if action == "settle" else None
    basis = "uncertain" if cost is None else "computed"
    return Outcome(
        call_id=call_id, at_us=AT_US, cost=cost, basis=basis, accepted=accepted, reason="…", baseline=7
    )


@given(steps)
def test_the_fold_of_any_history_is_what_was_kept(history: list[tuple[str, int, int, bool]]) -> None:
    book = Book()
    opened: set[str] = set()
    for action, number, amount, accepted in history:
        call_id = f"c{number}"
        if action == "open":
            if call_id not in opened:
                book.write([intent(call_id, amount, keys=(MONTH, TASK) if accepted else (MONTH,))])
                opened.add(call_id)
        else:
            book.write(events=[event_of(action, call_id, amount, accepted)])
    found = fold(book.rows)
    kept = {key: balance for key, balance in book.balances.items() if balance != Balance()}
    assert {key: balance for key, balance in found.balances().items() if balance != Balance()} == kept
    assert found.total() == book.balances[MONTH]
    assert found.rollups() == book.rollups
