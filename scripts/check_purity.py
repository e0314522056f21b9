"""Checks that deciding modules reach no I/O, clock, randomness or environment.

Reads `[tool.farthing.purity]` of pyproject.toml. Imports are followed through the whole package, so a
pure module may not lean on an impure one; calls such as `datetime.now` are looked up in its source.
"""

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grimp

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may do, and what the rest may not touch. Names of modules are dotted."""

    doing: tuple[str, ...]
    effects: tuple[str, ...]
    calls: frozenset[str]
    allowed: frozenset[str]


def rules_from(pyproject: str) -> Rules:
    table = cast(dict[str, list[str]], tomllib.loads(pyproject)["tool"]["farthing"]["purity"])
    return Rules(
        doing=tuple(table["doing"]),
        effects=tuple(table["effects"]),
        calls=frozenset(table["calls"]),
        allowed=frozenset(table["allowed"]),
    )


def pure_modules(modules: Iterable[str], rules: Rules) -> list[str]:
    """The modules below the package that no name in `rules.doing` covers."""
    own = (module for module in modules if module.startswith("farthing."))
    return sorted(m for m in own if not any(m == name or m.startswith(f"{name}.") for name in rules.doing))


def impure_imports(graph: grimp.ImportGraph, rules: Rules) -> Iterator[str]:
    """One line for each effect that a pure module reaches, and for each doing module that it imports."""
    effects = [effect for effect in rules.effects if effect in graph.modules]
    for importer, imported in (pair.split(" -> ") for pair in rules.allowed):
        known = {importer, imported} <= graph.modules
        if known and graph.direct_import_exists(importer=importer, imported=imported):
            graph.remove_import(importer=importer, imported=imported)
    pure = pure_modules(graph.modules, rules)
    for module in pure:
        for effect in effects:
            if chain := graph.find_shortest_chain(importer=module, imported=effect):
                yield f"{module} is to be pure, but imports {' -> '.join(chain[1:])}"
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if imported.startswith("farthing.") and imported not in pure:
                yield f"{module} is to be pure, but imports {imported}, which does"


def impure_calls(module: str, source: str, rules: Rules) -> Iterator[str]:
    """One line for each call in `source` that reaches a clock, a file or the terminal."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ".".join(ast.unparse(node.func).split(".")[-2:])
            if name in rules.calls:
                yield f"{module}:{node.lineno} is to be pure, but calls {name}(); pass its value in"


def source_of(module: str, src: Path) -> str:
    path = src.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text()


def main() -> int:
    rules = rules_from((ROOT / "pyproject.toml").read_text())
    graph = grimp.build_graph("farthing", include_external_packages=True, cache_dir=None)
    modules = pure_modules(graph.modules, rules)
    faults = list(impure_imports(graph, rules))
    for module in modules:
        faults.extend(impure_calls(module, source_of(module, ROOT / "src"), rules))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"purity: {len(modules)} deciding modules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
