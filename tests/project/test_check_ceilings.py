"""The ceilings script finds what the house refuses, and nothing else."""

import ast
from pathlib import Path

import pytest
from scripts.check_ceilings import Ceilings, file_faults, functions_of, length, lost_ceilings, read_ceilings

NONE = Ceilings(files={}, functions={})


def faults(text: str, path: str = "src/farthing/route.py", ceilings: Ceilings = NONE) -> list[str]:
    return list(file_faults(path, text, ceilings))


def function_of(lines: int, docstring: str = "") -> str:
    body = [f"    x{number} = {number}" for number in range(lines - 1)]
    return (
        "\n".join(["def decide() -> None:", *([f'    """{docstring}"""'] if docstring else []), *body]) + "\n"
    )


def test_a_file_and_a_function_at_the_limit_pass() -> None:
    assert faults("\n" * 400) == []
    assert faults(function_of(40)) == []


def test_one_line_more_is_a_fault_that_names_the_place() -> None:
    assert faults("\n" * 401) == ["src/farthing/route.py has 401 lines; the limit is 400: split it"]
    assert faults(function_of(41)) == [
        "src/farthing/route.py::decide has 41 lines; the limit is 40: split it"
    ]


def test_a_docstring_and_decorators_do_not_count() -> None:
    text = "@first\n@second\n" + function_of(40, docstring="One.\n\n    Two.\n    Three.\n    ")
    assert faults(text) == []
    assert [length(function) for _, function, _ in functions_of(ast.parse(text))] == [40]


def test_a_method_and_a_nested_function_are_found_by_their_qualified_name() -> None:
    text = "class Route:\n    async def plan(self):\n        def inner():\n            return 1\n"
    assert sorted(name for name, _, _ in functions_of(ast.parse(text))) == ["Route.plan", "Route.plan.inner"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (420, None),
        (421, "its ceiling is 420, which never goes up"),
        (419, "lower its ceiling from 420 to 419"),
        (400, "needs no ceiling any more"),
    ],
)
def test_a_ceiling_only_goes_down(size: int, expected: str | None) -> None:
    ceilings = Ceilings(files={"src/farthing/route.py": 420}, functions={})
    found = faults("\n" * size, ceilings=ceilings)
    assert found == [] if expected is None else len(found) == 1 and expected in found[0]


def test_a_ceiling_of_a_file_that_is_gone_is_a_fault() -> None:
    ceilings = Ceilings(files={"src/a.py": 420}, functions={"src/b.py::decide": 41})
    assert list(lost_ceilings(ceilings, ["src/b.py"])) == ["src/a.py is gone: remove it from ceilings.toml"]


@pytest.mark.parametrize(
    "name", ["utils.py", "http_utils.py", "core/money.py", "error_handler.py", "new_route.py"]
)
def test_a_name_that_says_nothing_is_refused(name: str) -> None:
    assert "says nothing" in faults("", path=f"src/farthing/{name}")[0]


@pytest.mark.parametrize("name", ["baseline.py", "renew.py", "corelation.py", "route.py"])
def test_a_name_that_only_contains_a_refused_word_passes(name: str) -> None:
    assert faults("", path=f"src/farthing/{name}") == []


@pytest.mark.parametrize("line", ["x = 1  # TODO: more", "# FIXME", "raise NotImplementedError"])
def test_what_is_left_for_later_is_refused_in_src_only(line: str) -> None:
    assert "src/farthing/route.py:1 is marked" in faults(line)[0]
    assert faults(line, path="tests/routing/test_route.py") == []


def test_a_function_without_a_body_is_refused() -> None:
    assert "has no body" in faults('def decide() -> int:\n    """Promise."""\n    ...\n')[0]


@pytest.mark.parametrize(
    "text",
    [
        "class Transport(Protocol):\n    def send(self) -> None: ...\n",
        "class Box(Protocol[T]):\n    async def send(self) -> None: ...\n",
        "@typing.overload\ndef read(text: str) -> str: ...\n",
    ],
)
def test_a_protocol_and_an_overload_need_no_body(text: str) -> None:
    assert faults(text) == []


def test_ceilings_are_read_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "ceilings.toml"
    file.write_text('[files]\n"a.py" = 410\n[functions]\n"a.py::f" = 44\n')
    assert read_ceilings(file) == Ceilings(files={"a.py": 410}, functions={"a.py::f": 44})
