"""Recognising: from the content, however it is cut into pieces, and overridden by name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.usage.texts import bad, good, read

from farthing.usage.read import LAYOUTS, Found, Shape, Unreadable, layout_of, recognise
from farthing.usage.record import Format

SAMPLES = Path(__file__).parents[2] / "examples" / "samples"

EXPECTED: dict[str, tuple[str, int, list[int]]] = {
    "usage-anthropic.csv": ("Anthropic Console, usage", 15, [7, 12]),
    "usage-anthropic-cost.csv": ("Anthropic Console, cost", 13, []),
    "usage-anthropic.json": ("Anthropic Admin API, usage report", 6, [95]),
    "usage-openai.csv": ("OpenAI usage, completions", 18, [6]),
    "usage-openai.json": ("OpenAI usage, completions", 6, [91]),
    "usage-openai-2024.csv": ("OpenAI usage, before 2025", 8, []),
    "usage-litellm.jsonl": ("LiteLLM spend logs", 25, [6, 13]),
    "usage-openrouter.csv": ("OpenRouter activity, by generation", 15, [5]),
    "usage-openrouter.json": ("OpenRouter activity API", 8, []),
    "usage-plain.csv": ("plain table", 12, [6, 9, 16]),
}


def test_every_sample_is_expected_here() -> None:
    assert {path.name for path in SAMPLES.glob("usage-*")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("size", [1_000_000, 61])
def test_samples_are_recognised_and_their_broken_rows_told_by_line(name: str, size: int) -> None:
    found = read((SAMPLES / name).read_text(encoding="utf-8"), size=size)
    titles = {entry.layout.title for entry in found if isinstance(entry, Found)}
    title, count, broken = EXPECTED[name]
    assert (titles, len(good(found)), [line for line, _ in bad(found)]) == ({title}, count, broken)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_neither_delimiter_nor_ends_of_lines_nor_a_mark_change_what_is_read(mark: str, ending: str) -> None:
    text = "model,input_tokens,output_tokens,cost\na,1,2,0.5\nb,3,4,0.25\n"
    other = "\ufeff" + text.replace(",", mark).replace("\n", ending)
    assert good(read(other)) == good(read(text))


@pytest.mark.parametrize("text", ["", "\ufeff", " \n\n", "name,age\nAda,36\n", "one line of prose"])
def test_what_is_no_export_says_so(text: str) -> None:
    assert isinstance(recognise(text), Unreadable)


def test_objects_that_are_no_usage_are_bad_rows() -> None:
    assert bad(read('[{"name": "Ada"}]')) == [(1, "none of its columns is tokens or a cost: name")]


def test_the_format_can_be_named() -> None:
    header = ("model", "usage_output_tokens", "usage_input_tokens_no_cache", "input_tokens", "output_tokens")
    by_format: dict[Format | None, str] = {
        None: "Anthropic Console, usage",
        "plain": "plain table",
        "openai": "OpenAI usage, completions",
    }
    for name, title in by_format.items():
        layout = layout_of(header, name)
        assert layout is not None
        assert layout.title == title
    assert layout_of(header, "openrouter") is None
    assert isinstance(recognise("a,b\n1,2\n", "litellm"), Unreadable)


def test_each_layout_is_found_by_its_own_names() -> None:
    for layout in LAYOUTS:
        found = layout_of(layout.needs)
        assert found is layout


@given(st.text(max_size=200), st.integers(1, 50))
def test_no_text_is_an_unexpected_end(text: str, size: int) -> None:
    shape = recognise(text)
    if isinstance(shape, Shape):
        read(text, size=size)


@given(st.text(alphabet='{}[]",:\\n1a \n;', max_size=120), st.integers(1, 50))
def test_nor_is_any_text_of_marks(text: str, size: int) -> None:
    shape = recognise(text)
    if isinstance(shape, Shape):
        read(text, size=size)
