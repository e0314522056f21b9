"""The measurement of chaos, at a small size: all tasks end, the books agree, and what is missed shows."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from farthing.bench import chaos, mix
from farthing.bench.chaos import Run, Tally
from farthing.bench.figures import missed
from farthing.bench.law import Accord
from farthing.simulator.scenario import KINDS, scenario_from

SOUND = Accord(
    calls=130,
    accepted=100,
    bill=1_000,
    settled=900,
    uncertain=200,
    held=0,
    idless=1,
    billed_without_id=1,
    unbilled=0,
    faults=(),
)


def run(*, tally: Tally, accord: Accord = SOUND) -> Run:
    return Run(tally=tally, accord=accord, took_s=1.0, requests=130, faulted=39, met={"cut": 39})


def tally(*, succeeded: int = 100, hung: int = 0, failed: int = 0, overdue_s: float = -1.0) -> Tally:
    return Tally(
        succeeded=succeeded,
        hung=hung,
        failed=Counter({"a reason": failed}),
        overdue_s=overdue_s,
        seconds=[0.1],
    )


def test_a_small_run_has_an_outcome_for_every_task_and_equal_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A bill that there is none of is asked for half a minute otherwise.
    monkeypatch.setattr("farthing.upstream.bill.BILL_DELAYS_S", (0.1, 0.2, 0.4))
    path = tmp_path / "out" / "chaos.json"
    chaos.main(tasks=150, concurrency=75, seed=3, json_path=path)
    written = json.loads(path.read_text())
    found = {figure["name"]: figure for figure in written["figures"]}
    assert {name for name in found if found[name]["met"] is False} <= {
        "succeeded, of those with a healthy candidate",  # one of so few is too many
        "cost overhead against no faults",
        "latest end, from its deadline, s",
    }
    assert found["the law of money, both runs"]["value"] == "holds, row by row"
    assert found["tasks lost"]["value"] == found["tasks hung"]["value"] == "0"
    assert sum(written["workload"]["met"].values()) > 20
    said = capsys.readouterr().out
    assert "A healthy candidate existed" in said
    assert "faults that the requests met" in said


def test_what_is_committed_is_met_or_missed() -> None:
    sound = run(tally=tally())
    assert missed(chaos.figures_of(sound, sound, 100)) == ()
    wrong = {
        "tasks lost": run(tally=tally(succeeded=99)),
        "tasks hung": run(tally=tally(succeeded=99, hung=1)),
        "succeeded, of those with a healthy candidate": run(tally=tally(succeeded=99, failed=1)),
        "latest end, from its deadline, s": run(tally=tally(overdue_s=1.5)),
        "results without an accepted call in the ledger": run(
            tally=tally(), accord=replace(SOUND, accepted=99)
        ),
        "cost overhead against no faults": run(tally=tally(), accord=replace(SOUND, bill=1_151)),
        "the law of money, both runs": run(tally=tally(), accord=replace(SOUND, faults=("it is held",))),
    }
    for name, found in wrong.items():
        assert name in missed(chaos.figures_of(sound, found, 100))


def test_a_hurried_task_counts_for_its_deadline_only() -> None:
    counted = Tally()
    counted.note(0, chaos.HURRIED_S + 0.2, None, "too late")
    counted.note(1, 0.2, None, "a fault")
    assert (counted.hurried, counted.failed, counted.ended) == (1, Counter({"a fault": 1}), 2)
    assert counted.overdue_s == pytest.approx(0.2)


def test_every_fault_kind_is_in_the_mix_or_left_out_by_name() -> None:
    scenario = scenario_from(mix.scenario(0.3, leaving="acme/plain"))
    drawn = {fault.kind for fault in scenario.random_faults}
    ruled = {rule.fault.kind for rule in scenario.rules}
    assert drawn | ruled | mix.ACCOUNT | mix.APART == set(KINDS)
    assert ruled == mix.LASTING
    assert drawn.isdisjoint(mix.ACCOUNT | mix.LASTING | mix.APART)
