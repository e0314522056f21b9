"""The bound of an attempt: never below a bill for usage within it, and never widened by clamping."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from farthing.catalog.models import Model
from farthing.catalog.pricing import Price, PriceOverride, Rates, computed_cost
from farthing.config.schema import Budget, MaxPrice
from farthing.money import from_nano, nano_half_even
from farthing.prompt.tokens import TEMPLATE_TOKENS
from farthing.spend.reservation import (
    Reasoning,
    Unbounded,
    WorstCase,
    costly_option,
    max_price,
    media_parts,
    reasoning_for,
    worst_case,
)
from farthing.task import Message, Usage

BODY = b'{"model":"a/model","messages":[{"role":"user","content":"Explain it."}]}'
PLAIN = Reasoning(setting=None, extra_tokens=0)
PICTURE = Message(role="user", content=({"type": "text", "text": "What is this?"}, {"type": "image_url"}))


def price(prompt: str = "0.0000001", completion: str = "0.0000004", **rates: Decimal) -> Price:
    return Price(
        model="a/model",
        book="test",
        rates=Rates(prompt=Decimal(prompt), completion=Decimal(completion), **rates),
    )


def bound(
    *,
    priced: Price | None = None,
    unpriced: bool = False,
    body: bytes = BODY,
    messages: tuple[Message, ...] = (),
    max_tokens: int = 1000,
    reasoning: Reasoning | Unbounded = PLAIN,
    budget: Mapping[str, object] | None = None,
    clampable_to: int | None = None,
) -> WorstCase | Unbounded:
    return worst_case(
        price=None if unpriced else priced or price(),
        body=body,
        messages=messages,
        max_tokens=max_tokens,
        reasoning=reasoning,
        budget=Budget.model_validate(budget or {}),
        clampable_to=clampable_to,
    )


def bounded(**given: object) -> WorstCase:
    found = bound(**given)  # pyright: ignore[reportArgumentType] - keywords by name, checked at run time
    assert isinstance(found, WorstCase)
    return found


def test_the_bound_is_bytes_and_template_at_the_input_rate_and_max_tokens_at_the_output_rate() -> None:
    found = bounded(max_tokens=1000)
    assert found.worst == (len(BODY) + TEMPLATE_TOKENS) * 100 + 1000 * 400
    assert found.floor == found.worst


def test_a_fee_per_request_and_the_caps_of_reasoning_are_in_it() -> None:
    plain = bounded().worst
    assert bounded(priced=price(request=Decimal("0.001"))).worst == plain + 1_000_000
    assert bounded(reasoning=Reasoning(setting={}, extra_tokens=500)).worst == plain + 500 * 400


def test_the_floor_is_what_it_can_be_clamped_to() -> None:
    found = bounded(max_tokens=1000, clampable_to=256)
    assert found.worst - found.floor == (1000 - 256) * 400
    assert found.output_tokens_within(found.floor) == 256
    assert bounded(max_tokens=200, clampable_to=256).floor == bounded(max_tokens=200).worst


def test_pictures_need_a_stated_bound() -> None:
    refused = bound(messages=(PICTURE,))
    assert isinstance(refused, Unbounded)
    assert "mediaPartTokens" in refused.reason
    with_bound = bounded(messages=(PICTURE,), budget={"mediaPartTokens": 2000})
    assert with_bound.worst == bounded().worst + 2000 * 100
    assert media_parts([PICTURE, Message(role="user", content="text")]) == 1


@pytest.mark.parametrize(
    "unknown", [{"unpriced": True}, {"reasoning": Unbounded(reason="its reasoning has no cap")}]
)
def test_the_unknown_is_refused_or_takes_the_stated_ceiling(unknown: Mapping[str, object]) -> None:
    assert isinstance(bound(**unknown), Unbounded)  # pyright: ignore[reportArgumentType] - as above
    ceiling = bounded(**unknown, budget={"unknownPriceCeiling": "0.05"}, clampable_to=256)
    assert (ceiling.worst, ceiling.floor) == (50_000_000, 50_000_000)


@pytest.mark.parametrize(
    ("model", "options", "refused"),
    [
        ("a/model", {}, False),
        ("a/model", {"service_tier": "flex"}, False),
        ("a/model", {"service_tier": "priority"}, True),
        ("a/model", {"plugins": [{"id": "context-compression"}]}, False),
        ("a/model", {"plugins": [{"id": "context-compression"}, {"id": "web"}]}, True),
        ("a/model:floor", {}, False),
        ("a/model:nitro", {}, True),
        ("a/model:online", {}, True),
    ],
)
def test_what_is_billed_beside_the_tokens_is_refused(
    model: str, options: Mapping[str, object], refused: bool
) -> None:
    assert isinstance(costly_option(model, options), Unbounded) == refused


def thinker(*, able: bool = True, default: bool = True, most: int | None = 4000) -> Model:
    parameters = frozenset({"reasoning"}) if able else frozenset[str]()
    return Model(
        id="a/thinker",
        name="Thinker",
        supported_parameters=parameters,
        max_output_tokens=most,
        reasons_by_default=default,
    )


@pytest.mark.parametrize(
    ("model", "options", "setting", "extra"),
    [
        (None, {}, None, 0),
        (thinker(default=False), {}, None, 0),
        (thinker(), {}, {"enabled": False}, 0),
        (thinker(able=False), {}, None, 4000),
        (thinker(), {"reasoning": {"max_tokens": 700}}, {"max_tokens": 700}, 700),
        (thinker(), {"reasoning": {"enabled": False}}, {"enabled": False}, 0),
        (thinker(), {"reasoning": {"effort": "high"}}, {"effort": "high"}, 4000),
        (thinker(), {"reasoning_effort": "high"}, None, 4000),
        (thinker(), {"reasoning": {"max_tokens": -5000}}, {"max_tokens": -5000}, 4000),
    ],
)
def test_reasoning_is_off_or_capped_and_reserved(
    model: Model | None, options: Mapping[str, object], setting: object, extra: int
) -> None:
    assert reasoning_for(model, options) == Reasoning(setting=setting, extra_tokens=extra)  # pyright: ignore[reportArgumentType] - a table's object


@pytest.mark.parametrize("model", [None, thinker(most=None)])
def test_reasoning_without_any_cap_is_unbounded(model: Model | None) -> None:
    assert isinstance(reasoning_for(model, {"reasoning": {"effort": "high"}}), Unbounded)


def test_the_provider_is_held_to_the_reserved_rates_or_to_less() -> None:
    dear = price(cache_write=Decimal("0.0000002"), reasoning=Decimal("0.0000005"))
    assert max_price(dear, None) == {"prompt": Decimal("0.2"), "completion": Decimal("0.5")}
    wish = MaxPrice(prompt=Decimal("0.05"), completion=Decimal(9))
    assert max_price(dear, wish) == {"prompt": Decimal("0.05"), "completion": Decimal("0.5")}
    assert max_price(None, wish) == {"prompt": Decimal("0.05"), "completion": Decimal(9)}
    assert max_price(None, None) == {}
    assert max_price(price("0", "0"), None) == {"prompt": 0, "completion": 0}


# Laws.

rate = st.decimals(0, Decimal("0.0001"), places=12)
some_rate = st.none() | rate
rates = st.builds(
    Rates,
    prompt=rate,
    completion=rate,
    request=st.decimals(0, Decimal("0.01"), places=6),
    cache_read=some_rate,
    cache_write=some_rate,
    reasoning=some_rate,
)
overrides = st.builds(
    PriceOverride,
    rates=st.dictionaries(st.sampled_from(["prompt", "completion", "cache_read", "reasoning"]), rate),
    min_prompt_tokens=st.none() | st.integers(0, 2000),
    utc_start=st.sampled_from([None, "22:00"]),
    utc_end=st.sampled_from([None, "06:00"]),
)
prices = st.builds(
    Price,
    model=st.just("a/model"),
    book=st.just("test"),
    rates=rates,
    overrides=st.lists(overrides, max_size=3).map(tuple),
)


@st.composite
def usages(draw: st.DrawFn, *, most_input: int, most_output: int) -> Usage:
    """Any usage within the bounds, parts larger than the whole included."""
    return Usage(
        input_tokens=draw(st.integers(0, most_input)),
        output_tokens=draw(st.integers(0, most_output)),
        cached_tokens=draw(st.integers(0, most_input)),
        cache_write_tokens=draw(st.integers(0, most_input)),
        reasoning_tokens=draw(st.integers(0, most_output)),
    )


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of an aware strategy are naive


@given(prices, st.integers(1, 3000), st.integers(0, 500), st.text(max_size=200), moments, st.data())
def test_no_bill_for_usage_within_the_bounds_is_above_the_worst_case(
    priced: Price, max_tokens: int, extra: int, text: str, at: datetime, data: st.DataObject
) -> None:
    body = text.encode()
    found = bounded(
        priced=priced,
        body=body,
        max_tokens=max_tokens,
        reasoning=Reasoning(setting=None, extra_tokens=extra),
    )
    usage = data.draw(usages(most_input=len(body) + TEMPLATE_TOKENS, most_output=max_tokens + extra))
    assert nano_half_even(computed_cost(priced, usage, at=at)) <= found.worst


@given(prices, st.integers(257, 4000), st.integers(0, 500), st.data())
def test_a_clamped_call_never_costs_more_than_its_grant(
    priced: Price, max_tokens: int, extra: int, data: st.DataObject
) -> None:
    reasoning = Reasoning(setting=None, extra_tokens=extra)
    found = bounded(priced=priced, max_tokens=max_tokens, reasoning=reasoning, clampable_to=256)
    assume(found.floor < found.worst)
    granted = data.draw(st.integers(found.floor, found.worst - 1))
    clamped = found.output_tokens_within(granted)
    assert 256 <= clamped < max_tokens
    usage = data.draw(usages(most_input=len(BODY) + TEMPLATE_TOKENS, most_output=clamped + extra))
    for hour in (3, 12):
        at = datetime(2026, 11, 23, hour, tzinfo=UTC)
        assert computed_cost(priced, usage, at=at) <= from_nano(granted)


@given(prices)
def test_max_price_admits_every_rate_that_was_reserved_and_no_dearer_one(priced: Price) -> None:
    ceiling = max_price(priced, None)
    for stated in (priced.rates.prompt, priced.rates.cache_read, priced.rates.cache_write):
        assert stated is None or stated * 1_000_000 <= ceiling["prompt"]
    for stated in (priced.rates.completion, priced.rates.reasoning):
        assert stated is None or stated * 1_000_000 <= ceiling["completion"]
