"""Words, their order, and the stretch of text that is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.memory.recall import folded, index_words, query_words, score, snippet


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Crème BRÛLÉE", ["creme", "brulee"]),
        ("src/farthing/run_now.py", ["src", "farthing", "run", "now", "py"]),
        ("Straße 1e5 v2.0", ["strasse", "1e5", "v2", "0"]),
        ("a@b.com -not \"quoted\" 'x' (y) z*", ["a", "b", "com", "not", "quoted", "x", "y", "z"]),
        ("日本語 тест", ["日本語", "тест"]),
        ("", []),
    ],
)
def test_words_are_letters_and_digits(text: str, words: list[str]) -> None:
    assert folded(text) == words


@given(st.text())
def test_no_word_of_a_query_has_anything_but_letters_and_digits(text: str) -> None:
    assert all(word.isalnum() and len(word) <= 64 for word in query_words(text))
    assert len(query_words(text)) <= 16


def test_keys_and_all_texts_are_indexed_but_no_numbers() -> None:
    assert index_words("plan/one", '{"title":["Buy milk",42,true]}') == "plan one title buy milk"
    assert index_words("pages read", "17") == "pages read"


def test_more_words_come_before_whole_ones_before_more_of_them() -> None:
    words = ("apple", "pear")
    both, whole, begun, none = (
        score(words, text) for text in ("apples pears", "apple x", "applesauce apples", "app")
    )
    assert both[:3] > whole[:3] > begun[:3] > none[:3]
    assert none.found == 0
    assert score(words, "apple apple")[:3] > score(words, "apple x y z")[:3]


def test_short_words_find_no_beginnings() -> None:
    assert score(("app",), "apple").found == 0
    assert score(("appl",), "apple").words == ("appl",)


def test_a_snippet_is_where_a_word_is() -> None:
    text = f'{{"body":"{"before " * 60}the Crème brûlée {"after " * 60}"}}'
    shown = snippet(("creme",), "k", text, chars=60)
    assert "Crème brûlée" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 62


def test_a_snippet_of_a_key_names_it() -> None:
    assert snippet(("pages",), "pages read", '"only text"') == "pages read: only text"
    assert snippet(("pages",), "pages read", "17") == "pages read: 17"


@given(st.text(), st.text(min_size=1), st.integers(10, 300))
def test_a_snippet_is_short_whatever_comes(text: str, words: str, chars: int) -> None:
    import json

    assert len(snippet(query_words(words), "key", json.dumps(text), chars=chars)) <= chars + 2
