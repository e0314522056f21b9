"""Rows, their bodies and their chain: what was written is read back, and what was changed is found."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spend.chains import first_broken_link

from farthing.spend import ledger
from farthing.spend.budget import AccountKey, Claim
from farthing.spend.ledger import Intent, Outcome, Row, chained, genesis, intent_body
from farthing.task import Usage

MONTH = AccountKey("deployment", "month:2026-11")


def intent(call_id: str = "c1", *, worst: int = 10, floor: int = 10, run_id: str | None = None) -> Intent:
    return Intent(
        call_id=call_id,
        at_us=1_795_000_000_000_000,
        task_id="t1",
        model="m",
        upstream="u",
        price_book="b",
        worst=worst,
        floor=floor,
        claims=(Claim(MONTH, 100), Claim(MONTH, 50), Claim(AccountKey("task:t1", "total"), None)),
        task_type="coding",
        purpose="task",
        run_id=run_id,
        role="coder",
    )


def outcome(cost: int | None) -> Outcome:
    usage = Usage(input_tokens=5, output_tokens=7, cached_tokens=1, cache_write_tokens=2, reasoning_tokens=3)
    return Outcome(
        call_id="c1",
        at_us=1,
        cost=cost,
        basis="reported",
        accepted=True,
        reason="ok",
        literal="0.00000010",
        generation_id="gen-1",
        provider="p",
        usage=usage,
        baseline=9,
        latency_ms=1.5,
        first_token_ms=0.5,
    )


def chain(epoch: int, count: int, *, run_id: str | None = None) -> list[Row]:
    head, rows = genesis(epoch), list[Row]()
    for number in range(count):
        row = chained(
            head,
            epoch=epoch,
            kind="intent",
            call_id=f"{epoch}-{number}",
            run_id=run_id,
            at_us=number,
            nano=number,
            body=intent_body(intent()),
        )
        rows.append(row)
        head = row.hash
    return rows


@pytest.mark.parametrize(("worst", "floor"), [(10, 11), (-1, -1), (5, -1)])
def test_an_intent_without_a_bound_is_refused(worst: int, floor: int) -> None:
    with pytest.raises(ValueError, match="cannot be clamped"):
        intent(worst=worst, floor=floor)


def test_an_intents_facts_come_back_with_each_account_once() -> None:
    body = intent_body(intent())
    assert body.accounts == (MONTH, AccountKey("task:t1", "total"))
    assert ledger.decode_intent(msgspec.json.encode(body).decode()) == body


@pytest.mark.parametrize("cost", [None, 0, 12])
def test_an_outcomes_facts_come_back(cost: int | None) -> None:
    body = ledger.outcome_body(outcome(cost), overrun=True, late=False)
    again = ledger.decode_outcome(msgspec.json.encode(body).decode())
    assert again == body
    assert (again.input_tokens, again.reasoning_tokens, again.literal) == (5, 3, "0.00000010")


def test_a_body_of_something_else_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        ledger.decode_intent('{"generation_id": "g"}')
    assert ledger.decode_seen('{"generation_id": "g"}').generation_id == "g"


def test_chains_of_several_epochs_may_interleave() -> None:
    one, two = chain(1, 3), chain(2, 3)
    mixed = [row for pair in zip(one, two, strict=True) for row in pair]
    assert first_broken_link(mixed) is None


@given(st.integers(0, 4), st.sampled_from(Row._fields), st.integers(1, 9))
def test_a_changed_row_is_found(at: int, column: str, by: int) -> None:
    rows = chain(1, 5)
    old: object = getattr(rows[at], column)
    new = old + by if isinstance(old, int) else f"{old or ''}{'x' * by}"
    rows[at] = rows[at]._replace(**{column: new})
    assert first_broken_link(rows) is not None


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_removed_row_is_found(at: int) -> None:
    rows = chain(1, 5)
    following = rows[at + 1]
    del rows[at]
    assert first_broken_link(rows) == following


def test_exchanged_rows_are_found() -> None:
    rows = chain(1, 5)
    rows[1], rows[2] = rows[2], rows[1]
    assert first_broken_link(rows) is not None


def test_no_run_is_not_an_empty_run_and_ids_do_not_run_together() -> None:
    hashes = {
        ledger.row_hash("h", 1, "intent", call_id, run_id, 0, 0, "{}")
        for call_id, run_id in [
            ("a", None),
            ("a", ""),
            ("a", "None"),
            ("a|1", "b"),
            ("a", "1|b"),
            ("a|1|b", ""),
        ]
    }
    assert len(hashes) == 6


def test_a_call_belongs_to_the_utc_day_of_its_intent() -> None:
    assert intent().day == "2026-11-18"
