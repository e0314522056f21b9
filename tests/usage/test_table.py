"""Tables: delimiters, quotes, and rows that are broken without breaking their neighbours."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.usage.lines import lines_of
from farthing.usage.record import BadRow
from farthing.usage.table import Cells, dialect_of, rows_of


def rows(text: str) -> list[Cells | BadRow]:
    lines = list(lines_of([text]))
    dialect = dialect_of(lines)
    assert dialect is not None
    return list(rows_of(lines, dialect))


def cells(text: str) -> list[list[str]]:
    return [list(row.cells) for row in rows(text) if isinstance(row, Cells)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_parts_the_header(mark: str) -> None:
    text = "a,b;c\n1,2;3\n" if mark == "," else f"a{mark}b{mark}c\n1{mark}2{mark}3\n"
    dialect = dialect_of(list(lines_of([text])))
    assert dialect is not None
    assert dialect.delimiter == mark


def test_a_mark_and_what_a_spreadsheet_writes_above_the_table_are_no_header() -> None:
    dialect = dialect_of(list(lines_of(["\ufeffsep=;\n Model ;Cost\nx;1\n"])))
    assert dialect is not None
    assert (dialect.header, dialect.delimiter, dialect.header_line) == (("model", "cost"), ";", 2)


@pytest.mark.parametrize(
    ("body", "comma"),
    [
        ("1,25", True),
        ("0,012", True),
        ("1.25", False),
        ("1,234", False),  # may be a thousand
        ("1,25;0.5", False),  # both: nothing follows
        ("12", False),
    ],
)
def test_a_decimal_comma_needs_evidence(body: str, comma: bool) -> None:
    dialect = dialect_of(list(lines_of([f"a;b\n{body}\n"])))
    assert dialect is not None
    assert dialect.comma is comma


def test_quoted_cells_hold_delimiters_quotes_and_ends_of_lines() -> None:
    assert cells('a,b\n"1,234","say ""hi"""\n"two\nlines",x\n') == [
        ["1,234", 'say "hi"'],
        ["two\nlines", "x"],
    ]


def test_a_quote_that_is_never_closed_spoils_its_own_row_only() -> None:
    found = rows('a,b\n1,"two\n3,4\n"5",6\n7,"eight\n9,10\n')
    assert [row.line for row in found if isinstance(row, BadRow)] == [2, 5]
    assert [list(row.cells) for row in found if isinstance(row, Cells)] == [
        ["3", "4"],
        ["5", "6"],
        ["9", "10"],
    ]


def test_rows_of_another_width_are_told_with_their_line() -> None:
    found = rows("a,b\n1,2,3\n1\n1,2,\n\n1,2\n")
    assert [(row.line, row.reason) for row in found if isinstance(row, BadRow)] == [
        (2, "it has 3 cells where the header has 2: a delimiter within a cell needs quotes"),
        (3, "it has 1 cell where the header has 2"),
    ]
    assert [row.line for row in found if isinstance(row, Cells)] == [4, 6]


def test_nothing_is_no_table() -> None:
    assert dialect_of([]) is None
    assert dialect_of(list(lines_of(["\n  \n"]))) is None


@given(
    st.lists(
        st.lists(st.text(alphabet='ab ,;"\n', max_size=6), min_size=2, max_size=2), min_size=1, max_size=8
    )
)
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["a", "b"], *table])
    assert cells(written.getvalue()) == table
