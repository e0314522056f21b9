"""The checklist: what facts show, what is marked, and that simulated money never counts as production."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from farthing.errors import FarthingError
from farthing.usage.checklist import ITEMS, AuditMark, Facts, RealUse
from farthing.usage.migration import (
    KEPT_AUDITS,
    VERSION,
    Kept,
    audit_kept,
    kept_from,
    lines,
    marked,
    seen_now,
    unmarked,
)

AT = "2026-11-24T10:00:00+00:00"
AUDIT = AuditMark(
    at=AT,
    files=("usage.csv",),
    days=28,
    monthly_baseline=Decimal("243.54"),
    baseline="today's models",
    recommended="balanced",
    monthly_cost=Decimal("38.82"),
)
NOTHING = Facts(
    chosen=None,
    profile="balanced",
    strategy="mapped",
    key_set=False,
    variables=(),
    alerts="alerts at 80 % and 95 % of $200.00 a month",
    simulated_calls=0,
    real=RealUse(),
    audit=None,
)
EVERYTHING = Facts(
    chosen="balanced",
    profile="balanced",
    strategy="cheapest_good_enough",
    key_set=True,
    variables=("OPENROUTER_API_KEY", "DEPLOYMENT_CONFIG"),
    alerts="alerts at 80 % and 95 % of $200.00 a month",
    simulated_calls=11,
    real=RealUse(
        answered=900,
        days=7,
        first=date(2026, 11, 1),
        last=date(2026, 11, 8),
        spend=Decimal("2.10"),
        baseline=Decimal(42),
        comparisons=1,
    ),
    audit=AUDIT,
)


def done(facts: Facts, kept: Kept | None = None) -> set[str]:
    return {line.id for line in lines(facts, kept or Kept()) if line.standing != "open"}


def test_all_of_the_tutorials_items_and_weeks_are_there() -> None:
    assert [item.title for item in ITEMS if not item.week] == [
        "Audit current token usage",
        "Calculate baseline costs",
        "Choose target configuration",
        "Set up OpenRouter account",
        "Configure environment variables",
        "Run validation tests",
        "Enable cost monitoring",
        "Deploy to production",
        "Monitor for 1 week",
        "Adjust configuration if needed",
    ]
    assert [sum(item.week == week for item in ITEMS) for week in (1, 2, 3, 4)] == [4, 4, 4, 4]
    assert len({item.id for item in ITEMS}) == len(ITEMS) == 26


def test_on_a_fresh_machine_nothing_is_done_and_each_line_has_a_next_step() -> None:
    found = lines(NOTHING, Kept())
    assert done(NOTHING) == set()
    assert all(line.next and not line.why for line in found)


def test_what_the_facts_show_is_done_and_says_why() -> None:
    by_hand = {
        *("adjust", "budget", "tenth", "watch", "rules", "half", "tune", "costs", "learnings"),
        *("all", "caching", "roi"),
    }
    assert done(EVERYTHING) == {item.id for item in ITEMS} - by_hand
    told = {line.id: line.why for line in lines(EVERYTHING, Kept())}
    assert told["audit"] == "audited on 2026-11-24: usage.csv, 28 days"
    assert told["baseline"] == "$243.54 a month on today's models"
    assert told["deploy"] == "900 real calls were answered since 2026-11-01, for $2.10"
    assert told["measure"] == "the ledger shows 95.0 % saved against $42.00"
    assert not any(line.next for line in lines(EVERYTHING, Kept()) if line.standing != "open")


def test_simulated_calls_validate_and_are_no_production() -> None:
    facts = replace(NOTHING, chosen="budget", profile="budget", key_set=True, simulated_calls=10_000)
    assert {"validation", "suite"} <= done(facts)
    assert not {"deploy", "observe", "budget", "balanced", "measure"} & done(facts)


@pytest.mark.parametrize(("days", "expected"), [(6, False), (7, True), (8, True)])
def test_a_week_is_seven_days_with_spend(days: int, expected: bool) -> None:
    real = RealUse(answered=5, days=days, first=date(2026, 11, 1), last=date(2026, 11, 20))
    assert ("observe" in done(replace(NOTHING, real=real))) is expected


def test_a_mark_counts_where_no_fact_does_and_can_be_taken_back() -> None:
    kept = marked(Kept(), "compare", note="two were worse", at=AT)
    (line,) = [line for line in lines(NOTHING, kept) if line.id == "compare"]
    assert (line.standing, line.why, line.next) == ("marked", "marked on 2026-11-24: two were worse", "")
    assert unmarked(kept, "compare") == Kept()
    facts = lines(EVERYTHING, marked(Kept(), "audit", note="", at=AT))
    assert facts[0].standing == "detected"


def test_a_profile_that_was_deployed_stays_done_when_it_is_left() -> None:
    on_budget = replace(EVERYTHING, profile="budget", chosen="budget")
    kept = seen_now(on_budget, Kept(), at=AT)
    assert set(kept.seen) == {"budget"}
    assert seen_now(on_budget, kept, at=AT) is kept
    assert {"budget", "balanced"} <= done(EVERYTHING, kept)
    assert "budget" not in done(EVERYTHING)
    (line,) = [line for line in lines(NOTHING, kept) if line.id == "budget"]
    assert line.why.startswith("on 2026-11-24: the configuration in force is budget")
    assert "account" not in done(NOTHING, seen_now(EVERYTHING, Kept(), at=AT))


def test_an_unknown_item_and_a_mark_that_is_not_there_are_told() -> None:
    with pytest.raises(FarthingError, match="did you mean compare"):
        marked(Kept(), "comparre", note="", at=AT)
    with pytest.raises(FarthingError, match="not marked"):
        unmarked(Kept(), "deploy")


def test_the_newest_audits_are_kept() -> None:
    kept = Kept()
    for days in range(KEPT_AUDITS + 5):
        kept = audit_kept(kept, msgspec.structs.replace(AUDIT, days=days))
    assert [audit.days for audit in kept.audits] == list(range(5, KEPT_AUDITS + 5))


def test_what_is_kept_is_read_back_exactly() -> None:
    kept = marked(audit_kept(Kept(), AUDIT), "tenth", note="", at=AT)
    assert kept_from(msgspec.json.encode(kept)) == kept


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "damaged"),
        (b"[]", "damaged"),
        (b'{"version": 1, "marks": {"audit": 3}}', "damaged"),
        (b'{"version": 1, "audits": [{"at": "x"}]}', "damaged"),
        (f'{{"version": {VERSION + 1}, "marks": 7}}'.encode(), "newer"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        kept_from(content)
