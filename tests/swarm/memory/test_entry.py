"""Which keys, names and values shared memory keeps; what it refuses says why."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.errors import SharedMemoryError
from farthing.swarm.memory.entry import (
    Bounds,
    checked_key,
    checked_place,
    checked_us,
    decoded,
    encoded,
    texts_in,
)

BOUNDS = Bounds(value_bytes=100)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))  # no lone surrogates
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@pytest.mark.parametrize("key", ["a", "plan/step 1", "ключ", "日本", "k" * 200])
def test_printable_keys_are_kept(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a\nb", "a\x00", "\u200b", "k" * 201, None, 7, "\ud800"])
def test_others_are_refused_with_what_may_be(key: object) -> None:
    with pytest.raises(SharedMemoryError, match="give 1 to 200 printable characters"):
        checked_key(key)


def test_a_long_refusal_is_cut() -> None:
    with pytest.raises(SharedMemoryError) as refused:
        checked_key("k" * 10_000)
    assert len(str(refused.value)) < 200


def test_namespaces_and_tenants_are_names() -> None:
    assert checked_place("run:run-1", None) == ("", "run:run-1")
    assert checked_place("shared:notes", "acme") == ("acme", "shared:notes")
    for namespace, tenant in (("", None), ("n" * 121, None), ("a\tb", None), ("n", ""), ("n", "t" * 61)):
        with pytest.raises(SharedMemoryError, match="printable characters"):
            checked_place(namespace, tenant)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_a_time_to_come_is_above_zero_and_has_an_end(seconds: float) -> None:
    with pytest.raises(SharedMemoryError, match=r"a lease is .* seconds"):
        checked_us(seconds, "a lease")


def test_the_shortest_time_is_a_microsecond() -> None:
    assert checked_us(1e-9, "a lease") == 1


@given(JSON)
def test_json_comes_back_as_it_was(value: object) -> None:
    assert decoded(encoded(value, Bounds(), key="k")) == value


@pytest.mark.parametrize(
    "value", [Decimal(1), {1, 2}, b"x", object(), float("nan"), float("inf"), "\ud800", {(1, 2): 3}]
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(SharedMemoryError, match="the value of 'k'"):
        encoded(value, BOUNDS, key="k")


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(SharedMemoryError, match="which JSON cannot say"):
        encoded(endless, BOUNDS, key="k")


def test_the_bound_is_of_bytes_and_holds_to_the_byte() -> None:
    assert encoded("é" * 49, BOUNDS, key="k") == f'"{"é" * 49}"'
    with pytest.raises(SharedMemoryError, match="102 bytes, and 100 are allowed"):
        encoded("é" * 50, BOUNDS, key="k")


def test_texts_stand_in_their_order() -> None:
    assert texts_in({"a": ["b", 1, {"c": "d"}], "e": None}) == ["a", "b", "c", "d", "e"]
