"""One journey with real tools: a swarm reads a small git repository, writes a report and remembers it.

The servers are real processes, the model decides from what it is shown (`deciding.py`), and everything is
checked on the disk. `test_real_tools.py` runs it on Python servers; as a program (`make node-tools`) it runs
on the Node reference servers.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.deciding import Answer, DecidingUpstream, Seen

from farthing import AgentSpec
from farthing.config.load import load_config
from farthing.swarm.mcp import McpServers
from farthing.swarm.results import SwarmResult
from farthing.task import Tool
from farthing.testing import deployment_at

COMMITS = ("Count the coins", "Weigh the coins", "Say what they are worth")
FILES = {
    "README.md": "# Coins\n\nCounts coins.\n",
    "count.py": '"""Counts coins."""\n',
    "weigh.py": '"""Weighs coins."""\n',
}
_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ.get("PATH", "")}
_WHO = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """How the servers at hand name what an agent does: the tool, and where its arguments go."""

    folder: str
    list_folder: str
    read: str
    write: str
    remember: str
    in_graph: bool = False
    """Whether the memory is the reference server's graph of entities."""
    log: str = "git__git_log"

    def remembered(self, key: str, value: str) -> Mapping[str, object]:
        if not self.in_graph:
            return {"key": key, "value": value}
        return {"entities": [{"name": key, "entityType": "report", "observations": [value]}]}


def make_repository(folder: Path) -> None:
    """A repository with a commit for each of `COMMITS` and the files of `FILES`."""
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for subject, (name, text) in zip(COMMITS, FILES.items(), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
        _git(folder, "add", name)
        _git(folder, "commit", "--quiet", "--message", subject)


def _git(folder: Path, *arguments: str) -> None:
    command = ("git", *arguments)
    subprocess.run(command, cwd=folder, env={**_GIT, **_WHO}, check=True)  # noqa: S603 - the test's own words


def decide(seen: Seen, hands: Hands) -> Answer:
    """What a diligent model does: it looks, reads what it saw, writes what it read, and keeps that it did."""
    done = [name for name, _, _ in seen.results]
    if hands.write in seen.tools:
        return _write(seen, hands, done)
    if hands.read in seen.tools:
        return _read(seen, hands, done)
    return Answer(text="The report is written and remembered.")


def _read(seen: Seen, hands: Hands, done: Sequence[str]) -> Answer:
    folder = hands.folder
    if not done:
        return Answer(calls=[(hands.list_folder, {"path": folder}), (hands.log, {"repo_path": _path(seen)})])
    if hands.read not in done:
        listing = next(said for name, _, said in seen.results if name == hands.list_folder)
        names = re.findall(r"\b[\w]+\.(?:md|py)\b", listing)
        return Answer(calls=[(hands.read, {"path": str(Path(folder, name))}) for name in names])
    lines = ["Read:"]
    for name, arguments, said in seen.results:
        if name == hands.read:
            lines.append(f"file {Path(str(arguments['path'])).name}: {said.splitlines()[0]}")
        if name == hands.log:
            lines += [
                f"commit: {subject}"
                for subject in re.findall(r"Message:\s*'?(.+?)'?\s*$", said, re.MULTILINE)
            ]
    return Answer(text="\n".join(lines))


def _write(seen: Seen, hands: Hands, done: Sequence[str]) -> Answer:
    facts = re.findall(r"^(?:file|commit)\b.+$", seen.prompt, re.MULTILINE)
    if hands.write not in done:
        report = "# Report\n\n" + "\n".join(f"- {fact}" for fact in facts) + "\n"
        return Answer(
            calls=[(hands.write, {"path": str(Path(hands.folder, "REPORT.md")), "content": report})]
        )
    if hands.remember not in done:
        kept = hands.remembered("coins", f"{len(facts)} facts in REPORT.md")
        return Answer(calls=[(hands.remember, kept)])
    return Answer(text="; ".join(said for _, _, said in seen.results))


def _path(seen: Seen) -> str:
    found = re.search(r"repository at (\S+)\.", seen.prompt)
    assert found is not None
    return found[1]


async def travel(config: Path, folder: Path, repository: Path, hands: Hands) -> SwarmResult:
    """The whole journey; what it came to."""
    settings = load_config(config)
    upstream = DecidingUpstream(decide=lambda seen: decide(seen, hands))
    async with upstream, McpServers(settings.mcp_servers) as servers:
        tools = {tool.name: tool for tool in await servers.tools()}
        assert not [one.text for one in servers.notices], servers.notices
        async with deployment_at(
            upstream.base_url, folder, settings, overrides={"tools.confirm": "never"}
        ) as deployment:
            swarm = deployment.prepare_swarm(_team(tools, hands))
            return await swarm.run(f"Describe the repository at {repository}. Keep the report in it.")


def _team(tools: Mapping[str, Tool], hands: Hands) -> list[AgentSpec]:
    reading = [tools[hands.list_folder], tools[hands.read], tools[hands.log]]
    writing = [tools[hands.write], tools[hands.remember]]
    return [
        AgentSpec(type="researcher", capabilities=["files", "git"], tools=reading),
        AgentSpec(type="writer", capabilities=["files", "memory"], tools=writing),
    ]


def check(result: SwarmResult, repository: Path) -> None:
    """What must be on the disk, and in the result."""
    assert result.stopped is None, result.stopped
    assert [work.error for work in result.results] == [None] * 3
    report = (repository / "REPORT.md").read_text(encoding="utf-8").splitlines()
    assert sorted(report[2:]) == sorted(
        [f"- file {name}: {text.splitlines()[0]}" for name, text in FILES.items()]
        + [f"- commit: {subject}" for subject in COMMITS]
    )


def node_servers(repository: Path, memory: Path) -> dict[str, dict[str, object]]:
    """The reference servers as `npx` starts them, of the version that is pinned here, and the git server."""
    version = "2026.8.31"
    reference = "@modelcontextprotocol/server"
    npm = {name: value for name, value in os.environ.items() if name.lower().startswith("npm_config_")}
    return {
        "files": {
            "command": "npx",
            "args": ["-y", f"{reference}-filesystem@{version}", str(repository)],
            "env": npm,
        },
        "memory": {
            "command": "npx",
            "args": ["-y", f"{reference}-memory@{version}"],
            "env": {"MEMORY_FILE_PATH": str(memory), **npm},
        },
        "git": {"command": sys.executable, "args": ["-m", "mcp_server_git"]},
    }


async def on_node(folder: Path) -> None:
    repository, memory, config = folder / "coins", folder / "memory.jsonl", folder / "farthing.json"
    make_repository(repository)
    servers = {
        name: {**server, "startTimeout": 300} for name, server in node_servers(repository, memory).items()
    }
    config.write_text(json.dumps({"extends": "balanced", "mcpServers": servers}), encoding="utf-8")
    hands = Hands(
        folder=str(repository),
        list_folder="files__list_directory",
        read="files__read_text_file",
        write="files__write_file",
        remember="memory__create_entities",
        in_graph=True,
    )
    result = await travel(config, folder, repository, hands)
    check(result, repository)
    entity = json.loads(memory.read_text(encoding="utf-8").splitlines()[0])
    assert entity["name"] == "coins", entity
    assert entity["observations"] == ["6 facts in REPORT.md"], entity
    print((repository / "REPORT.md").read_text(encoding="utf-8"))
    print(f"memory: {entity}")
    print(f"{sum(work.tools_run for work in result.results)} tool calls on Node's reference servers and git")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(on_node(Path(made).resolve()))
