"""LiteLLM's spend logs: rows of its table `LiteLLM_SpendLogs`, as JSON, JSON Lines or CSV.

The columns are those of the proxy's `schema.prisma`: `model, model_group, spend, total_tokens, prompt_tokens,
completion_tokens, startTime, endTime, call_type, cache_hit, metadata, …`, the same in the answer of
`GET /spend/logs`. Tokens from and for a provider's cache stand in
`metadata.additional_usage_values` (`cache_read_input_tokens`, `cache_creation_input_tokens`, or
`prompt_tokens_details.cached_tokens`); in a CSV `metadata` is a cell of JSON.

`prompt_tokens` includes cached tokens, except in older versions for Anthropic's models: where they are more
than it, they come on top. A row with `cache_hit` was answered from LiteLLM's own cache and cost nothing.
"""

from farthing.usage.layout import Layout

_VALUES = "metadata.additional_usage_values"

_LOGS = Layout(
    format="litellm",
    title="LiteLLM spend logs",
    needs=frozenset({"spend", "prompt_tokens", "completion_tokens"}),
    columns={
        "model": ("model", "model_group"),
        "day": ("starttime", "start_time", "endtime"),
        "requests": ("api_requests",),
        "input": ("prompt_tokens",),
        "cached": (
            f"{_VALUES}.cache_read_input_tokens",
            f"{_VALUES}.prompt_tokens_details.cached_tokens",
            "cache_read_input_tokens",
        ),
        "written": (f"{_VALUES}.cache_creation_input_tokens", "cache_creation_input_tokens"),
        "reasoning": (f"{_VALUES}.completion_tokens_details.reasoning_tokens",),
        "output": ("completion_tokens",),
        "total": ("total_tokens",),
        "cost": ("spend",),
        "hit": ("cache_hit",),
    },
    input_may_be_fresh=True,
    row_is_request=True,
)

LAYOUTS = (_LOGS,)
