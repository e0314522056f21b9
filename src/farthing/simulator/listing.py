"""The read-only endpoints: models, generation, key, credits and activity.

Pure look-ups over the shelf and the bill: query in, JSON out. Chat is `chat.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from farthing.simulator.bill import Bill, activity_data, generation_data, raw
from farthing.simulator.books import Shelf, SimulatedModel
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.quota import FreeQuota

PAGE = 1000
CREDITS_USD = 1000


def models_page(shelf: Shelf, query: Mapping[str, str], *, base_url: str) -> dict[str, object]:
    """One page of `/models`; `links.next` is None on the last."""
    rows = [model.row for name, model in shelf.models.items() if name not in shelf.unlisted]
    offset = _count(query.get("offset"), 0)
    limit = max(1, min(_count(query.get("limit"), PAGE), PAGE))
    more = offset + limit < len(rows)
    following = f"{base_url}/models?offset={offset + limit}&limit={limit}" if more else None
    return {
        "data": rows[offset : offset + limit],
        "total_count": len(rows),
        "links": {"next": following},
        "simulated": True,
        "book": shelf.book,
    }


def endpoints(shelf: Shelf, name: str) -> dict[str, object] | Condition:
    """The providers of one model: here always one, with the row's own prices."""
    model = shelf.find(name)
    if model is None:
        return CONDITIONS["model_not_found"]
    data = {key: model.row.get(key) for key in ("id", "name", "created", "description", "architecture")}
    return {"data": {**data, "endpoints": [_endpoint(model)]}, "simulated": True}


def generation(bill: Bill, generation_id: str, *, now: float, polls: int) -> dict[str, object] | Condition:
    """What is known of a generation; 404 during its lag."""
    row = bill.look_up(generation_id, now=now, polls=polls)
    if row is None:
        return Condition(status=404, message=f"Generation {generation_id} not found.", error_type="not_found")
    return {"data": generation_data(row)}


def key_status(bill: Bill, quota: FreeQuota, now: datetime, *, free_per_day: int) -> dict[str, object]:
    """`/key`: what this key has used; it has no limit of its own."""
    used = _usage(bill)
    return {
        "data": {
            "label": "simulated",
            "limit": None,
            "limit_remaining": None,
            "usage": raw(used),
            "usage_daily": raw(used),
            "usage_weekly": raw(used),
            "usage_monthly": raw(used),
            "byok_usage": raw(_usage(bill, byok=True)),
            "is_free_tier": False,
            "free_model_daily_requests": quota.status(now, per_day=free_per_day),
            "simulated": True,
        }
    }


def credit_status(bill: Bill) -> dict[str, object]:
    """`/credits`."""
    return {"data": {"total_credits": CREDITS_USD, "total_usage": raw(_usage(bill)), "simulated": True}}


def activity(bill: Bill) -> dict[str, object]:
    """`/activity`."""
    return {"data": activity_data(bill.rows()), "simulated": True}


def _usage(bill: Bill, *, byok: bool = False) -> Fraction:
    zero = Fraction(0)
    if byok:
        return sum((row.priced.upstream for row in bill.rows() if row.priced.byok), zero)
    return sum((row.priced.openrouter for row in bill.rows()), zero)


def _endpoint(model: SimulatedModel) -> dict[str, object]:
    return {
        "name": f"Simulated North | {model.id}",
        "provider_name": "Simulated North",
        "context_length": model.context_tokens,
        "max_completion_tokens": model.max_output_tokens,
        "pricing": model.row.get("pricing"),
        "quantization": "unknown",
        "supported_parameters": sorted(model.supported),
        "status": 0,
    }


def _count(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdigit() else otherwise
