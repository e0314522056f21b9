"""OpenRouter's activity: a row a generation or a row a day and model as CSV, or the answer of `/activity`.

- CSV of generations (columns as they stand in exports that users published, 2026): `generation_id,
  created_at, cost_total, cost_web_search, cost_cache, …, byok_usage_inference, tokens_prompt,
  tokens_completion, tokens_reasoning, tokens_cached, model_permaslug, provider_name, variant, …`.
- CSV by day and model: `Date, Slug, Usage, BYOK Usage, Requests, Prompt Tokens, Completion Tokens,
  Reasoning Tokens`.
- `GET /api/v1/activity` (OpenRouter API reference): `data[]` of `date`, `model`, `usage`,
  `byok_usage_inference`, `requests`, `prompt_tokens`, `completion_tokens`, `reasoning_tokens`.

What an own key paid to the provider is added to what OpenRouter charged. Prompt tokens include cached ones.
"""

from farthing.usage.layout import Layout

_GENERATIONS = Layout(
    format="openrouter",
    title="OpenRouter activity, by generation",
    needs=frozenset({"tokens_prompt", "tokens_completion", "cost_total"}),
    columns={
        "model": ("model_permaslug", "model"),
        "day": ("created_at",),
        "input": ("tokens_prompt",),
        "cached": ("tokens_cached",),
        "output": ("tokens_completion",),
        "reasoning": ("tokens_reasoning",),
        "cost": ("cost_total",),
        "more_cost": ("byok_usage_inference",),
    },
    row_is_request=True,
)

_DAYS = Layout(
    format="openrouter",
    title="OpenRouter activity, by day",
    needs=frozenset({"slug", "usage", "prompt tokens", "completion tokens"}),
    columns={
        "model": ("slug",),
        "day": ("date",),
        "requests": ("requests",),
        "input": ("prompt tokens",),
        "output": ("completion tokens",),
        "reasoning": ("reasoning tokens",),
        "cost": ("usage",),
        "more_cost": ("byok usage",),
    },
)

_API = Layout(
    format="openrouter",
    title="OpenRouter activity API",
    needs=frozenset({"model", "usage", "prompt_tokens", "completion_tokens", "byok_usage_inference"}),
    columns={
        "model": ("model", "model_permaslug"),
        "day": ("date",),
        "requests": ("requests",),
        "input": ("prompt_tokens",),
        "output": ("completion_tokens",),
        "reasoning": ("reasoning_tokens",),
        "cost": ("usage",),
        "more_cost": ("byok_usage_inference",),
    },
)

LAYOUTS = (_GENERATIONS, _DAYS, _API)
