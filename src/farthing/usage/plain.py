"""Any other table or list of objects: its columns are found by what they are called, nearly or exactly.

The words are the usual ones for a model, tokens sent and received, a cost in US dollars, a day and a task
type. A name that is nearly one of them is taken too, and the layout says so. Cached tokens are read as a part
of the input.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from farthing.usage.layout import Column, Layout

_WORDS: dict[Column, tuple[str, ...]] = {
    "model": ("model", "model_name", "model_id", "llm", "llm_model", "engine", "deployment", "modell"),
    "day": (
        "date", "day", "timestamp", "time", "created_at", "created", "datetime", "start_time", "usage_date",
        "month", "period", "datum",
    ),
    "requests": ("requests", "calls", "num_requests", "request_count", "n_requests", "count"),
    "input": (
        "input_tokens", "prompt_tokens", "tokens_in", "tokens_input", "tokens_prompt", "input",
        "input_token_count", "prompt_token_count", "context_tokens", "total_input_tokens", "tokens_sent",
    ),
    "cached": ("cached_tokens", "cached_input_tokens", "input_cached_tokens", "cache_read_tokens"),
    "written": ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
    "output": (
        "output_tokens", "completion_tokens", "tokens_out", "tokens_output", "tokens_completion", "output",
        "output_token_count", "completion_token_count", "generated_tokens", "total_output_tokens",
        "tokens_received",
    ),
    "reasoning": ("reasoning_tokens", "thinking_tokens"),
    "total": ("total_tokens", "tokens", "token_count"),
    "cost": (
        "cost", "cost_usd", "usd", "spend", "amount", "amount_usd", "total_cost", "total_cost_usd",
        "charge", "kosten",
    ),
    "currency": ("currency",),
    "type": ("task_type", "type", "task", "category"),
    "batch": ("batch",),
}  # fmt: skip
_NEARLY: tuple[Column, ...] = ("model", "input", "output", "cost")
"""The columns that are worth a guess: of the others, a wrong one would do more harm than none."""
_ALIKE = 0.84


def layout_for(names: Iterable[str]) -> Layout | None:
    """The layout of a table with these column names; None where no tokens and no cost are among them."""
    by_word = {_plainly(name): name for name in names}
    columns: dict[Column, tuple[str, ...]] = {}
    for column, words in _WORDS.items():
        if found := next((by_word[word] for word in words if word in by_word), None):
            columns[column] = (found,)
    taken = {name for (name,) in columns.values()}
    guessed: dict[Column, str] = {}
    for column in _NEARLY:
        if column not in columns and (near := _nearest(_WORDS[column], by_word, taken)):
            columns[column], guessed[column] = (near,), near
            taken.add(near)
    if not columns.keys() & {"input", "output", "cost"}:
        return None
    return Layout(
        format="plain", title="plain table", needs=frozenset(taken), columns=columns, guessed=guessed
    )


def _nearest(words: Iterable[str], by_word: dict[str, str], taken: set[str]) -> str | None:
    """The untaken name most like one of the words, if it is like enough."""
    free = {word: name for word, name in by_word.items() if name not in taken}
    alike = [
        (SequenceMatcher(None, word, known).ratio(), name)
        for known in words
        if len(known) > 3
        for word, name in free.items()
    ]
    likeness, name = max(alike, default=(0.0, ""))
    return name if likeness >= _ALIKE else None


def _plainly(name: str) -> str:
    """`Input Tokens (total)` as `input_tokens_total`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
