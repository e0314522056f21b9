"""OpenAI's exports: the usage page as CSV, the organization API, and the older usage endpoint.

- `GET /v1/organization/usage/completions` (OpenAI API reference): `data[]` of buckets with `start_time`,
  and `results[]` of `input_tokens`, `input_cached_tokens`, `output_tokens`, `num_model_requests`, `model`,
  `batch`. `model` is null unless grouped by it. Input includes cached tokens and those written to the cache.
- The CSV of the usage page has the same names, one row a bucket and group, with `start_time_iso` (columns as
  they stand in exports that users published, 2025). A bucket without use has its times and nothing else.
- `GET /v1/organization/costs` (API reference): `results[]` of `amount.value`, `amount.currency`, `line_item`;
  the page's CSV says `amount_value`, `amount_currency`. A line item is a model's name, with what was billed
  after a comma.
- `GET /v1/usage?date=…`, before 2025: `data[]` of `aggregation_timestamp`, `snapshot_id`, `n_requests`,
  `n_context_tokens_total`, `n_generated_tokens_total`; exports of that time have the same names with `model`
  and `timestamp`, some with `n_cached_context_tokens_total`.
"""

from farthing.usage.layout import Layout

_USAGE = Layout(
    format="openai",
    title="OpenAI usage, completions",
    needs=frozenset({"input_tokens", "output_tokens", "num_model_requests"}),
    columns={
        "model": ("model",),
        "day": ("start_time_iso", "start_time"),
        "requests": ("num_model_requests",),
        "input": ("input_tokens",),
        "cached": ("input_cached_tokens",),
        "written": ("input_cache_write_tokens",),
        "output": ("output_tokens",),
        "batch": ("batch",),
    },
)

_COSTS = Layout(
    format="openai",
    title="OpenAI costs",
    needs=frozenset({"amount.value", "amount.currency"}),
    columns={
        "model": ("line_item",),
        "day": ("start_time_iso", "start_time"),
        "cost": ("amount.value",),
        "currency": ("amount.currency",),
    },
)

_COSTS_CSV = Layout(
    format="openai",
    title="OpenAI costs",
    needs=frozenset({"amount_value", "amount_currency"}),
    columns={
        "model": ("line_item",),
        "day": ("start_time_iso", "start_time"),
        "cost": ("amount_value",),
        "currency": ("amount_currency",),
    },
)

_OLDER = Layout(
    format="openai",
    title="OpenAI usage, before 2025",
    needs=frozenset({"n_context_tokens_total", "n_generated_tokens_total"}),
    columns={
        "model": ("snapshot_id", "model"),
        "day": ("aggregation_timestamp", "timestamp", "usage_date", "date"),
        "requests": ("n_requests", "num_requests"),
        "input": ("n_context_tokens_total",),
        "cached": ("n_cached_context_tokens_total",),
        "output": ("n_generated_tokens_total",),
        "cost": ("cost", "amount"),
    },
)

LAYOUTS = (_USAGE, _COSTS, _COSTS_CSV, _OLDER)
