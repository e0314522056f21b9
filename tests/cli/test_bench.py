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
