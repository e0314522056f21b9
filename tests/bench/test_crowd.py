"""The measurement of crowds, at a small size: all wait, all complete, and slow readers break nothing."""

import json
from pathlib import Path

import pytest

from farthing.bench import crowd, footprint, readers
from farthing.errors import FarthingError
from farthing.simulator.scenario import scenario_from


def test_a_small_crowd_waits_and_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "crowd.json"
    crowd.main(tasks=100, streams=40, seconds=0.5, json_path=path)
    values = {figure["name"]: figure["value"] for figure in json.loads(path.read_text())["figures"]}
    assert values["tasks that waited at once"] == values["tasks completed after the release"] == "100"
    assert values["streams that came whole"] == "40"
    assert values["streams with a stall or another failure"] == "0"
    assert "100 tasks at once" in capsys.readouterr().out


def test_each_task_is_an_agent_in_the_middle_of_its_work() -> None:
    task = crowd.waiting_task(7)
    assert (len(task.messages), len(task.tools)) == (crowd.MESSAGES, 1)
    assert task.messages != crowd.waiting_task(8).messages


def test_slow_readers_have_long_events() -> None:
    slow, quick = scenario_from(readers.scenario(2.0)).rules
    assert (slow.fault.events, quick.fault.events) == (20, 20)
    assert slow.fault.event_bytes > quick.fault.event_bytes


def test_too_few_descriptors_are_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def limit(_: int) -> tuple[int, int]:
        return 256, 4096

    monkeypatch.setattr("resource.getrlimit", limit)
    with pytest.raises(FarthingError, match=r"10,000 connections need 10,256 .* may have 4,096") as caught:
        footprint.raise_descriptors(10_000)
    assert "ulimit -Hn 10256" in str(caught.value.hint)


def test_the_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []

    def limit(_: int) -> tuple[int, int]:
        return 256, 20_000

    def note(_: int, limits: tuple[int, int]) -> None:
        raised.append(limits)

    monkeypatch.setattr("resource.getrlimit", limit)
    monkeypatch.setattr("resource.setrlimit", note)
    footprint.raise_descriptors(10_000)
    assert raised == [(20_000, 20_000)]
