"""Where a cut answer goes on: what is repeated is said once, in one piece or in many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.prompt.seam import Seam, joined

LEFT = "Reads outnumber writes by far, so the read path decides the des"
WORDS = st.text(alphabet="abc d\n-|", max_size=60)


@pytest.mark.parametrize(
    ("right", "whole"),
    [
        pytest.param("ign.", LEFT + "ign.", id="nothing repeated, in the middle of a word"),
        pytest.param("the read path decides the design.", LEFT + "ign.", id="the last words repeated"),
        pytest.param(LEFT + "ign.", LEFT + "ign.", id="all of it repeated"),
        pytest.param("es too", LEFT + "es too", id="a few equal letters are no repetition"),
        pytest.param("", LEFT, id="nothing more"),
    ],
)
def test_what_is_repeated_is_left_out(right: str, whole: str) -> None:
    assert joined(LEFT, right) == whole


def test_rows_of_a_table_are_no_repetition() -> None:
    assert joined("|---|---|\n", "|---|---|\n| a |") == "|---|---|\n|---|---|\n| a |"


@given(WORDS, WORDS, WORDS, st.lists(st.integers(1, 7), min_size=1))
def test_in_pieces_it_is_the_same_as_in_one(left: str, repeated: str, new: str, sizes: list[int]) -> None:
    left, right = left + repeated, repeated + new
    seam, text, at, turn = Seam(left), "", 0, 0
    while at < len(right):
        size = sizes[turn % len(sizes)]
        text += seam.take(right[at : at + size])
        at, turn = at + size, turn + 1
    text += seam.rest()
    assert left + text == joined(left, right)


def test_nothing_is_held_back_for_long() -> None:
    seam = Seam(LEFT)
    assert seam.take("the read path ") == ""
    assert seam.take("is what matters") == "the read path is what matters"
    assert seam.take(" most") == " most"
