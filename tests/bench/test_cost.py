"""The measurement of the levers at a small size: its books agree, and a lever that is not here is told so."""

import asyncio
import json
from pathlib import Path
from typing import cast

import msgspec
import pytest
from typer.testing import CliRunner

from farthing.bench import cost
from farthing.bench.saving import compare, herd, levers, tables
from farthing.bench.saving.bootstrap import Saved
from farthing.bench.saving.compare import Row
from farthing.bench.saving.judge import Judged
from farthing.bench.saving.levers import LEVERS, Claim, Lever
from farthing.cli.main import app
from farthing.errors import FarthingError
from farthing.simulator.process import SimulatorProcess

CLAIM = Claim(least=20, most=40, of="cost", words="20–40 %")


def written(path: Path) -> dict[str, list[dict[str, object]]]:
    return cast("dict[str, list[dict[str, object]]]", json.loads(path.read_text()))


def test_prompt_caching_saves_dollars_and_no_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cost.json"
    met = cost.main(tasks=32, workloads=["agents"], levers=["prompt caching"], json_path=path)
    row = written(path)["rows"][0]
    assert met
    assert row["status"] == "measured"
    assert row["law"] == []
    off, on = (cast("dict[str, int]", row[side]) for side in ("off", "on"))
    assert off["input_tokens"] == on["input_tokens"] > 0
    assert on["cost"] < off["cost"] < off["baseline"]
    assert on["cached_tokens"] > 0 == off["cached_tokens"]
    judged = cast("dict[str, int]", row["judged_on"])
    assert judged["passed"] == judged["checked"] == 32
    printed = capsys.readouterr().out
    assert "Simulated" in printed
    assert "agents 1: 32 tasks" in printed


def test_the_same_seed_measures_the_same(tmp_path: Path) -> None:
    for name in ("first", "second"):
        path = tmp_path / f"{name}.json"
        cost.main(tasks=16, workloads=["verbose"], levers=["max_tokens 80"], json_path=path)
    first, second = (written(tmp_path / f"{name}.json")["rows"] for name in ("first", "second"))
    assert first == second
    assert cast("dict[str, int]", first[0]["judged_on"])["cut"] > 0


def test_a_lever_without_effect_is_told_as_such_and_not_as_nothing_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`quality.enabled` stands for a setting that is accepted and not acted on."""
    inert = Lever(name="judges", on={"quality.enabled": True}, inert=("quality.enabled",), claim=CLAIM)
    same = Lever(name="larger limit", on={"budget.monthlyLimit": 2_000_000})
    monkeypatch.setattr("farthing.bench.cost.LEVERS", (*LEVERS, inert, same))
    path = tmp_path / "cost.json"
    cost.main(tasks=16, workloads=["no-repeat"], levers=["judges", "larger limit"], json_path=path)
    told, nothing = written(path)["rows"]
    assert (told["status"], told["cost"]) == (compare.NOT_HERE, None)
    assert "quality.enabled" in str(told["why"])
    assert nothing["status"] == compare.NOTHING
    printed = capsys.readouterr().out
    assert "not here yet: judges" in printed
    assert "changed nothing: larger limit" in printed


def test_every_lever_names_settings_that_a_configuration_knows() -> None:
    for lever in LEVERS:
        levers.missing_of(lever)  # raises ConfigError for a setting that is unknown
        assert lever.against
    assert len({lever.name for lever in LEVERS}) == len(LEVERS)


def test_several_workloads_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    cost.main(tasks=16, workloads=["no-repeat", "coding"], levers=["mapped, not Llama alone"], json_path=path)
    first, second, joined = written(path)["rows"]
    assert joined["workload"] == compare.ALL
    for side in ("off", "on"):
        parts = [cast("dict[str, int]", row[side])["cost"] for row in (first, second, joined)]
        assert parts[0] + parts[1] == parts[2]
    assert joined["units"] == 32


def test_the_command_prints_json_and_nothing_else() -> None:
    few = ["--tasks", "16", "--workload", "extraction", "--lever", "max_tokens 80"]
    result = CliRunner().invoke(app, ["bench", "cost", "--json", *few])
    whole = json.loads(result.stdout)
    assert whole["simulated"] is True
    assert whole["machine"]["cores"] >= 1
    assert whole["workloads"][0]["version"] == 1
    assert whole["rows"][0]["judged_on"]["tasks"] == 16


@pytest.mark.parametrize(("workload", "lever"), [("question", "exact cache"), ("questions", "exact cash")])
def test_an_unknown_name_is_refused_with_the_nearest(workload: str, lever: str) -> None:
    with pytest.raises(FarthingError, match=r"nearest is '(questions|exact cache)'"):
        cost.main(workloads=[workload], levers=[lever])


def judged(**counts: int) -> Judged:
    plain = {"tasks": 100, "hits": 0, "false_hits": 0, "checked": 100, "passed": 100, "cut": 0, "failed": 0}
    return Judged(**{**plain, **counts}, reasons=())


def row(name: str = "lever", *, percent: float = 30.0, least: float | None = None, **more: object) -> Row:
    saved = Saved(percent=percent, least=least, most=None if least is None else percent + 5)
    plain = Row(lever=name, workload="coding", status=compare.MEASURED, against="", cost=saved)
    return msgspec.structs.replace(plain, **{"judged_off": judged(), "judged_on": judged(), **more})


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (row(percent=30, least=25), "reached"),
        (row(percent=22, least=18), "not surely"),
        (row(percent=12, least=8), "not reached"),
        (row(percent=30), "reached"),
        (row(percent=30, least=25, judged_on=judged(cut=7)), "reached, 7 cut"),
        (row(status=compare.NOT_HERE, cost=None), compare.NOT_HERE),
        (row(status=compare.NOTHING, percent=0), compare.NOTHING),
    ],
)
def test_a_range_is_reached_by_the_lower_end_of_the_interval(found: Row, verdict: str) -> None:
    assert tables.verdict_of(found, CLAIM) == verdict


def test_the_row_without_repetition_always_stands_beside_the_best() -> None:
    rows = [
        row(percent=10, workload="coding"),
        row(percent=48, workload="questions"),
        row(percent=0, workload=tables.NO_REPEAT),
        row(percent=20, workload=compare.ALL),
    ]
    assert [one.workload for one in tables.telling(rows, CLAIM)] == ["questions", "no-repeat", compare.ALL]


@pytest.mark.parametrize(
    ("counts", "harms", "missed"),
    [
        ({}, False, 0),
        ({"false_hits": 1}, False, 1),
        ({"passed": 97}, False, 1),
        ({"passed": 98}, False, 0),
        ({"failed": 1, "passed": 99}, False, 1),
        ({"failed": 9, "passed": 50}, True, 0),
    ],
)
def test_harm_beyond_what_is_committed_is_missed(counts: dict[str, int], harms: bool, missed: int) -> None:
    lever = Lever(name="lever", on={}, harms=harms)
    found = cost.missed_of([row(judged_on=judged(**counts))], [lever], None)
    assert len(found) == missed


def test_a_broken_law_is_missed_even_of_a_lever_that_harms() -> None:
    lever = Lever(name="lever", on={}, harms=True)
    assert cost.missed_of([row(law=("money is still held",))], [lever], None)


def test_a_hundred_equal_requests_of_several_processes_are_one_call(tmp_path: Path) -> None:
    """Ten of two here; `farthing bench cost` asks a hundred of four."""

    async def ask() -> herd.Herd:
        async with SimulatorProcess(time_scale=0.0, book=cost.BOOK) as simulator:
            return await herd.gathered(simulator, tmp_path, requests=10, processes=2)

    found = asyncio.run(ask())
    assert (found.upstream_calls, found.answered, found.texts) == (1, 10, 1)
    assert (found.errors, found.law) == ((), ())


def test_what_is_measured_in_part_says_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`quality.enabled` stands for the part that is not acted on."""
    most = Lever(name="most", on={"quality.enabled": True}, inert=("quality.enabled",), partly=True)
    monkeypatch.setattr("farthing.bench.cost.LEVERS", (*LEVERS, most))
    path = tmp_path / "cost.json"
    cost.main(tasks=16, workloads=["no-repeat"], levers=["most"], json_path=path)
    assert written(path)["rows"][0]["status"] == compare.NOTHING
    assert "quality.enabled" in str(written(path)["rows"][0]["why"])
