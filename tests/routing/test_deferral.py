"""How a task with a deadline is sent: by expected cost, under the deadline less its margin."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.pricing import Price, PriceOverride, Rates, computed_cost
from farthing.routing.deferral import BATCH_WINDOW_S, GATHER_S, Allowed, Plan, plan_for
from farthing.task import Usage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USAGE = Usage(input_tokens=1000, output_tokens=500)
ALL = Allowed(flex=True, off_peak=True, batch=True)
RATES = Rates(prompt=Decimal("0.000002"), completion=Decimal("0.000008"))
MARGIN_S = 300.0


def priced(*windows: tuple[str, str, str], rates: Rates = RATES) -> Price:
    """A price with windows of `(utc_start, utc_end, prompt rate)`."""
    overrides = tuple(
        PriceOverride(rates={"prompt": Decimal(rate)}, utc_start=start, utc_end=end)
        for start, end, rate in windows
    )
    return Price(model="a/model", book="book", rates=rates, overrides=overrides)


def planned(
    hours: float,
    price: Price | None,
    *,
    allowed: Allowed = ALL,
    batch: Price | None = None,
    now: datetime = NOW,
    pace_s: float = 0.0,
) -> Plan:
    return plan_for(
        now + timedelta(hours=hours),
        now=now,
        margin_s=MARGIN_S,
        price=price,
        batch_price=batch,
        usage=USAGE,
        allowed=allowed,
        pace_s=pace_s,
    )


@pytest.mark.parametrize("hours", [-5, 0, 0.05, MARGIN_S / 3600])
def test_a_deadline_without_room_is_sent_at_once(hours: float) -> None:
    plan = planned(hours, priced(("13:00", "14:00", "0")))
    assert (plan.ways, plan.wait_s) == ((), 0.0)
    assert "leaves no room" in plan.reason


def test_a_cheaper_hour_that_begins_before_the_deadline_less_the_margin_is_waited_for() -> None:
    price = priced(("16:30", "00:30", "0.000001"))
    plan = planned(5, price)
    assert (plan.ways, plan.wait_s) == (("off_peak", "flex"), 4.5 * 3600)
    assert plan.at_once is not None
    assert plan.expected is not None
    assert plan.at_once - plan.expected == Decimal("0.001")
    assert "waits until 16:30 UTC" in plan.reason
    assert plan.word == "off_peak+flex"
    assert planned(4.5 + MARGIN_S / 3600, price).wait_s == 4.5 * 3600  # to the second
    late = planned(4.5 + (MARGIN_S - 1) / 3600, price)
    assert (late.ways, late.wait_s) == (("flex",), 0.0)


def test_inside_a_cheap_window_nothing_is_waited_for() -> None:
    wrapping = priced(("22:00", "13:00", "0.000001"))  # past midnight, and it is 12:00
    assert planned(20, wrapping).ways == ("flex",)
    assert planned(20, wrapping).wait_s == 0.0


def test_the_end_of_dear_hours_is_a_beginning_too() -> None:
    plan = planned(8, priced(("09:00", "17:00", "0.00001")))
    assert (plan.ways[0], plan.wait_s) == ("off_peak", 5 * 3600)


def test_of_two_windows_the_cheaper_and_of_equals_the_sooner() -> None:
    first, second = ("14:00", "15:00", "0.000001"), ("18:00", "19:00", "0.0000005")
    assert planned(3, priced(first, second)).wait_s == 2 * 3600
    assert planned(9, priced(first, second)).wait_s == 6 * 3600
    assert planned(9, priced(first, ("18:00", "19:00", "0.000001"))).wait_s == 2 * 3600


def test_a_window_of_tomorrow_says_its_date() -> None:
    plan = planned(23, priced(("06:00", "07:00", "0.000001")))
    assert plan.wait_s == 18 * 3600
    assert "2026-11-24 06:00 UTC" in plan.reason


def test_a_batch_is_chosen_only_where_its_worst_case_fits() -> None:
    least = (GATHER_S + BATCH_WINDOW_S + MARGIN_S) / 3600
    plan = planned(least, priced())
    assert plan.ways == ("batch",)
    assert plan.latest_s == GATHER_S + BATCH_WINDOW_S
    assert plan.expected == computed_cost(priced(), USAGE, at=NOW) / 2
    assert planned(least - 0.001, priced()).ways == ("flex",)
    assert planned(99, priced(), allowed=Allowed(flex=True)).ways == ("flex",)


def test_a_batch_row_of_the_catalogue_says_its_price() -> None:
    listed = Rates(prompt=Decimal("0.0000019"), completion=Decimal("0.0000076"))
    assert planned(48, priced(), batch=priced(rates=listed)).expected == Decimal("0.0057")
    dearer = Rates(prompt=Decimal("0.000003"), completion=Decimal("0.000009"))
    assert planned(48, priced(), batch=priced(rates=dearer)).ways == ("flex",)


def test_hours_cheaper_than_half_are_preferred_to_a_batch() -> None:
    rates = Rates(prompt=Decimal("0.00002"), completion=Decimal("0.000001"))
    night = priced(("20:00", "22:00", "0.000001"), rates=rates)
    assert planned(48, night).ways == ("off_peak", "flex")


def test_what_is_switched_off_is_not_used() -> None:
    price = priced(("13:00", "14:00", "0.000001"))
    assert planned(5, price, allowed=Allowed()).ways == ()
    assert planned(5, price, allowed=Allowed(off_peak=True)).ways == ("off_peak",)


def test_a_free_model_waits_only_for_its_pace() -> None:
    free = priced(rates=Rates(prompt=Decimal(0), completion=Decimal(0)))
    assert planned(48, free).ways == ()
    assert planned(48, free, pace_s=1800).wait_s == 1800
    assert planned(0.5, free, pace_s=1800).wait_s == 0  # the deadline comes first
    assert planned(48, None).ways == ()


@given(
    hours=st.floats(-1, 60),
    minute=st.integers(0, 1439),
    windows=st.lists(
        st.tuples(st.integers(0, 23), st.integers(0, 23), st.integers(0, 40)).filter(lambda w: w[0] != w[1]),
        max_size=3,
    ),
)
def test_never_dearer_than_at_once_and_never_past_the_margin(
    hours: float, minute: int, windows: list[tuple[int, int, int]]
) -> None:
    stated = [(f"{start:02}:00", f"{end:02}:00", f"0.{rate:07}") for start, end, rate in windows]
    now = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)
    price = priced(*stated)
    plan = planned(hours, price, now=now)
    assert plan.wait_s >= 0
    if plan.wait_s:
        assert plan.wait_s <= hours * 3600 - MARGIN_S + 0.001
    if plan.expected is not None:
        assert plan.expected <= computed_cost(price, USAGE, at=now)
