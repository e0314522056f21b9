"""Checks the sizes and names that the house keeps: files, functions, file names, no stubs.

A file has at most 400 lines. A function has at most 40, from `def` to its end, docstring not counted.
A file's name is a noun or a verb of the domain. Nothing in `src` is left to be done later.
Exceptions stand in ceilings.toml beside this file, and only ever go down.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "scripts", "examples")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
REFUSED_WORD = re.compile(
    "utils?|helpers?|common|core|base|managers?|handlers?|services?|engines?|misc|v2|new|enhanced|advanced|smart"
)
STUB_MARK = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
BODILESS = frozenset(("Protocol", "overload", "abstractmethod"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """Sizes allowed beyond the limits, by path (`files`) and by `path::qualified.name` (`functions`)."""

    files: Mapping[str, int]
    functions: Mapping[str, int]


def read_ceilings(path: Path) -> Ceilings:
    tables = cast("dict[str, dict[str, int]]", tomllib.loads(path.read_text()))
    return Ceilings(files=tables.get("files", {}), functions=tables.get("functions", {}))


def functions_of(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, Function, frozenset[str]]]:
    """Every function with its qualified name and the names of its class's bases and its decorators."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | Function):
            name = f"{owner}{node.name}"
            yield from functions_of(node, f"{name}.")
            if isinstance(node, Function):
                context = [*(tree.bases if isinstance(tree, ast.ClassDef) else ()), *node.decorator_list]
                names = (ast.unparse(one).split("[")[0].split(".")[-1] for one in context)
                yield name, node, frozenset(names)
        else:
            yield from functions_of(node, owner)


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring's."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def is_stub(function: Function) -> bool:
    """True when the body is only a docstring, if that, and an ellipsis."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return len(body) == 1 and isinstance(body[0], ast.Expr) and ast.unparse(body[0]) == "..."


def size_fault(what: str, size: int, *, limit: int, ceilings: Mapping[str, int]) -> str | None:
    """What is wrong with a size under a limit, or under the ceiling that stands in for the limit."""
    ceiling = ceilings.get(what)
    if ceiling is None:
        return f"{what} has {size} lines; the limit is {limit}: split it" if size > limit else None
    if size > ceiling:
        return f"{what} has {size} lines; its ceiling is {ceiling}, which never goes up: split it"
    if size <= limit:
        return f"{what} has {size} lines and needs no ceiling any more: remove it from ceilings.toml"
    if size < ceiling:
        return f"{what} has {size} lines; lower its ceiling from {ceiling} to {size}"
    return None


def name_fault(path: str) -> str | None:
    words = {word for part in Path(path).with_suffix("").parts for word in part.split("_")}
    refused = sorted(filter(REFUSED_WORD.fullmatch, words))
    return (
        f"{path}: {', '.join(refused)} says nothing; name the file for what it decides or does"
        if refused
        else None
    )


def file_faults(path: str, text: str, ceilings: Ceilings) -> Iterator[str]:
    """One line for each fault of one Python file; `path` is relative to the root, with slashes."""
    if fault := name_fault(path):
        yield fault
    if fault := size_fault(path, len(text.splitlines()), limit=MAX_FILE_LINES, ceilings=ceilings.files):
        yield fault
    in_src = path.startswith("src/")
    for name, function, context in functions_of(ast.parse(text)):
        what = f"{path}::{name}"
        if fault := size_fault(what, length(function), limit=MAX_FUNCTION_LINES, ceilings=ceilings.functions):
            yield fault
        if in_src and is_stub(function) and not context & BODILESS:
            yield f"{what} has no body: write it or leave it out"
    if in_src:
        for number, line in enumerate(text.splitlines(), start=1):
            if mark := STUB_MARK.search(line):
                yield f"{path}:{number} is marked {mark.group()}: do it, or say in an issue that it is absent"


def lost_ceilings(ceilings: Ceilings, files: Iterable[str]) -> Iterator[str]:
    """Ceilings whose file is gone. One whose function is gone is as harmless as it is rare."""
    known = set(files)
    for what in (*ceilings.files, *ceilings.functions):
        if what.split("::", maxsplit=1)[0] not in known:
            yield f"{what} is gone: remove it from ceilings.toml"


def main() -> int:
    ceilings = read_ceilings(ROOT / "scripts" / "ceilings.toml")
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    files = {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}
    faults = [fault for path, text in files.items() for fault in file_faults(path, text, ceilings)]
    faults.extend(lost_ceilings(ceilings, files))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"ceilings: {len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
