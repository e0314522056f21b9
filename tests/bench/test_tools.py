"""The measurement of choosing tools: its sentences give nothing away, and it measures on real servers.

Two of the servers are installed with the development tools; the others `make bench-tools` starts.
"""

import json
from pathlib import Path

import pytest

from farthing.bench import tools as bench
from farthing.bench.tools import Found, Way, check_names, figures_of, find_all, recall
from farthing.bench.toolservers import SERVERS, list_all_tools, venv_server
from farthing.bench.tooltasks import ToolTask, faults_of, given_away, read_tasks
from farthing.errors import FarthingError
from farthing.swarm.finder import Finder
from farthing.task import Tool

SMALL = (
    venv_server("git", "mcp-server-git"),
    venv_server("time", "mcp-server-time", "--local-timezone=UTC"),
)
TASKS = read_tasks()


@pytest.fixture(scope="module")
def real_tools() -> tuple[Tool, ...]:
    return list_all_tools(Path(), SMALL)


def tasks_of(*servers: str) -> list[ToolTask]:
    found = [task for task in TASKS if task.tool[0] in servers]
    known = frozenset(servers)
    return [task for task in found if all(server in known for server, _ in task.others)]


def test_there_are_enough_sentences_and_none_has_a_word_of_its_tools_name() -> None:
    assert len(TASKS) >= 150
    assert faults_of(TASKS) == ()
    assert len({task.text for task in TASKS}) == len(TASKS)
    assert {task.tool[0] for task in TASKS} == {server.name for server in SERVERS}
    assert sum(bool(task.others) for task in TASKS) <= len(TASKS) // 12  # sparingly
    assert sum(task.held_out for task in TASKS) >= 100


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("create_issue", "Make a ticket.", ()),
        ("create_issue", "Creating a ticket", ("creating",)),
        ("list_issues", "The issue of today", ("issue",)),
        ("list_directory", "All directories", ("directories",)),
        ("getFileInfo", "the profile", ()),
        ("getFileInfo", "the filename", ("filename",)),
        ("write_file", "He wrote it", ("wrote",)),
        ("reply_to_thread", "Answer to him", ("answer",)),  # our lemmas know it for the same
        ("API-post-page", "a new post", ("post",)),
        ("retrieve-a-page", "a thing", ()),
    ],
)
def test_a_word_of_the_name_in_any_form_is_found(name: str, text: str, words: tuple[str, ...]) -> None:
    assert given_away(ToolTask(text=text, tool=("server", name))) == words


def test_tasks_are_read_with_what_is_just_as_right() -> None:
    text = "# ours\n\n[one]\na_tool (b, two/c): Do it.\n[one, held out]\nd: Do: that.\n"
    assert read_tasks(text) == (
        ToolTask(text="Do it.", tool=("one", "a_tool"), others=(("one", "b"), ("two", "c"))),
        ToolTask(text="Do: that.", tool=("one", "d"), held_out=True),
    )
    with pytest.raises(FarthingError, match="line 2 is no task: 'nonsense'"):
        read_tasks("[one]\nnonsense")


def test_recall_and_ranks_are_of_what_was_found() -> None:
    task = ToolTask(text="x", tool=("s", "t"))
    found = [Found(task=task, rank=rank, exact=rank, ms=1.0, cpu_ms=1.0) for rank in (1, 4, 9, None)]
    assert (recall(found, 5), recall(found, 10)) == (0.5, 0.75)
    other = ToolTask(text="y", tool=("s", "t"), held_out=True)
    way = Way(
        name="words and meaning",
        found=(*found, Found(task=other, rank=2, exact=None, ms=3.0, cpu_ms=3.0)),
    )
    figures = {figure.name.removeprefix("words and meaning: "): figure for figure in figures_of(way)}
    assert (figures["recall@10"].value, figures["recall@10"].met) == ("80.0%", False)
    assert figures["recall@10, held out (1)"].value == "100.0%"
    assert figures["recall@10, tuned on (4)"].value == "75.0%"
    assert figures["recall@10 of the tool meant alone"].value == "60.0%"
    assert figures["mean reciprocal rank in the first ten"].value == "0.37"


def test_real_servers_tell_their_tools(real_tools: tuple[Tool, ...]) -> None:
    assert {tool.source for tool in real_tools} == {"mcp:git", "mcp:time"}
    assert {"git__git_status", "time__convert_time"} <= {tool.name for tool in real_tools}
    assert all(tool.description and tool.parameters["type"] == "object" for tool in real_tools)
    check_names(tasks_of("git", "time"), real_tools)
    with pytest.raises(FarthingError, match="no server has: git__git_bisect"):
        check_names([ToolTask(text="x", tool=("git", "git_bisect"))], real_tools)


@pytest.mark.parametrize(("by_meaning", "least"), [(False, 0.7), (True, 0.85)])
async def test_the_right_ones_of_real_tools_are_among_the_first_five(
    by_meaning: bool, least: float, real_tools: tuple[Tool, ...]
) -> None:
    finder, done = Finder(offered=5, by_meaning=by_meaning), list[int]()
    tasks = tasks_of("git", "time")
    try:
        found = await find_all(finder, real_tools, tasks, done.append)
    finally:
        finder.close()
    assert len(done) == len(tasks) >= 10
    assert recall(found, 5) >= least


def test_a_server_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(FarthingError, match=r"no MCP server in .* for: everything, excel") as caught:
        list_all_tools(tmp_path)
    assert "make tool-servers" in str(caught.value.hint)


def test_too_few_tools_are_a_figure_that_is_missed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    real_tools: tuple[Tool, ...],
) -> None:
    def listed(_: Path) -> tuple[Tool, ...]:
        return real_tools

    monkeypatch.setattr(bench, "list_all_tools", listed)
    monkeypatch.setattr(bench, "read_tasks", lambda: tuple(tasks_of("git", "time")))
    path = tmp_path / "tools.json"
    assert not bench.main(json_path=path, show_missed=True)
    written = json.loads(path.read_text())
    figures = {figure["name"]: figure for figure in written["figures"]}
    assert (figures["tools"]["value"], figures["tools"]["met"]) == ("14", False)
    assert set(written["workload"]["by_server"]["words"]) == {"git", "time"}
    assert "recall@10 by server" in capsys.readouterr().out
