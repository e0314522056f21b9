"""Other products in the same run, where they are installed: the same call, with their cost tracking on."""

import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

_RATE = Decimal("0.00000023")
"""The tutorial's price of the model that all sides ask, in dollars a token."""


class _LiteLlm(Protocol):
    suppress_debug_info: bool

    async def acompletion(self, **request: object) -> object: ...

    def completion_cost(self, *, completion_response: object, model: str) -> float: ...


class _Completions(Protocol):
    async def create(self, **request: object) -> "_Reply": ...


class _Chat(Protocol):
    completions: _Completions


class _Usage(Protocol):
    prompt_tokens: int
    completion_tokens: int


class _Reply(Protocol):
    usage: _Usage | None


class _OpenAi(Protocol):
    chat: _Chat


class _OpenAiModule(Protocol):
    def AsyncOpenAI(self, *, base_url: str, api_key: str, max_retries: int) -> _OpenAi: ...  # noqa: N802


def openai_call(
    base_url: str, key: str, model: str, prompt: str, max_tokens: int
) -> Callable[[], Awaitable[None]] | None:
    """One call of the `openai` client, its cost reckoned from the usage as its users do; None when the client
    is not installed."""
    if find_spec("openai") is None:
        return None
    module = cast("_OpenAiModule", import_module("openai"))
    client = module.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0)
    spent = [Decimal(0)]

    async def call() -> None:
        reply = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": prompt}], max_tokens=max_tokens
        )
        if reply.usage is not None:
            spent[0] += reply.usage.prompt_tokens * _RATE + reply.usage.completion_tokens * _RATE

    return call


def litellm_call(
    base_url: str, key: str, model: str, prompt: str, max_tokens: int
) -> Callable[[], Awaitable[None]] | None:
    """One `litellm.acompletion` with its cost computed; None when LiteLLM is not installed."""
    if find_spec("litellm") is None:
        return None
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing of a benchmark leaves loopback
    litellm = cast("_LiteLlm", import_module("litellm"))
    litellm.suppress_debug_info = True

    async def call() -> None:
        response = await litellm.acompletion(
            model=f"openai/{model}",
            api_base=base_url,
            api_key=key,
            messages=[{"role": "user", "content": prompt}],
            max_tokens=max_tokens,
        )
        # Priced as a model that its table knows: the work is the same, the amount is not looked at.
        litellm.completion_cost(completion_response=response, model="gpt-4o-mini")

    return call
