"""No module escapes the import rules: each stands in exactly one layer, and every folder is a package."""

import ast
import tomllib
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
TOOLS = cast("dict[str, Any]", tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"])
CONTRACTS = cast("list[dict[str, Any]]", TOOLS["importlinter"]["contracts"])
LAYERS = [
    [name.strip(" ()\n") for name in line.replace("|", ":").split(":")]
    for line in cast("list[str]", CONTRACTS[0]["layers"])
]


def covers(name: str, module: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def modules() -> dict[str, Path]:
    """Every module of the package but the package itself, by dotted name."""
    files = (path for path in (SRC / "farthing").rglob("*.py") if path.parent.name != "versions")
    named = {
        ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }
    return {name: path for name, path in named.items() if name != "farthing"}


def test_every_folder_is_a_package_so_that_no_import_is_overlooked() -> None:
    folders = {path.parent for path in modules().values()}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_module_stands_in_exactly_one_layer() -> None:
    names = [name for line in LAYERS for name in line]
    wrong: dict[str, list[str]] = {}
    for module, path in modules().items():
        homes = [name for name in names if covers(name, module)]
        holds_layers = path.name == "__init__.py" and any(covers(module, name) for name in names)
        if len(homes) != 1 and not (holds_layers and not homes):
            wrong[module] = homes
    assert wrong == {}, "name these modules in [[tool.importlinter.contracts]] of pyproject.toml"


def test_a_folder_that_spans_layers_imports_nothing_itself() -> None:
    names = [name for line in LAYERS for name in line]
    spanning = {
        m: p for m, p in modules().items() if p.name == "__init__.py" and not any(covers(n, m) for n in names)
    }
    importing = [
        module
        for module, path in spanning.items()
        if any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert importing == []
