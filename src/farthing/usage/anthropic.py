"""Anthropic's exports: what the Console writes as CSV, and what the Admin API answers.

- Usage CSV of the Console (columns as they stand in exports that users published, 2025 and 2026):
  `usage_date_utc, model_version, …, usage_input_tokens_no_cache, usage_input_tokens_cache_write_5m,
  usage_input_tokens_cache_write_1h, usage_input_tokens_cache_read, usage_output_tokens, web_search_count, …`.
  An earlier one has `usage_input_tokens_cache_write` alone.
- Cost CSV of the Console: `usage_date_utc, model, …, token_type, cost_usd, list_price_usd, cost_type, …`,
  with a model's name for people ("Claude Sonnet 4.5") and a row for each kind of token, but no tokens.
- `GET /v1/organizations/usage_report/messages` (Claude API reference): `data[]` with `starting_at` and
  `results[]` of `uncached_input_tokens`, `cache_creation.ephemeral_5m_input_tokens` and `…_1h_…`,
  `cache_read_input_tokens`, `output_tokens`, `model`, `service_tier`. `model` is null unless grouped by it.
- `GET /v1/organizations/cost_report` (the same): `results[]` of `amount`, a decimal text in *cents*,
  `currency`, `model`, `token_type`, `cost_type`.

Input is stated without what came from or went to the cache. A charge without a model (web search, code
execution) is for no tokens.
"""

from farthing.usage.layout import Layout

_USAGE_CSV = Layout(
    format="anthropic",
    title="Anthropic Console, usage",
    needs=frozenset({"usage_input_tokens_no_cache", "usage_output_tokens"}),
    columns={
        "model": ("model_version", "model"),
        "day": ("usage_date_utc",),
        "input": ("usage_input_tokens_no_cache",),
        "cached": ("usage_input_tokens_cache_read",),
        "written": ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write"),
        "written_1h": ("usage_input_tokens_cache_write_1h",),
        "output": ("usage_output_tokens",),
        "batch": ("usage_type",),
    },
    input_is_fresh=True,
)

_COST_CSV = Layout(
    format="anthropic",
    title="Anthropic Console, cost",
    needs=frozenset({"usage_date_utc", "cost_usd"}),
    columns={"model": ("model",), "day": ("usage_date_utc",), "cost": ("cost_usd",)},
)

_USAGE_API = Layout(
    format="anthropic",
    title="Anthropic Admin API, usage report",
    needs=frozenset({"uncached_input_tokens", "output_tokens"}),
    columns={
        "model": ("model",),
        "day": ("starting_at",),
        "input": ("uncached_input_tokens",),
        "cached": ("cache_read_input_tokens",),
        "written": (
            "cache_creation.ephemeral_5m_input_tokens",
            "cache_creation_5m_input_tokens",
            "cache_creation_input_tokens",
        ),
        "written_1h": ("cache_creation.ephemeral_1h_input_tokens", "cache_creation_1h_input_tokens"),
        "output": ("output_tokens",),
        "batch": ("service_tier",),
    },
    input_is_fresh=True,
)

_COST_API = Layout(
    format="anthropic",
    title="Anthropic Admin API, cost report",
    needs=frozenset({"amount", "currency", "starting_at"}),
    columns={"model": ("model",), "day": ("starting_at",), "cost": ("amount",), "currency": ("currency",)},
    in_cents=True,
)

LAYOUTS = (_USAGE_CSV, _COST_CSV, _USAGE_API, _COST_API)
