"""The ledger's settled calls as charges of FOCUS 1.2, the FinOps Open Cost and Usage Specification. Pure.

One charge is one settled call, in the UTC hour of its intent. Every column that FOCUS 1.2 makes mandatory is
there; of the conditional ones those that fit. What is uncertain or held is no charge and is not among them;
neither is a call that used and cost nothing. Unit prices are left out, as one call has several rates. No
discount comes by contract or commitment, so the effective cost is the billed one, and list and contracted
cost are the dated price of the tokens (the billed one where the price is not known). Ours begin `x_`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from farthing.catalog.pricing import computed_nano
from farthing.money import from_nano
from farthing.spend.ledger import OutcomeBody
from farthing.spend.runs import Call
from farthing.spend.savings import PriceOf, usage_of
from farthing.task import Usage

VERSION = "1.2"

MANDATORY = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)
CONDITIONAL = (
    *("ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "ServiceSubcategory", "SkuId"),
    *("SubAccountId", "SubAccountName", "Tags"),
)
OURS = (
    *("x_CallId", "x_GenerationId", "x_CostBasis", "x_InputTokens", "x_OutputTokens", "x_TaskType"),
    *("x_Role", "x_Purpose", "x_Agent", "x_Swarm", "x_PriceBook", "x_ServedBy", "x_Simulated"),
)
COLUMNS = (*MANDATORY, *CONDITIONAL, *OURS)

_FIXED = {
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeClass": "",  # null: it corrects nothing that was invoiced before
    "ChargeFrequency": "Usage-Based",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI",
}
_SIMULATED = "Farthing simulator"
_REAL = "OpenRouter"


def charge_of(
    call: Call, ended_us: int | None, price_of: PriceOf, *, simulated: bool
) -> Sequence[str] | None:
    """The values of `COLUMNS` for one call; None where it is no charge. Null is empty, as CSV has it."""
    outcome = call.outcome
    if outcome is None or call.cost is None:
        return None
    usage = usage_of(outcome)
    if not call.cost and not usage.total_tokens:
        return None
    at = datetime.fromtimestamp(call.at_us / 1_000_000, UTC)
    issuer = _SIMULATED if simulated else _REAL
    quantity, unit = (usage.total_tokens, "Tokens") if usage.total_tokens else (1, "Requests")
    intent = call.intent
    billed, listed = _usd(call.cost), _usd(_listed(call, ended_us, price_of))
    values = {
        **_FIXED,
        **_periods(at),
        **dict.fromkeys(("BilledCost", "EffectiveCost"), billed),
        **dict.fromkeys(("ContractedCost", "ListCost"), listed),
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), str(quantity)),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), unit),
        **dict.fromkeys(("InvoiceIssuerName", "ProviderName"), issuer),
        **dict.fromkeys(("SubAccountId", "SubAccountName"), intent.key or ""),
        "BillingAccountId": intent.upstream,
        "BillingAccountName": f"{issuer} account",
        "ChargeDescription": f"{intent.model}: {quantity} {unit.lower()} for a {intent.task_type} task",
        "PublisherName": intent.model.partition("/")[0],
        "ServiceName": f"{issuer} API",
        "SkuId": intent.model,
        "Tags": _tags(call),
    }
    return [
        *(values[name] for name in (*MANDATORY, *CONDITIONAL)),
        *_ours(call, outcome, simulated=simulated),
    ]


def _listed(call: Call, ended_us: int | None, price_of: PriceOf) -> int:
    """The dated price of the tokens, nano-dollars; the bill where it is not known."""
    price = price_of(call.intent.price_book, call.intent.model)
    usage = Usage() if call.outcome is None else usage_of(call.outcome)
    if price is None or not usage.total_tokens:
        return call.cost or 0
    return computed_nano(price, usage, at=datetime.fromtimestamp((ended_us or call.at_us) / 1_000_000, UTC))


def _periods(at: datetime) -> dict[str, str]:
    hour = at.replace(minute=0, second=0, microsecond=0)
    month = hour.replace(day=1, hour=0)
    after = (month + timedelta(days=32)).replace(day=1)
    return {
        "BillingPeriodStart": _time(month),
        "BillingPeriodEnd": _time(after),
        "ChargePeriodStart": _time(hour),
        "ChargePeriodEnd": _time(hour + timedelta(hours=1)),
    }


def _ours(call: Call, outcome: OutcomeBody, *, simulated: bool) -> list[str]:
    intent = call.intent
    return [
        *(call.call_id, call.generation_id or "", outcome.basis),
        *(str(outcome.input_tokens), str(outcome.output_tokens), intent.task_type),
        *(intent.role, intent.purpose, intent.agent_id or "", call.run_id or ""),
        *(intent.price_book, outcome.provider or "", str(simulated).lower()),
    ]


def _tags(call: Call) -> str:
    """A tag has no value, which FOCUS writes as true; metadata has. Of one name, metadata's value counts."""
    tags: dict[str, object] = dict.fromkeys(call.intent.tags, True)
    return msgspec.json.encode({**tags, **call.intent.metadata}).decode()


def _usd(nano: int) -> str:
    amount = from_nano(nano)
    return format(amount.normalize() if amount else Decimal(0), "f")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
