"""The bench group hands its options on."""

from pathlib import Path

import pytest
from tests.cli.conftest import Command


def test_the_pipelines_measurement_gets_the_options(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr("farthing.bench.pipeline.main", lambda **options: given.update(options))
    assert farthing("bench", "pipeline", "--tasks", "9", "--json-path", "x.json").code == 0
    assert given == {"tasks": 9, "concurrency": 32, "repeats": 5, "json_path": Path("x.json")}
