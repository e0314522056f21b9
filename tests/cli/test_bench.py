"""The bench group hands its options on."""

from pathlib import Path

import pytest
from tests.cli.conftest import Command


def test_the_pipelines_measurement_gets_the_options(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}

    def measure(**options: object) -> None:
        given.update(options)

    monkeypatch.setattr("farthing.bench.pipeline.main", measure)
    assert farthing("bench", "pipeline", "--tasks", "9", "--json-path", "x.json").code == 0
    assert given == {"tasks": 9, "concurrency": 32, "repeats": 5, "json_path": Path("x.json")}


def test_the_ledgers_measurement_gets_the_options(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    def measure(**options: object) -> None:
        given.update(options)

    monkeypatch.setattr("farthing.bench.ledger.main", measure)
    assert farthing("bench", "ledger", "--calls", "200", "--postgresql", "postgresql+psycopg://x").code == 0
    assert given == {
        "calls": 200,
        "concurrency": 256,
        "repeats": 5,
        "postgresql": "postgresql+psycopg://x",
        "json_path": None,
    }


@pytest.mark.parametrize(
    ("command", "given", "more"),
    [
        (("chaos", "--tasks", "9", "--faults", "0.5"), {"tasks": 9, "faults": 0.5}, {"concurrency": 256}),
        (("crowd", "--streams", "3"), {"streams": 3}, {"tasks": 10_000, "agents": 10_000, "seconds": 30.0}),
        (("soak", "--minutes", "0.5"), {"minutes": 0.5}, {"concurrency": 32, "faults": 0.02}),
    ],
)
@pytest.mark.parametrize("met", [True, False])
def test_a_load_test_gets_its_options_and_fails_where_something_is_missed(
    farthing: Command,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    given: dict[str, object],
    more: dict[str, object],
    met: bool,
) -> None:
    got: dict[str, object] = {}

    def measure(**options: object) -> bool:
        got.update(options)
        return met

    monkeypatch.setattr(f"farthing.bench.{command[0]}.main", measure)
    assert farthing("bench", *command, "--seed", "4").code == (0 if met else 1)
    assert got == {"seed": 4, "json_path": None, **given, **more}
