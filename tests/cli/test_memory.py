"""`farthing memory` as a person uses it, on a ledger that is there."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Command, Said

from farthing.storage.database import Database, sqlite_url

NOTES = "shared:notes"


@pytest.fixture
def memory(farthing: Command, tmp_path: Path) -> Command:
    """`farthing memory` on a ledger of its own."""
    url = sqlite_url(tmp_path / "ledger.db")
    Database(url).close()

    def call(*arguments: str, stdin: str = "") -> Said:
        return farthing("memory", *arguments, "--database", url, stdin=stdin)

    return call


def test_a_value_is_put_read_listed_found_and_forgotten(memory: Command) -> None:
    assert "plan is kept as version 1" in memory("put", NOTES, "plan", '{"step": "read the invoices"}').err
    assert memory("put", NOTES, "motto", "a penny saved", "--ttl", "3600", "--json").json == {
        "key": "motto",
        "version": 2,
    }
    assert memory("get", NOTES, "plan").out == '{"step": "read the invoices"}\n'
    entry = memory("get", NOTES, "motto", "--json").json
    assert (entry["value"], entry["version"], entry["changed_by"]) == ("a penny saved", 2, "farthing memory")
    assert entry["expires_at"] > entry["changed_at"]
    shown = memory("list", NOTES).out
    assert "motto" in shown
    assert "read the invoices" in shown
    assert [one["key"] for one in memory("list", NOTES, "--prefix", "p", "--json").json] == ["plan"]
    assert [one["key"] for one in memory("list", NOTES, "--limit", "1", "--json").json] == ["motto"]
    (found,) = memory("search", NOTES, "invoices", "--json").json
    assert (found["key"], found["snippet"]) == ("plan", "step read the invoices")
    assert "plan" in memory("search", NOTES, "invoices").out
    assert "1 entry forgotten" in memory("delete", NOTES, "plan").err
    missing = memory("get", NOTES, "plan")
    assert (missing.code, "nothing is kept under 'plan'" in missing.err) == (1, True)
    assert memory("delete", NOTES, "plan").code == 1


def test_namespaces_and_tenants_are_listed_apart(memory: Command) -> None:
    assert "nothing is remembered" in memory("list").err
    memory("put", NOTES, "a", "1")
    memory("put", NOTES, "a", "2", "--key", "acme")
    assert memory("get", NOTES, "a", "--key", "acme").out == "2\n"
    assert memory("list", "--json").json == [
        {"namespace": NOTES, "key": None, "entries": 1},
        {"namespace": NOTES, "key": "acme", "entries": 1},
    ]
    assert [one["key"] for one in memory("list", "--key", "acme", "--json").json] == ["acme"]
    assert "acme" in memory("list").out


def test_a_value_goes_only_over_the_version_that_is_meant(memory: Command) -> None:
    assert memory("put", NOTES, "a", "1", "--version", "0").code == 0
    refused = memory("put", NOTES, "a", "2", "--version", "0")
    assert (refused.code, "'a' has version 1, not 0" in refused.err) == (1, True)
    assert memory("put", NOTES, "a", "2", "--version", "1").code == 0


def test_all_is_forgotten_only_with_leave(memory: Command) -> None:
    for key in ("a/1", "a/2", "b"):
        memory("put", NOTES, key, "1")
    refused = memory("delete", NOTES, "--all")
    assert (refused.code, "say --yes" in refused.err) == (1, True)
    assert "2 entries forgotten" in memory("delete", NOTES, "--all", "--prefix", "a/", "--yes").err
    assert [one["key"] for one in memory("list", NOTES, "--json").json] == ["b"]
    assert memory("delete", NOTES).code == 2
    assert memory("delete", NOTES, "b", "--all").code == 2


def test_changes_are_told_as_lines(memory: Command) -> None:
    memory("put", NOTES, "a", '"two\\nlines"')
    memory("put", NOTES, "b", "2")
    told = memory("watch", NOTES, "--since", "0", "--count", "2", "--json")
    changes = [json.loads(line) for line in told.out.splitlines()]
    assert [(one["kind"], one["key"], one["version"]) for one in changes] == [
        ("put", "a", 1),
        ("put", "b", 2),
    ]
    lines = memory("watch", NOTES, "--since", "0", "--count", "2").out.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("2  put  b 2")


def test_what_cannot_be_kept_is_wrong_usage(memory: Command) -> None:
    assert memory("put", "n" * 121, "a", "1").code == 2
    assert "shared memory" not in memory("put", NOTES, "a", "NaN").out
    assert memory("put", NOTES, "a", "NaN").code == 2


def test_control_characters_do_not_reach_the_terminal(memory: Command) -> None:
    memory("put", NOTES, "a", "\x1b[2Jgone")
    assert "\x1b" not in memory("get", NOTES, "a").out
    assert "\x1b" not in memory("list", NOTES).out
    assert "\x1b" not in memory("search", NOTES, "gone").out


def test_a_ledger_that_is_not_there_is_an_error(farthing: Command, tmp_path: Path) -> None:
    told = farthing("memory", "list", "--database", sqlite_url(tmp_path / "none.db"))
    assert (told.code, "there is no ledger" in told.err) == (1, True)
