"""The estimator keeps its stated error, the bound is a bound. `calibrate.py` recorded the counts."""

import json
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.prompt.tokens import TEMPLATE_TOKENS, bound_tokens, estimate_conversation, estimate_tokens
from farthing.task import Message, Tool, ToolCall


class Text(TypedDict):
    kind: str
    text: str
    tokens: dict[str, int]


TEXTS = [
    cast(Text, json.loads(line))
    for line in Path(__file__).with_name("texts.jsonl").read_text(encoding="utf-8").splitlines()
]


def relative_errors(encoding: str | None = None) -> list[float]:
    errors: list[float] = []
    for row in TEXTS:
        counts = row["tokens"]
        target = counts[encoding] if encoding else sum(counts.values()) / len(counts)
        errors.append(estimate_tokens(row["text"]) / target - 1)
    return errors


def test_mean_error_and_bias_are_as_stated() -> None:
    errors = relative_errors()
    assert sum(abs(error) for error in errors) / len(errors) <= 0.08
    assert abs(sum(errors) / len(errors)) <= 0.02
    assert max(abs(error) for error in errors) <= 0.38


@pytest.mark.parametrize("encoding", ["o200k_base", "llama3", "qwen3"])
def test_mean_error_against_one_tokenizer_is_as_stated(encoding: str) -> None:
    errors = relative_errors(encoding)
    assert sum(abs(error) for error in errors) / len(errors) <= 0.11


def test_texts_cover_what_the_docstring_says() -> None:
    kinds = {row["kind"] for row in TEXTS}
    assert len(TEXTS) == 55
    assert {"english", "german", "french", "chinese", "python", "json", "log", "numbers", "emoji"} <= kinds


def test_bytes_bound_every_recorded_count() -> None:
    for row in TEXTS:
        assert bound_tokens(row["text"].encode()) >= max(row["tokens"].values()) + TEMPLATE_TOKENS


def test_bound_is_bytes_plus_template() -> None:
    assert bound_tokens(b"") == 512
    assert bound_tokens("é".encode()) == 514


@given(st.text(max_size=300))
def test_estimate_is_zero_only_for_nothing(text: str) -> None:
    estimate = estimate_tokens(text)
    assert (estimate == 0) == (text == "")


@given(st.text(max_size=120), st.text(max_size=120))
def test_longer_text_is_never_estimated_much_smaller(left: str, right: str) -> None:
    assert estimate_tokens(left + right) >= estimate_tokens(left) - 1


def test_blocks_add_up() -> None:
    sentence = "A wheel does not turn on dry land, said the widow in 1904.\n"
    once, often = estimate_tokens(sentence), estimate_tokens(sentence * 1000)
    assert often == pytest.approx(1000 * once, rel=0.05)


def test_lone_surrogates_do_not_raise() -> None:
    assert estimate_tokens("a\ud800b") >= 1


def test_conversation_counts_messages_calls_and_tools() -> None:
    question = Message(role="user", content="Where is order 8812?")
    call = ToolCall(id="1", name="search_orders", arguments='{"customer_id": "C-77", "state": "open"}')
    tool = Tool(
        name="search_orders",
        description="Finds orders by customer and state.",
        parameters=MappingProxyType({"type": "object", "properties": {"customer_id": {"type": "string"}}}),
    )
    plain = estimate_conversation([question])
    assert plain > estimate_tokens(question.text)
    assert estimate_conversation([question, question]) > plain
    assert estimate_conversation([question, Message(role="assistant", tool_calls=(call,))]) > plain + 8
    assert estimate_conversation([question], [tool]) > plain + 20


def test_media_parts_are_not_free() -> None:
    part: dict[str, object] = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
    words: dict[str, object] = {"type": "text", "text": "What is this?"}
    with_image = estimate_conversation([Message(role="user", content=(words, part))])
    without = estimate_conversation([Message(role="user", content=(words,))])
    assert with_image - without == 1000
