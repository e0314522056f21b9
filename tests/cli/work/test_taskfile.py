"""Lines of a file become tasks: lazily, exactly, and bad ones by number."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from farthing.cli.work.taskfile import Line, tasks_in


def read(*lines: bytes) -> tuple[list[Line], dict[int, str]]:
    bad: dict[int, str] = {}
    return list(tasks_in(lines, run_id="run-1", skip=bad.__setitem__)), bad


def test_money_stays_exact_and_a_models_options_are_numbers() -> None:
    (line,), bad = read(b'{"id": "a", "prompt": "x", "max_cost_usd": 0.1, "temperature": 0.5, "stop": ["."]}')
    assert bad == {}
    assert (line.number, line.id, line.task.run_id) == (1, "a", "run-1")
    assert line.task.max_cost_usd == Decimal("0.1")
    assert line.task.options == {"temperature": 0.5, "stop": ["."]}
    assert isinstance(line.task.options["temperature"], float)


def test_a_prompt_in_quotes_is_a_task() -> None:
    (line,), _ = read('"Grüße"\n'.encode())
    assert (line.task.description, line.id) == ("Grüße", None)


def test_each_bad_line_is_told_by_its_number() -> None:
    good, bad = read(
        b"[]", b"", b'"ok"', b"\xff", b'{"messages": 5}', b'{"limits": []}', b'{"prompt": ""}', b"7"
    )
    assert [line.number for line in good] == [3]
    assert {*bad} == {1, 4, 5, 6, 7, 8}
    assert "UTF-8" in bad[4]


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_line_of_bytes_stops_the_file(lines: list[bytes]) -> None:
    good, bad = read(*lines, b'"last"')
    assert good[-1].number == len(lines) + 1
    assert len(good) + len(bad) + sum(not line.strip() for line in lines) == len(lines) + 1


def test_a_file_is_read_only_as_far_as_it_is_worked_through() -> None:
    read_lines: list[int] = []

    def endless() -> Iterator[bytes]:
        for number, line in enumerate(repeat(b'"x"'), start=1):
            read_lines.append(number)
            yield line

    bad: dict[int, str] = {}
    tasks = tasks_in(endless(), run_id="run-1", skip=bad.__setitem__)
    assert [next(tasks).number for _ in range(3)] == [1, 2, 3]
    assert (read_lines, bad) == ([1, 2, 3], {})
