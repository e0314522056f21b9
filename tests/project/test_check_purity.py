"""The purity script follows imports through the package and knows the calls that need no import."""

import grimp
import pytest
from scripts.check_purity import Rules, impure_calls, impure_imports, pure_modules

RULES = Rules(
    doing=("farthing.clock", "farthing.pipeline"),
    effects=("time", "sqlalchemy"),
    calls=frozenset(("datetime.now", "open")),
    allowed=frozenset(("farthing.tables -> sqlalchemy",)),
)


def graph_of(*imports: tuple[str, str]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for name in sorted({name for pair in imports for name in pair}):
        graph.add_module(name, is_squashed="." not in name and name != "farthing")
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    return graph


def test_every_module_is_pure_but_those_that_a_name_covers() -> None:
    modules = {
        "time",
        "farthing",
        "farthing.routing.route",
        "farthing.pipelines",
        "farthing.pipeline",
        "farthing.clock.x",
    }
    assert pure_modules(modules, RULES) == ["farthing.pipelines", "farthing.routing.route"]


def test_a_direct_import_of_an_effect_is_found() -> None:
    graph = graph_of(("farthing.routing.route", "time"), ("farthing.pipeline", "time"))
    assert list(impure_imports(graph, RULES)) == ["farthing.routing.route is to be pure, but imports time"]


def test_an_effect_behind_other_modules_is_found() -> None:
    graph = graph_of(
        ("farthing.routing.route", "farthing"), ("farthing", "farthing.clock"), ("farthing.clock", "time")
    )
    assert list(impure_imports(graph, RULES)) == [
        "farthing.routing.route is to be pure, but imports farthing -> farthing.clock -> time"
    ]


def test_a_doing_module_is_not_imported_even_if_it_shows_no_effect() -> None:
    graph = graph_of(("farthing.routing.route", "farthing.pipeline"))
    assert list(impure_imports(graph, RULES)) == [
        "farthing.routing.route is to be pure, but imports farthing.pipeline, which does"
    ]


def test_an_allowed_pair_is_no_fault_but_its_other_effects_are() -> None:
    graph = graph_of(("farthing.tables", "sqlalchemy"), ("farthing.tables", "time"))
    assert list(impure_imports(graph, RULES)) == ["farthing.tables is to be pure, but imports time"]


@pytest.mark.parametrize("call", ["datetime.now(UTC)", "datetime.datetime.now()", "open('x')"])
def test_a_call_that_needs_no_import_is_found(call: str) -> None:
    (fault,) = impure_calls("farthing.routing.route", f"x = 1\ny = {call}\n", RULES)
    assert fault.startswith("farthing.routing.route:2 is to be pure, but calls ")


def test_a_call_that_only_looks_alike_passes() -> None:
    assert list(impure_calls("farthing.routing.route", "breaker.open()\nclock.now()\n", RULES)) == []
