"""Which built-in tools there are, by the capability they serve, and which of them have effects."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from farthing.result import Notice
from farthing.swarm.builtin.beneath import Folder
from farthing.swarm.builtin.files import Files
from farthing.swarm.builtin.git import Git, git_program
from farthing.swarm.builtin.search import Search
from farthing.swarm.builtin.shell import Isolation, Shell, find_isolation
from farthing.swarm.tools import tool_from
from farthing.task import Tool

SOURCE = "built-in"
_UNISOLATED = "Run a command of `sh` in the working folder; what it leaves running is ended."

Served = Mapping[str, tuple[Tool, ...]]


async def built_in_tools(
    folder: Folder, *, shell: Literal["isolated", "unisolated", "off"]
) -> tuple[Served, tuple[Notice, ...]]:
    """The tools within a folder, by capability, and what a person should know of them.

    Tries once whether commands can be isolated here: without it the shell is there only where `shell` is
    `unisolated`, and git runs in a plain process of its own.
    """
    isolation = await find_isolation(folder)
    files, search = Files(folder), Search(folder)
    served = {
        "files": (
            *_read(files.read_file, files.list_files, files.find_files, files.search_text),
            *_write(files.write_file, files.edit_file, files.delete_file),
        ),
        "search": _read(search.search_files, files.search_text, files.read_file),
    }
    if git_program() is not None:
        git = Git(folder, isolate=isolation.works)
        served["git"] = (
            *_read(git.git_status, git.git_log, git.git_diff, git.git_show, git.git_blame, git.git_branches),
            *_write(git.git_switch, git.git_add, git.git_commit),
        )
    if (isolation.works and shell != "off") or shell == "unisolated":
        (command,) = _write(Shell(folder, isolate=isolation.works).shell)
        served["shell"] = (command if isolation.works else replace(command, description=_UNISOLATED),)
    return served, _notices(isolation, shell)


def _notices(isolation: Isolation, shell: str) -> tuple[Notice, ...]:
    if isolation.works or shell == "off":
        return ()
    what = (
        "the built-in shell is not offered; tools.shell = unisolated would run commands all the same"
        if shell == "isolated"
        else "the built-in shell runs commands with the network and all files of this user in reach"
    )
    return (Notice(code="no_isolation", text=f"commands cannot be isolated here ({isolation.text}): {what}"),)


def _read(*functions: Callable[..., object]) -> tuple[Tool, ...]:
    return tuple(replace(tool_from(one), source=SOURCE) for one in functions)


def _write(*functions: Callable[..., object]) -> tuple[Tool, ...]:
    return tuple(replace(tool_from(one), source=SOURCE, effects=True) for one in functions)
