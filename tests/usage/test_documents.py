"""JSON in pieces: lists, pages, lines, and what is broken among them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.usage.texts import pieces

from farthing.usage.documents import Element, elements_by_line, elements_of, is_by_line, rows_in
from farthing.usage.lines import LONGEST, lines_of
from farthing.usage.record import BadRow

Json = dict[str, object]


def elements(text: str, size: int = 5) -> list[Element | BadRow]:
    return list(elements_of(pieces(text, size)))


def values(text: str, size: int = 5) -> list[object]:
    return [found.value for found in elements(text, size) if isinstance(found, Element)]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 2}]',
        '{"data": [{"a": 1}, {"a": 2}]}',
        '{"a": 1}\n{"a": 2}',
        '\ufeff[\n {"a": 1},\n {"a": 2}\n]\n',
        '{"other": [{"x": [1]}], "meta": null}[{"a": 1},{"a": 2}]',
    ],
)
def test_objects_come_out_of_lists_pages_and_one_after_the_other(text: str) -> None:
    found = values(text)
    assert found[-2:] == [{"a": 1}, {"a": 2}]


def test_what_a_page_says_before_its_list_is_in_its_objects() -> None:
    beside = '"starting_at": "2026-09-01", "has": {"b": 1}, "none": null'
    text = f'{{{beside}, "results": [{{"a": 1}}], "data": [{{"a": 2}}]}}'
    assert values(text) == [{"starting_at": "2026-09-01", "a": 1}]


def test_brackets_and_quotes_within_strings_are_text() -> None:
    text = '[{"a": "}]{\\"["}, {"a": "\\\\"}]'
    for size in (1, 2, 3, 7, 1000):
        assert values(text, size) == [{"a": '}]{"['}, {"a": "\\"}]


def test_a_broken_object_is_told_with_its_line_and_the_next_is_read() -> None:
    text = '{"data": [\n {"a": 1},\n {"a: 2, "b": [3, 4]},\n {"a" 3},\n {"a": NaN},\n {"a": 5}\n]}'
    found = elements(text)
    assert [entry.value for entry in found if isinstance(entry, Element)] == [{"a": 1}, {"a": 5}]
    assert [entry.line for entry in found if isinstance(entry, BadRow)] == [3, 4, 5]


def test_a_text_that_is_cut_says_so() -> None:
    (first, cut) = elements('[{"a": 1},\n{"a": 2')
    assert isinstance(first, Element)
    assert isinstance(cut, BadRow)
    assert (cut.line, "ends within it" in cut.reason) == (2, True)


def test_an_object_that_is_too_long_ends_the_reading() -> None:
    endless = ['[{"a": "', *(["x" * (LONGEST // 8)] * 10), '"}]']
    (told,) = elements_of(endless)
    assert isinstance(told, BadRow)
    assert "too long" in told.reason


def test_lines_are_read_one_by_one() -> None:
    text = '{"a": 1}\n\n{"a": 2\n[3]\n{"a": 4},\n'
    found = list(elements_by_line(lines_of([text])))
    assert [entry.value for entry in found if isinstance(entry, Element)] == [{"a": 1}, {"a": 4}]
    assert [entry.line for entry in found if isinstance(entry, BadRow)] == [3, 4]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n', True),
        ('{"data": [{"a": 1}]}', True),
        ('{"a": 1}\n{"a": 2\n{"a": 3}\n', True),
        ('{\n "data": [\n {"a": 1}\n]}', False),
        ('[{"a": 1},\n{"a": 2}]', False),
        ('{"data": [{"a": 1},', False),
        ("", False),
    ],
)
def test_json_lines_are_told_from_a_document(head: str, expected: bool) -> None:
    assert is_by_line(head) is expected


def test_rows_are_what_the_innermost_lists_hold() -> None:
    page: Json = {
        "data": [
            {"starting_at": "x", "results": [{"Model": "m", "cache": {"read": 1}}, {"Model": "n"}]},
            {"starting_at": "y", "results": []},
            {
                "model": "o",
                "metadata": '{"k": {"v": 2}}',
                "request_tags": ["t"],
                "messages": [{"role": "user"}],
            },
        ],
        "has_more": False,
    }
    assert list(rows_in(page)) == [
        {"has_more": False, "starting_at": "x", "model": "m", "cache.read": 1},
        {"has_more": False, "starting_at": "x", "model": "n"},
        {"has_more": False, "model": "o", "metadata.k.v": 2},
    ]


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
objects = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda key: key != "data"),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_size=4,
)


@given(st.lists(objects, max_size=6), st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_any_list_of_objects_is_read_back(
    found: list[Json], size: int, page: bool, indent: int | None
) -> None:
    text = json.dumps({"data": found} if page else found, indent=indent)
    assert values(text, size) == found
