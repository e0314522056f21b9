"""How a command counts tokens: exactly, by the model's own tokenizer where the extra `tokens` has it.

Its vocabularies are those of Llama 3, Qwen 2.5 and 3, and OpenAI's models (o200k); all else is estimated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol, cast

from farthing.prompt.tokens import estimate_tokens

_ENCODINGS = (
    ("llama-3", "llama3"),
    ("qwen", "qwen3"),
    ("openai/", "o200k_base"),
)


@dataclass(frozen=True, slots=True)
class Counter:
    """A count of a text's tokens; `basis` says how, in words."""

    count: Callable[[str], int]
    basis: str


class _Encoding(Protocol):
    def count(self, text: str) -> int: ...


ESTIMATE = Counter(estimate_tokens, "by our estimate (mean error 8 %)")


def counter_for(model: str | None) -> Counter:
    """The exact count for a model whose vocabulary is installed, else the estimate, which says so."""
    if model is None:
        return ESTIMATE
    encoding = next((name for part, name in _ENCODINGS if part in model.lower()), None)
    if encoding is None:
        return replace(ESTIMATE, basis=f"{ESTIMATE.basis}; no tokenizer of {model} is known here")
    try:
        load = cast("Callable[[str], _Encoding]", import_module("quicktok").get_encoding)
    except ModuleNotFoundError:
        return replace(ESTIMATE, basis=f"{ESTIMATE.basis}; pip install 'farthing[tokens]' counts {encoding}")
    return Counter(load(encoding).count, f"by the tokenizer {encoding}")
