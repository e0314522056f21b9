"""The workloads are frozen: each digest is held, and what a workload says of itself is so."""

from itertools import pairwise

import msgspec
import pytest

from farthing.bench.workloads import WORKLOADS, Work, digest_of, shares_of
from farthing.bench.workloads.work import prompt_of

FROZEN = {
    ("agents", 1): "e76ea9ae762780a6fd908ca7e5b32010c07a197b80de4adf45a28beb9785aa2f",
    ("questions", 1): "85c8a0fd0d9d0a4167e900cce5c90697ddd992469b29522c76f528c8e809fecb",
    ("no-repeat", 1): "b60d7fe17061f7e2fd085a29845b682318959af710518380c2eb50ce22d7d328",
    ("coding", 1): "6b163373fca3c21ce751e46dbf5c6833753a10cb746a2d67290b79466e32ff4b",
    ("extraction", 1): "4066ac0d5518339e4ded145ccb5a7e784376d3c8a6e97c7938d52dec9bb1e78e",
    ("verbose", 1): "fa9ac0d1f31e429d5cbbc9f054888828bf2c6a3a09f9f4a0cb9efa7b1f84416c",
    ("deferrable", 1): "0f211197c1892d70d1cceb5f106693af11b5240350db4a796d8843a9904d5102",
}
"""By name and version. A change of a workload is a new version and a new digest, and makes figures anew."""


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_changes_only_with_its_version(name: str) -> None:
    workload = WORKLOADS[name]
    assert FROZEN[name, workload.version] == digest_of(workload.works())


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_seed_draws_the_same_and_another_does_not(name: str) -> None:
    workload = WORKLOADS[name]
    assert digest_of(workload.works(32)) == digest_of(workload.works(32))
    assert digest_of(workload.works(32)) != digest_of(workload.works(32, seed=2))


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_must_be_sent_is_in_the_task_and_names_are_its_own(name: str) -> None:
    works = WORKLOADS[name].works()
    missing = [(work.unit, text) for work in works for text in work.expects.sent if text not in _whole(work)]
    assert missing == []
    assert all(work.expects.sent or work.answer.startswith("q") for work in works if not work.expects.calls)


def test_only_the_questions_repeat() -> None:
    shares = {name: shares_of(workload.works()) for name, workload in WORKLOADS.items()}
    assert {name for name, share in shares.items() if share["new"] < 1} == {"questions"}
    asked = shares["questions"]
    assert 0.40 < asked["exact"] < 0.50
    assert 0.05 < asked["paraphrased"] < 0.12


def test_a_lookalike_and_its_question_differ_in_their_answer() -> None:
    works = WORKLOADS["questions"].works()
    answers: dict[str, set[str]] = {}
    for work in works:
        answers.setdefault(prompt_of(work), set()).add(work.answer)
    assert all(len(found) == 1 for found in answers.values())
    kinds = {work.answer for work in works}
    assert sum(f"{kind}-not" in kinds for kind in kinds) >= 10


def test_a_session_grows_and_asks_for_what_was_told_before() -> None:
    works = [work for work in WORKLOADS["agents"].works() if work.unit == "session-0"]
    texts = [[message.text for message in work.task.messages] for work in works]
    assert all(later[: len(first)] == first for first, later in pairwise(texts))
    asked = [work for work in works if work.expects.calls and work.expects.sent]
    assert len(asked) == 6
    for work in asked:
        assert all(fact not in work.task.messages[-1].text for fact in work.expects.sent)


def test_deadlines_are_hours_away() -> None:
    works = WORKLOADS["deferrable"].works()
    assert all(6 * 3600 <= (work.deadline_s or 0) <= 26 * 3600 for work in works)


def test_a_schema_is_expected_of_what_is_extracted() -> None:
    for work in WORKLOADS["extraction"].works():
        asked = (work.task.response_format or {}).get("json_schema")
        assert isinstance(asked, dict)
        assert asked["schema"] == work.expects.schema


def _whole(work: Work) -> str:
    return "\n".join([prompt_of(work), msgspec.json.encode(work.task.tools).decode()])
