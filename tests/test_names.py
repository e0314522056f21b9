"""Names that no two things share, over processes and forks."""

import os

import pytest

from farthing.names import Names


def test_names_are_unique_and_say_what_they_name() -> None:
    names, others = Names(), Names()
    made = [names.new("call") for _ in range(500)] + [others.new("call") for _ in range(500)]
    assert len(set(made)) == 1000
    assert all(name.startswith("call_") for name in made)
    assert max(map(len, made)) <= 40  # the ledger's column


def test_a_forked_child_has_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    before = names.new("call")
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    after = names.new("call")
    assert before.partition("-")[0] != after.partition("-")[0]
