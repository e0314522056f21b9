"""Benchmark of choosing tools: is the right one of many real ones found, what is saved, how long it takes.

The tools are those of MCP servers that are really installed and started (`toolservers.py`). What is asked is
ours (`tooltasks.py`), without a word of the tool's name. Words alone and words with meaning go the way that
an agent's tools go, through a `Finder`. The sentences that were not tuned on are counted apart.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from rich.console import Console
from rich.table import Table

from farthing.bench.figures import Figure, missed, quantile, show_figures, write_figures
from farthing.bench.machine import this_machine
from farthing.bench.progress import console as terminal
from farthing.bench.progress import told
from farthing.bench.toolservers import list_all_tools
from farthing.bench.tooltasks import ToolTask, faults_of, read_tasks
from farthing.cache.embed import check_installed
from farthing.config.tooling import Tools as ToolSettings
from farthing.errors import FarthingError
from farthing.prompt.tokens import estimate_conversation
from farthing.swarm.finder import Finder
from farthing.swarm.offering import topic_of
from farthing.task import Task, Tool

_LEAST_TOOLS, _LEAST_TASKS = 218, 150
_RECALL = 0.95
_WORDS_MS = 1.0
_SHOWN = 10
FOLDER = Path("build", "tool-servers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a task's tool came among the first ten, from 1; None where it did not. `exact` counts the tool
    that is meant alone, and none that does it just as well."""

    task: ToolTask
    rank: int | None
    exact: int | None
    ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of finding, and what it found; the first question waited for the index."""

    name: str
    found: tuple[Found, ...]


def main(*, folder: Path = FOLDER, show_missed: bool = False, json_path: Path | None = None) -> bool:
    """Runs the benchmark, prints its tables, and writes JSON where `json_path` says; whether all was met."""
    console, machine, tasks = terminal(), this_machine(), read_tasks()
    check_installed()
    if faults := faults_of(tasks):
        raise FarthingError("sentences with words of their tool's name: " + "; ".join(faults))
    tools = list_all_tools(folder)
    check_names(tasks, tools)
    servers = tuple(dict.fromkeys(tool.source.partition(":")[2] for tool in tools))
    console.print(f"Workload: {len(tools)} tools of {len(servers)} MCP servers, installed and started;")
    console.print(
        f"{len(tasks)} tasks in plain words, none with a stem of a word of its tool's name (checked)"
    )
    console.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    offered = ToolSettings().offered
    ways = asyncio.run(_measured(tools, tasks, offered, console))
    figures = [*_counts(tools, tasks), *(f for way in ways for f in figures_of(way))]
    figures += asyncio.run(_token_figures(tools, tasks, offered))
    show_figures("farthing bench tools", figures, console, legend="")
    console.print(_by_server(ways, servers))
    if show_missed:
        _show_missed(ways[-1], console)
    if json_path is not None:
        workload = {
            "tools": len(tools),
            "servers": servers,
            "tasks": len(tasks),
            "offered": offered,
            "by_server": {way.name: _recall_of_servers(way, servers) for way in ways},
            "missed": {way.name: [one.task for one in way.found if one.rank is None] for way in ways},
        }
        write_figures(json_path, figures, machine=machine, workload=workload, console=console)
    return not missed(figures)


def check_names(tasks: Sequence[ToolTask], tools: Sequence[Tool]) -> None:
    """Raises `FarthingError` where a task means a tool that no server has."""
    known = frozenset(tool.name for tool in tools)
    unknown = {_name(one) for task in tasks for one in (task.tool, *task.others)} - known
    if unknown:
        raise FarthingError(f"no server has: {', '.join(sorted(unknown))}", hint="mend tool_tasks.txt")


async def find_all(
    finder: Finder, tools: tuple[Tool, ...], tasks: Sequence[ToolTask], report: Callable[[int], None]
) -> tuple[Found, ...]:
    """Asks for every task, as an agent would that has it to do."""
    found: list[Found] = []
    for number, task in enumerate(tasks):
        began, began_cpu = time.perf_counter(), time.process_time()
        ranked = await finder.rank(tools, topic_of(Task(description=task.text)), limit=_SHOWN)
        ms, cpu_ms = (time.perf_counter() - began) * 1000, (time.process_time() - began_cpu) * 1000
        names = [tool.name for tool in ranked]
        exact = _rank(names, [task.tool])
        rank = _rank(names, [task.tool, *task.others])
        found.append(Found(task=task, rank=rank, exact=exact, ms=ms, cpu_ms=cpu_ms))
        report(number + 1)
    return tuple(found)


def recall(found: Sequence[Found], within: int) -> float:
    """The part of the tasks whose tool is among the first `within`; of at least one task."""
    return sum(one.rank is not None and one.rank <= within for one in found) / len(found)


def figures_of(way: Way) -> list[Figure]:
    """Recall, ranks and times of one way. Only words with meaning have to reach the recall."""
    commits = way.name != "words"
    at_ten = recall(way.found, 10)
    at = " / ".join(f"{recall(way.found, within):.1%}" for within in (5, 8))
    figures = [
        Figure(
            name=f"{way.name}: recall@10",
            value=f"{at_ten:.1%}",
            commit=f"≥ {_RECALL:.0%}" if commits else "",
            met=at_ten >= _RECALL if commits else None,
        ),
        Figure(name=f"{way.name}: recall@5 / @8", value=at),
    ]
    for part, held_out in (("tuned on", False), ("held out", True)):
        of_part = [one for one in way.found if one.task.held_out == held_out]
        value = f"{recall(of_part, 10):.1%}" if of_part else "none"
        figures.append(Figure(name=f"{way.name}: recall@10, {part} ({len(of_part)})", value=value))
    exact = sum(one.exact is not None for one in way.found) / len(way.found)
    reciprocal = fmean(0.0 if one.rank is None else 1 / one.rank for one in way.found)
    ms = sorted(one.ms for one in way.found[1:])
    middle = quantile(ms, 0.5)
    return [
        *figures,
        Figure(name=f"{way.name}: recall@10 of the tool meant alone", value=f"{exact:.1%}"),
        Figure(name=f"{way.name}: mean reciprocal rank in the first ten", value=f"{reciprocal:.2f}"),
        Figure(
            name=f"{way.name}: a question, p50 / p99, ms (CPU p50)",
            value=f"{middle:.2f} / {quantile(ms, 0.99):.2f} ({median(one.cpu_ms for one in way.found):.2f})",
            commit="" if commits else f"p50 < {_WORDS_MS:g}",
            met=None if commits else middle < _WORDS_MS,
        ),
        Figure(
            name=f"{way.name}: the first question, with the index, ms (CPU)",
            value=f"{way.found[0].ms:,.0f} ({way.found[0].cpu_ms:,.0f})",
        ),
    ]


async def _measured(
    tools: tuple[Tool, ...], tasks: Sequence[ToolTask], offered: int, console: Console
) -> list[Way]:
    ways: list[Way] = []
    for name, by_meaning in (("words", False), ("words and meaning", True)):
        finder = Finder(offered=offered, by_meaning=by_meaning)
        try:
            with told(name, len(tasks), console) as progress:
                found = await find_all(finder, tools, tasks, progress.report)
        finally:
            finder.close()
        ways.append(Way(name=name, found=found))
    return ways


def _counts(tools: Sequence[Tool], tasks: Sequence[ToolTask]) -> list[Figure]:
    return [
        Figure(name=name, value=f"{len(things)}", commit=f"≥ {least}", met=len(things) >= least)
        for name, things, least in (("tools", tools, _LEAST_TOOLS), ("tasks", tasks, _LEAST_TASKS))
    ]


async def _token_figures(tools: tuple[Tool, ...], tasks: Sequence[ToolTask], offered: int) -> list[Figure]:
    """The schemas' tokens: of all tools, and of those told at the first step of each task."""
    finder = Finder(offered=offered, by_meaning=False)
    told_tokens: list[int] = []
    for task in tasks:
        asked = Task(description=task.text, tools=tools)
        box = await finder.offer(asked, lambda: ())
        told_tokens.append(estimate_conversation((), box.offered(asked.conversation)))
    whole, part = estimate_conversation((), tools), median(told_tokens)
    return [
        Figure(name="tokens of all schemas, estimated", value=f"{whole:,}"),
        Figure(
            name=f"tokens of the {offered} told and the search, median (least–most)",
            value=f"{part:,.0f} ({min(told_tokens):,}–{max(told_tokens):,})",
        ),
        Figure(name="tokens saved at each step", value=f"{1 - part / whole:.1%}"),
    ]


def _recall_of_servers(way: Way, servers: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Tasks and recall@10 by server."""
    rows: dict[str, tuple[int, float]] = {}
    for server in servers:
        of_server = [one for one in way.found if one.task.tool[0] == server]
        if of_server:
            rows[server] = (len(of_server), recall(of_server, 10))
    return rows


def _by_server(ways: Sequence[Way], servers: Sequence[str]) -> Table:
    table = Table(title="recall@10 by server")
    for column in ("server", "tasks", *(way.name for way in ways)):
        table.add_column(column, justify="left" if column == "server" else "right")
    of_ways = [_recall_of_servers(way, servers) for way in ways]
    for server, (count, _) in of_ways[0].items():
        table.add_row(server, str(count), *(f"{rows[server][1]:.0%}" for rows in of_ways))
    return table


def _show_missed(way: Way, console: Console) -> None:
    console.print(f"not among the first ten by {way.name}:")
    for one in way.found:
        if one.rank is None:
            console.print(f"  {_name(one.task.tool)}: {one.task.text}", highlight=False, soft_wrap=True)


def _rank(names: Sequence[str], right: Sequence[tuple[str, str]]) -> int | None:
    wanted = frozenset(map(_name, right))
    return next((place for place, name in enumerate(names, start=1) if name in wanted), None)


def _name(tool: tuple[str, str]) -> str:
    return "__".join(tool)[:64]
