"""References in strings: replaced, defaulted, escaped, or told as faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config.interpolate import interpolated

VARIABLES = {"NAME": "value", "EMPTY": "", "OPENROUTER_API_KEY": "sk-or-x"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain $NAME {x}", "plain $NAME {x}"),
        ("${NAME}", "value"),
        ("a${NAME}b${NAME}", "avaluebvalue"),
        ("${OTHER:-default}", "default"),
        ("${OTHER:-}", ""),
        ("${NAME:-default}", "value"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY}", ""),
        ("$${NAME}", "${NAME}"),
        ("${OTHER:-http://x:1/y}", "http://x:1/y"),
    ],
)
def test_strings(text: str, result: str) -> None:
    assert interpolated(text, VARIABLES) == (result, ())


def test_only_strings_are_touched_at_any_depth() -> None:
    value = {"a": ["${NAME}", 1, None, {"b": "${NAME}"}], "${NAME}": True}
    assert interpolated(value, VARIABLES) == ({"a": ["value", 1, None, {"b": "value"}], "${NAME}": True}, ())


@pytest.mark.parametrize("text", ["${OTHER}", "${", "${1X}", "${NAME:+x}", "${OPENROUTER_API_KEY}"])
def test_what_cannot_be_replaced_is_a_fault_at_its_path_and_stays(text: str) -> None:
    value, faults = interpolated({"a": [{"b": text}]}, VARIABLES)
    assert value == {"a": [{"b": text}]}
    assert [fault.path for fault in faults] == ["a[0].b"]
    assert "sk-or" not in str(faults)


@given(st.text())
def test_a_value_is_never_read_a_second_time(value: str) -> None:
    assert interpolated("${X}", {"X": value}) == (value, ())
