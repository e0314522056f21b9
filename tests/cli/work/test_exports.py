"""Opening exports: packed, in other encodings, cut, missing, given twice; and never held whole."""

import codecs
import csv
import gzip
import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farthing.cli.work.exports import KEPT_BAD_ROWS, Exports, read_exports
from farthing.errors import FarthingError
from farthing.task import Usage

TEXT = "date,model,input_tokens,output_tokens,cost\n2026-09-01,gpt-4o,10,5,0.5\n2026-09-02,café,20,6,0.25\n"


def read(*paths: Path) -> Exports:
    return read_exports(paths, only=None)


def total(exports: Exports) -> Usage:
    return sum((use.usage for use in exports.tally.models()), Usage())


ENCODED = {
    "utf-8": TEXT.encode(),
    "with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16 the other way": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "gzip": gzip.compress(TEXT.encode()),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_encodings_and_packing_change_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "anything.dat"
    path.write_bytes(content)
    found = read(path)
    assert [use.model for use in found.tally.models()] == ["café", "gpt-4o"]
    assert total(found) == Usage(input_tokens=30, output_tokens=11)


def test_a_byte_that_is_no_character_spoils_no_more_than_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(TEXT.encode("latin-1"))
    assert total(read(path)).input_tokens == 30


def test_what_cannot_be_used_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    good, empty, prose = tmp_path / "good.csv", tmp_path / "empty.csv", tmp_path / "prose.txt"
    good.write_text(TEXT)
    empty.write_text("")
    prose.write_text("Dear reader,\nhello\n")
    cut, spoilt = tmp_path / "cut.csv.gz", tmp_path / "spoilt.csv.gz"
    cut.write_bytes(gzip.compress(TEXT.encode() * 2000)[:-30])
    spoilt.write_bytes(gzip.compress(TEXT.encode())[:12] + b"\xff" * 40)
    headed = tmp_path / "headed.csv"
    headed.write_text("model,input_tokens\n")
    found = read(good, empty, prose, tmp_path / "goood.csv", tmp_path, cut, spoilt, headed)
    problems = {Path(file.file).name: file.problem or "" for file in found.files}
    assert problems["good.csv"] == ""
    assert problems["empty.csv"] == "it is empty"
    assert "none of its columns" in problems["prose.txt"]
    assert problems["goood.csv"] == f"there is no such file; did you mean {good}?"
    assert "cannot be read" in problems[tmp_path.name]
    assert "cannot be read" in problems["cut.csv.gz"]
    assert "cannot be read" in problems["spoilt.csv.gz"]
    assert problems["headed.csv"] == "it has no rows"
    assert found.tally.rows >= 2


def test_nothing_at_all_is_an_error_that_names_each_file(tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken.csv", tmp_path / "empty.csv"
    broken.write_text("model,input_tokens\na,x\nb,y\n")
    empty.write_text("")
    with pytest.raises(FarthingError) as raised:
        read(broken, empty)
    told = str(raised.value)
    assert "none of its 2 rows can be used; line 2: input: 'x' is no number" in told
    assert "empty.csv: it is empty" in told


def test_a_file_that_is_given_twice_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(TEXT)
    assert total(read(path, tmp_path / ".." / tmp_path.name / "usage.csv")).input_tokens == 30
    assert "given twice" in capsys.readouterr().err


def test_the_bound_of_the_csv_module_is_left_as_it_was(tmp_path: Path) -> None:
    path, before = tmp_path / "log.csv", csv.field_size_limit()
    long = "x" * 300_000
    path.write_text(f'model,input_tokens,messages\ngpt-4o,10,"{long}, {long}"\n')
    assert total(read(path)).input_tokens == 10
    assert csv.field_size_limit() == before


def test_a_column_of_anything_but_models_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("model,input_tokens\n" + "".join(f"request-{n},1\n" for n in range(2_100)))
    with pytest.raises(FarthingError, match="holds none"):
        read(path)


def write_table(path: Path, rows: int, *, broken: bool) -> None:
    with path.open("w") as file:
        file.write("date,model,input_tokens,output_tokens,cost\n")
        for number in range(rows):
            tokens = "many" if broken else str(number % 900)
            file.write(f"2026-09-{number % 30 + 1:02d},model-{number % 5},{tokens},7,0.000{number % 10}\n")


def write_list(path: Path, rows: int, *, broken: bool) -> None:
    with path.open("w") as file:
        file.write('{"data": [\n')
        for number in range(rows):
            row = {"model": "gpt-4o", "spend": 0.1, "prompt_tokens": number % 900, "completion_tokens": 7}
            file.write(json.dumps(row)[: 30 if broken and number % 2 else None])
            file.write(",\n" if number < rows - 1 else "\n]}")


def peak_of(path: Path) -> int:
    tracemalloc.start()
    try:
        read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_two_hundred_thousand_rows_need_no_more_memory_than_two_thousand(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    write_table(small, 2_000, broken=False)
    write_table(large, 200_000, broken=False)
    read(small)
    few, many = peak_of(small), peak_of(large)
    assert large.stat().st_size > 6_000_000
    assert many < 4_000_000
    assert many < few + 3_000_000


def test_nor_does_a_json_list(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    write_list(path, 40_000, broken=False)
    assert path.stat().st_size > 3_000_000
    assert peak_of(path) < 4_000_000
    assert read(path).tally.rows == 40_000


def test_bad_rows_are_all_counted_and_kept_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT_BAD_ROWS >= 10_000
    monkeypatch.setattr("farthing.cli.work.exports.KEPT_BAD_ROWS", 50)
    broken, good = tmp_path / "broken.csv", tmp_path / "good.csv"
    write_table(broken, 300, broken=True)
    good.write_text(TEXT)
    found = read(broken, good)
    assert (found.bad_count, len(found.bad)) == (300, 50)
    assert [bad.line for bad in found.bad[:2]] == [2, 3]


def test_long_work_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.cli.work.exports._LONG_WORK", 1_000)
    path = tmp_path / "large.csv"
    write_table(path, 20_000, broken=False)
    read(path)
    told = capsys.readouterr()
    assert "read 1 MB" in told.err
    assert told.out == ""


rows = st.lists(
    st.tuples(
        st.integers(1, 28),
        st.sampled_from(["gpt-4o", "claude"]),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.lists(st.integers(0, 12), max_size=3))
def test_a_file_and_its_parts_have_the_same_sums(
    tmp_path: Path, found: list[tuple[int, str, int, int]], cuts: list[int]
) -> None:
    header = "date,model,input_tokens,output_tokens,cost\n"
    lines = [f"2026-09-{d:02d},{m},{i},{o},0.0{i % 9 + 1}\n" for d, m, i, o in found]
    whole = tmp_path / "whole.csv"
    whole.write_text(header + "".join(lines))
    edges = sorted({0, len(lines), *(min(cut, len(lines)) for cut in cuts)})
    parts: list[Path] = []
    for at, (start, end) in enumerate(pairwise(edges)):
        part = tmp_path / f"part-{at}.csv"
        part.write_text(header + "".join(lines[start:end]))
        parts.append(part)
    one, many = read(whole), read(*parts)
    assert many.tally.models() == one.tally.models()
    assert many.tally.period == one.tally.period
    assert many.tally.by_day() == one.tally.by_day()
