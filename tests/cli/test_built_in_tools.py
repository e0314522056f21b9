"""`farthing tools` with the tools that Farthing brings along."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def configured(folder: Path, tools: dict[str, object]) -> str:
    path = folder / "farthing.json"
    path.write_text(json.dumps({"extends": "balanced", "tools": {"workdir": str(folder), **tools}}))
    return str(path)


def test_built_in_tools_are_listed_with_what_telling_them_costs(farthing: Command, tmp_path: Path) -> None:
    told = farthing("tools", "list", "--workdir", str(tmp_path), "--json").json
    by_name = {one["name"]: one for one in told}
    assert by_name["write_file"]["effects"]
    assert not by_name["read_file"]["effects"]
    assert {one["source"] for one in told} == {"built-in"}
    assert all(one["tokens"] < 120 for one in told)


def test_one_is_called_for_real(farthing: Command, tmp_path: Path) -> None:
    arguments = '{"path": "new/note.txt", "text": "hello"}'
    said = farthing("tools", "call", "write_file", "-a", arguments, "--workdir", str(tmp_path))
    assert (said.code, said.out) == (0, "made new/note.txt, 5 bytes\n")
    assert (tmp_path / "new/note.txt").read_text() == "hello"
    said = farthing("tools", "call", "read_file", "-a", '{"path": "../x"}', "--workdir", str(tmp_path))
    assert (said.code, "has '..'" in said.err) == (6, True)


def test_without_a_folder_there_are_none_and_it_says_how(farthing: Command) -> None:
    said = farthing("tools", "list")
    assert said.code == 0
    assert "`tools.workdir`" in said.err
    assert "neither `mcpServers` nor `tools.workdir`" in farthing("tools", "check").err


def test_slips_in_the_rules_are_at_fault(farthing: Command, tmp_path: Path) -> None:
    rules = {"codr": {"deny": ["gti_*"]}, "*": {"allow": ["read_*"]}}
    said = farthing("tools", "check", "--config", configured(tmp_path, {"roles": rules}), "--json")
    assert said.code == 6
    faults = {one["source"]: one["faults"] for one in said.json}
    assert faults == {
        "built-in": [],
        "tools.roles": ["'codr' is no role", "no tool is named so: tools.roles.codr.deny: gti_*"],
    }


def test_sound_rules_are_not(farthing: Command, tmp_path: Path) -> None:
    rules = {"coder": {"deny": ["delete_*"]}}
    said = farthing("tools", "check", "--config", configured(tmp_path, {"roles": rules}))
    assert said.code == 0
    assert "tools.roles" in said.out
