"""Reading docstrings."""

import inspect

import pytest

from farthing.swarm.docstring import described


def google(city: str, days: int) -> str:
    """Tells the weather.

    Longer text with a colon: not a parameter.

    Args:
        city: Where,
            in any language.
        days (int): How many
            days: at most ten.

    Returns:
        A sentence.
    """
    return f"{city}{days}"


def test_the_first_line_and_the_parameters_are_read() -> None:
    assert described(inspect.getdoc(google) or "") == (
        "Tells the weather.",
        {"city": "Where, in any language.", "days": "How many days: at most ten."},
    )


@pytest.mark.parametrize(
    ("text", "first"), [("", ""), ("  \n", ""), ("One line.", "One line."), ("A.\nArgs:", "A.")]
)
def test_little_text_is_no_problem(text: str, first: str) -> None:
    assert described(text) == (first, {})
