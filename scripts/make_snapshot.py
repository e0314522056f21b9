"""Makes the packaged price snapshot from the `genai-prices` package and the facts beside this script.

    python scripts/make_snapshot.py            rewrites src/farthing/catalog/books/DAY-snapshot.json

Prices are the ones in force on the newest day that genai-prices' OpenRouter data names; existence,
limits and parameters come from `snapshot_facts.json` and are older: the file says both days. A model
without a price there is left out, never priced at zero; only a `:free` id may be free.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict, cast

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

ROOT = Path(__file__).resolve().parent.parent
FACTS = Path(__file__).with_name("snapshot_facts.json")
BOOKS = ROOT / "src" / "farthing" / "catalog" / "books"

RATES = {
    "prompt": "input_mtok",
    "completion": "output_mtok",
    "input_cache_read": "cache_read_mtok",
    "input_cache_write": "cache_write_mtok",
}
"""OpenRouter's key → genai-prices' field, the latter in dollars per million tokens."""

TOKENIZERS = {
    "anthropic": "Claude",
    "deepseek": "DeepSeek",
    "google": "Gemini",
    "meta-llama": "Llama3",
    "mistralai": "Mistral",
    "openai": "GPT",
    "qwen": "Qwen",
}


class Facts(TypedDict):
    id: str
    name: str
    context: int
    output: int | None
    parameters: str


def main() -> None:
    """Writes the book, and says what was left out."""
    facts = cast("Mapping[str, object]", json.loads(FACTS.read_text(encoding="utf-8")))
    infos = {
        info.id: info for provider in providers if provider.id == "openrouter" for info in provider.models
    }
    day = max(day for info in infos.values() for day in start_days(info))
    rows: list[str] = []
    left_out: list[str] = []
    for fact in cast("list[Facts]", facts["models"]):
        pricing = pricing_of(infos[fact["id"]], day) if fact["id"] in infos else None
        if pricing is None:
            left_out.append(fact["id"])
        else:
            rows.append(json.dumps(row_of(fact, pricing), ensure_ascii=False))
    head = {
        "id": f"{day.isoformat()}/snapshot",
        "day": day.isoformat(),
        "source": f"genai-prices {version('genai-prices')} (MIT), its OpenRouter prices in force on {day}; "
        f"models, limits and parameters: {facts['source']}, {facts['day']}",
        "made_by": "scripts/make_snapshot.py",
    }
    text = json.dumps(head, indent=1)[:-2] + ',\n "data": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"
    target = BOOKS / f"{day.isoformat()}-snapshot.json"
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(
        f"{target.relative_to(ROOT)}: {len(rows)} models; left out: {', '.join(left_out) or 'none'}\n"
    )


def start_days(info: ModelInfo) -> list[date]:
    """The days on which a price of this model came into force."""
    if isinstance(info.prices, ModelPrice):
        return []
    limits = [entry.constraint for entry in info.prices]
    return [limit.start_date for limit in limits if isinstance(limit, StartDateConstraint)]


def pricing_of(info: ModelInfo, day: date) -> dict[str, object] | None:
    """OpenRouter's `pricing` object on that day, in dollars per token as text; None when unknown."""
    price = info.get_prices(datetime.combine(day, time(12), tzinfo=UTC))
    known = {key: cast("Decimal | TieredPrices | None", getattr(price, name)) for key, name in RATES.items()}
    stated = {key: value for key, value in known.items() if value is not None}
    if not stated:
        return {"prompt": "0", "completion": "0"} if info.id.endswith(":free") else None
    if "prompt" not in stated or "completion" not in stated or not understood(price):
        return None
    pricing: dict[str, object] = {key: per_token(base(value)) for key, value in stated.items()}
    starts = sorted(
        {tier.start for value in stated.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    overrides = [
        {"min_prompt_tokens": start}
        | {
            key: per_token(next(tier.price for tier in reversed(value.tiers) if tier.start <= start))
            for key, value in stated.items()
            if isinstance(value, TieredPrices) and value.tiers[0].start <= start
        }
        for start in starts
    ]
    return pricing | ({"overrides": overrides} if overrides else {})


def understood(price: ModelPrice) -> bool:
    """False when the price has a kind of rate that a row here could not say."""
    told = {*RATES.values(), "cache_write_1h_mtok", "web_searches_kcount"}
    stated = cast("Mapping[str, object]", vars(price))
    return all(name in told or not rate for name, rate in stated.items())


def base(value: Decimal | TieredPrices) -> Decimal:
    return value.base if isinstance(value, TieredPrices) else value


def per_token(per_million: Decimal) -> str:
    return format((per_million / 1_000_000).normalize(), "f")


def row_of(fact: Facts, pricing: Mapping[str, object]) -> dict[str, object]:
    """A row of the shape of OpenRouter's `/models`."""
    vendor = fact["id"].partition("/")[0]
    return {
        "id": fact["id"],
        "canonical_slug": fact["id"].partition(":")[0],
        "name": fact["name"],
        "context_length": fact["context"],
        "architecture": {"modality": "text->text", "tokenizer": TOKENIZERS.get(vendor, "Other")},
        "pricing": pricing,
        "top_provider": {
            "context_length": fact["context"],
            "max_completion_tokens": fact["output"],
            "is_moderated": False,
        },
        "supported_parameters": fact["parameters"].split(),
        "expiration_date": None,
    }


if __name__ == "__main__":
    main()
