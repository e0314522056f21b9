"""A rewrite's life: proposed once, measured, reviewed by a person, used; refused where it loses something."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command, received

from farthing.prompt.rewritefile import rewrite_book
from farthing.simulator.process import SimulatorProcess
from farthing.task import Message

TEMPLATE = """\
Please read this text with great care, and kindly think about it for a while.
Say in one sentence what {name} wants.
Do it really well, as that helps us all.

{text}
"""
SHORT = "In one sentence: what does {name} want?\n\n{text}\n"
SAMPLES = [
    {"values": {"name": "Ann", "text": "Ann wants tea."}, "check": {"regex": "."}},
    {"values": {"name": "Bob", "text": "Bob wants out."}, "check": {"exact": "no such answer"}},
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ask.txt").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "short.txt").write_text(SHORT, encoding="utf-8")
    (tmp_path / "samples.jsonl").write_text("\n".join(map(json.dumps, SAMPLES)), encoding="utf-8")
    return tmp_path


def listed(farthing: Command) -> dict[str, Any]:
    (one,) = farthing("rewrites", "list", "--json").json
    return one


def test_a_model_is_asked_once_and_a_person_decides(
    farthing: Command, simulator: SimulatorProcess, place: Path
) -> None:
    said = farthing("rewrites", "propose", "ask.txt", "--json")
    assert said.code == 0
    made = said.json
    assert (made["id"], made["status"], made["simulated"], made["in_force"]) == (
        "ask",
        "proposed",
        True,
        False,
    )
    assert made["tokens_after"] < made["tokens_before"]
    assert Decimal(made["cost"]) > 0
    (request,) = received(simulator)
    assert request["response_format"] == "json_schema"
    rows = farthing("report", "--simulated", "--by", "purpose", "--json").json["group"]
    assert (list(rows), Decimal(rows["rewrite"]["cost"])) == (["rewrite"], Decimal(made["cost"]))

    measured = farthing("rewrites", "measure", "ask", "--samples", "samples.jsonl", "--json").json["trial"]
    assert (measured["inputs"], measured["checks"], measured["simulated"]) == (2, 2, True)
    assert (measured["passed_before"], measured["passed_after"]) == (1, 1)
    assert measured["input_tokens_after"] < measured["input_tokens_before"]
    assert len(received(simulator)) == 5

    assert farthing("rewrites", "approve", "ask", "--by", "ada", "--note", "read it").code == 0
    one = listed(farthing)
    assert (one["in_force"], one["review"]["by"], one["review"]["note"]) == (True, "ada", "read it")
    assert one["state"] == "approved, used where a message matches"
    filled = TEMPLATE.removesuffix("\n").replace("{name}", "Ann").replace("{text}", "Ann wants tea.")
    found = rewrite_book("rewrites.json").find(Message(role="user", content=filled))
    assert found is not None
    assert len(found.text) < len(filled)


def test_the_cap_holds_for_all_calls_together(
    farthing: Command, simulator: SimulatorProcess, place: Path
) -> None:
    assert farthing("rewrites", "propose", "ask.txt", "--max-cost", "0.000001").code == 4
    assert not (place / "rewrites.json").exists()
    assert farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt").code == 0
    said = farthing("rewrites", "measure", "ask", "--samples", "samples.jsonl", "--max-cost", "0.000001")
    assert said.code == 4
    assert listed(farthing)["trial"] is None
    assert received(simulator) == []


def test_one_written_by_hand_needs_no_model_and_no_key(farthing: Command, place: Path) -> None:
    said = farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt", "--by", "ada", "--id", "wish")
    assert said.code == 0
    one = listed(farthing)
    assert (one["id"], one["proposed_by"], one["source"]) == ("wish", "ada", "ask.txt")
    shown = farthing("rewrites", "show", "wish")
    assert "+In one sentence: what does {name} want?" in shown.out
    assert "none found" in shown.out
    assert "wish" in farthing("rewrites", "list").out


def test_one_that_loses_something_is_not_kept(farthing: Command, place: Path) -> None:
    (place / "short.txt").write_text("What does {name} want?", encoding="utf-8")
    said = farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    assert said.code == 2
    assert "{text} stands in it 0 times" in said.err
    assert "'one sentence' is missing" in said.err
    assert not (place / "rewrites.json").exists()


def test_a_changed_template_or_rewrite_is_told_and_not_used(farthing: Command, place: Path) -> None:
    farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    farthing("rewrites", "approve", "ask", "--by", "ada")
    (place / "ask.txt").write_text(TEMPLATE + "More.", encoding="utf-8")
    assert listed(farthing)["state"] == "approved; ask.txt has changed, so its messages match no more"
    (place / "ask.txt").unlink()
    assert "is gone" in listed(farthing)["state"]
    path = place / "rewrites.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace("In one sentence", "One sentence"), encoding="utf-8"
    )
    one = listed(farthing)
    assert (one["in_force"], one["state"]) == (False, "not used: changed since it was approved")
    assert rewrite_book(str(path)).count == 0


def test_an_approved_one_is_not_written_over_and_a_rejected_one_is_not_used(
    farthing: Command, place: Path
) -> None:
    propose = ("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    farthing(*propose)
    farthing("rewrites", "approve", "ask", "--by", "ada")
    assert (farthing(*propose).code, listed(farthing)["status"]) == (2, "approved")
    farthing(*propose, "--id", "two")
    said = farthing("rewrites", "approve", "two", "--by", "ada")
    assert (said.code, "approved for the same template" in said.err) == (2, True)
    farthing("rewrites", "reject", "ask", "--by", "ada", "--note", "worse")
    assert farthing("rewrites", "approve", "two", "--by", "ada").code == 0
    states = {one["id"]: one["state"] for one in farthing("rewrites", "list", "--json").json}
    assert states == {"ask": "rejected", "two": "approved, used where a message matches"}


def test_fewer_passed_checks_need_a_word(farthing: Command, place: Path) -> None:
    farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    path = place / "rewrites.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    sums = {f"{name}_{side}": 1 for name in ("input_tokens", "output_tokens") for side in ("before", "after")}
    trial = {
        "at": "2026-11-28T00:00:00Z",
        "inputs": 2,
        "models": ["m"],
        "cost_before": "1",
        "cost_after": "1",
    }
    content["rewrites"][0]["trial"] = {**trial, **sums, "checks": 2, "passed_before": 2, "passed_after": 1}
    path.write_text(json.dumps(content), encoding="utf-8")
    said = farthing("rewrites", "approve", "ask", "--by", "ada")
    assert (said.code, "passed 1 of 2 checks, its template 2" in said.err) == (2, True)
    assert farthing("rewrites", "approve", "ask", "--by", "ada", "--anyway").code == 0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1 is not JSON"),
        ("3", "line 1 is no object"),
        ('{"values": {"name": "x"}}', "line 1 has no value for text"),
        ('{"value": {}}', "line 1 has 'value'"),
        ("", "has no sample"),
    ],
)
def test_faulty_samples_are_refused(farthing: Command, place: Path, line: str, problem: str) -> None:
    farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    (place / "samples.jsonl").write_text(line, encoding="utf-8")
    said = farthing("rewrites", "measure", "ask", "--samples", "samples.jsonl")
    assert (said.code, problem in said.err) == (2, True)
    said = farthing("rewrites", "measure", "ask")
    assert (said.code, "needs values for name, text" in said.err) == (2, True)


def test_an_unknown_id_names_the_known(farthing: Command, place: Path) -> None:
    farthing("rewrites", "propose", "ask.txt", "--rewrite", "short.txt")
    said = farthing("rewrites", "show", "aks")
    assert (said.code, "there are ask" in said.err) == (2, True)
