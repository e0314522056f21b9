"""Lines are the same however the text arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.usage.texts import pieces

from farthing.usage.lines import Line, lines_of

TEXT = st.text(alphabet="ab,\n", max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\rb\r", ["a", "b"]),
        ("\n\na", ["", "", "a"]),
        ("", []),
    ],
)
def test_ends_of_lines(text: str, expected: list[str]) -> None:
    assert list(lines_of([text])) == [Line(at, line) for at, line in enumerate(expected, start=1)]


@given(TEXT, st.integers(1, 9))
def test_pieces_do_not_matter(text: str, size: int) -> None:
    assert list(lines_of(pieces(text, size))) == list(lines_of([text]))


def test_a_line_that_is_too_long_is_dropped_and_counted() -> None:
    found = list(lines_of(pieces("ok\n" + "x" * 100 + "\nok", 10), longest=40))
    assert found == [Line(1, "ok"), Line(2, None), Line(3, "ok")]
    assert list(lines_of(pieces("x" * 100, 10), longest=40)) == [Line(1, None)]
