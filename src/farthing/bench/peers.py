"""Other products in the same run, where they are installed: the same call, with their cost tracking on."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast


class _LiteLlm(Protocol):
    suppress_debug_info: bool

    async def acompletion(self, **request: object) -> object: ...

    def completion_cost(self, *, completion_response: object, model: str) -> float: ...


def litellm_call(
    base_url: str, key: str, model: str, prompt: str, max_tokens: int
) -> Callable[[], Awaitable[None]] | None:
    """One `litellm.acompletion` with its cost computed; None when LiteLLM is not installed."""
    if find_spec("litellm") is None:
        return None
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
