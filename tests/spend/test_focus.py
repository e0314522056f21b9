"""Charges as FOCUS 1.2 has them: every mandatory column, its form, and no money that nobody billed."""

import json
import re
from datetime import datetime
from decimal import Decimal

import pytest
from tests.spend.made import START_US, call

from farthing.catalog.pricing import Price, Rates
from farthing.spend.focus import COLUMNS, CONDITIONAL, MANDATORY, OURS, charge_of
from farthing.spend.runs import Call
from farthing.task import Usage

RATES = Rates(prompt=Decimal("0.000001"), completion=Decimal("0.000002"))


def price_of(book: str, model: str) -> Price | None:
    return Price(model=model, book=book, rates=RATES) if model == "a/model" else None


def charge(made: Call, *, simulated: bool = False) -> dict[str, str]:
    row = charge_of(made, None, price_of, simulated=simulated)
    assert row is not None
    return dict(zip(COLUMNS, row, strict=True))


LATE_US = START_US + 29 * 86_400_000_000 + 23 * 3_600_000_000 + 5_000_000  # 2026-11-30 23:00:05
MADE = call(cost=25_000, at_us=LATE_US, key="alice", tags=("web", "team"), metadata={"team": "red"})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BilledCost", "0.000025"),
        ("BillingAccountId", "openrouter.ai"),
        ("BillingAccountName", "OpenRouter account"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodEnd", "2026-12-01T00:00:00Z"),
        ("BillingPeriodStart", "2026-11-01T00:00:00Z"),
        ("ChargeCategory", "Usage"),
        ("ChargeClass", ""),
        ("ChargeDescription", "a/model: 15 tokens for a coding task"),
        ("ChargePeriodEnd", "2026-12-01T00:00:00Z"),
        ("ChargePeriodStart", "2026-11-30T23:00:00Z"),
        ("ContractedCost", "0.00002"),
        ("EffectiveCost", "0.000025"),
        ("InvoiceIssuerName", "OpenRouter"),
        ("ListCost", "0.00002"),
        ("PricingQuantity", "15"),
        ("PricingUnit", "Tokens"),
        ("ProviderName", "OpenRouter"),
        ("PublisherName", "a"),
        ("ServiceCategory", "AI and Machine Learning"),
        ("ServiceName", "OpenRouter API"),
    ],
)
def test_each_mandatory_column(column: str, value: str) -> None:
    assert column in MANDATORY
    assert charge(MADE)[column] == value


def test_the_columns_are_those_of_the_specification_in_its_form() -> None:
    assert len(MANDATORY) == len(set(MANDATORY)) == 21
    assert list(MANDATORY) == sorted(MANDATORY)
    assert all(re.fullmatch("[A-Z][A-Za-z]{1,49}", name) for name in (*MANDATORY, *CONDITIONAL))
    assert all(name.startswith("x_") for name in OURS)  # and they come last
    found = charge(MADE)
    for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"):
        assert datetime.strptime(found[name], "%Y-%m-%dT%H:%M:%S%z").tzinfo is not None
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ConsumedQuantity"):
        assert re.fullmatch(r"\d+(\.\d+)?", found[name])  # no exponent


def test_labels_become_sub_account_and_tags() -> None:
    found = charge(MADE)
    assert (found["SubAccountId"], found["SkuId"], found["ConsumedUnit"]) == ("alice", "a/model", "Tokens")
    assert json.loads(found["Tags"]) == {"web": True, "team": "red"}
    assert json.loads(charge(call())["Tags"]) == {}


def test_uncertain_held_and_empty_calls_are_no_charges() -> None:
    for made in (call(cost=None), call(ended=False), call(cost=0, usage=Usage())):
        assert charge_of(made, None, price_of, simulated=False) is None


def test_a_free_answer_is_a_charge_of_nothing_and_a_bill_without_tokens_is_one_request() -> None:
    assert charge(call(cost=0, model="b/x:free"))["BilledCost"] == "0"
    found = charge(call(cost=5, usage=Usage()))
    assert (found["PricingQuantity"], found["PricingUnit"], found["ListCost"]) == (
        "1",
        "Requests",
        "0.000000005",
    )


def test_simulated_charges_are_nobodys_invoice() -> None:
    found = charge(MADE, simulated=True)
    assert found["x_Simulated"] == "true"
    assert "OpenRouter" not in {found["ProviderName"], found["InvoiceIssuerName"], found["ServiceName"]}
