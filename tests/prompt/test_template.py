"""Templates: what was made from one is told from what was not, and only in one way."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.prompt.template import captured, is_ambiguous, rendered, template_of


@pytest.mark.parametrize(
    ("template", "text", "values"),
    [
        ("Review this: {code}", "Review this: x = 1", {"code": "x = 1"}),
        ("Review this: {{ code }}!", "Review this: x!", {"code": "x"}),
        ("From {a} to {b}.", "From USD to EUR.", {"a": "USD", "b": "EUR"}),
        ("{a} and again {a}", "x and again x", {"a": "x"}),
        ("No placeholder", "No placeholder", {}),
        ("Empty: {x}", "Empty: ", {"x": ""}),
        ('Answer {"a": 1} for {x}', 'Answer {"a": 1} for me', {"x": "me"}),
    ],
)
def test_values_are_read_where_a_text_was_made_from_the_template(
    template: str, text: str, values: Mapping[str, str]
) -> None:
    found = captured(template_of(template), text)
    assert found == values
    assert rendered(template_of(template), values) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Review this: {code}", "review this: x"),
        ("Review this: {code}", "Review this"),
        ("From {a} to {b}.", "From A to B to C."),
        ("{a} and again {a}", "x and again y"),
        ("No placeholder", "No placeholder "),
        ("ab{x}ba", "aba"),
    ],
)
def test_another_text_or_one_with_two_readings_does_not_match(template: str, text: str) -> None:
    assert captured(template_of(template), text) is None


def test_touching_placeholders_are_ambiguous() -> None:
    assert is_ambiguous(template_of("So {a}{b} it is"))
    assert not is_ambiguous(template_of("{a} so {b}"))


_WORD = st.text(alphabet="ab {}.\n", max_size=6)


@given(
    st.lists(_WORD.filter(lambda word: "{" not in word and "}" not in word), min_size=1, max_size=4),
    st.data(),
)
def test_what_is_read_makes_the_same_text_again(literals: list[str], data: st.DataObject) -> None:
    names = [f"v{number}" for number in range(len(literals) - 1)]
    source = "".join(
        part for pair in zip(literals, [f"{{{n}}}" for n in names] + [""], strict=True) for part in pair
    )
    template = template_of(source)
    given_values = {name: data.draw(_WORD) for name in template.names}
    text = rendered(template, given_values)
    found = captured(template, text)
    if found is not None:
        assert rendered(template, found) == text
        assert is_ambiguous(template) or found == given_values
