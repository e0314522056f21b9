"""Agents with built-in tools, from the configuration to the files on disk, against a scripted upstream."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from tests.swarm.builtin.isolated import needs_isolation

from farthing import AgentSpec
from farthing.errors import ConfigError, SwarmError
from farthing.swarm.builtin.git import git_program
from farthing.swarm.company import PendingApproval
from farthing.swarm.events import CapabilityWithoutTool
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on, failure

needs_git = pytest.mark.skipif(git_program() is None, reason="there is no git on this machine")


def calls(*named: "tuple[str, Mapping[str, object]]") -> Reply:
    """An answer that calls tools."""
    return answer(
        "",
        tool_calls=[
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for number, (name, arguments) in enumerate(named, start=1)
        ],
    )


def told(upstream: ScriptedUpstream, number: int) -> list[str]:
    """The names of the tools that a request told its model."""
    given = cast("list[dict[str, dict[str, str]]]", upstream.requests[number].get("tools") or [])
    return [one["function"]["name"] for one in given]


def results(upstream: ScriptedUpstream, number: int) -> list[str]:
    """The texts of the tool results in a request."""
    messages = cast("list[dict[str, str]]", upstream.requests[number]["messages"])
    return [message["content"] for message in messages if message["role"] == "tool"]


async def yes(asked: PendingApproval) -> bool:
    return True


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    (work / "app.py").write_text("def main() -> None:\n    print('helo')\n")
    return work


def git(work: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    ran = subprocess.run(["git", *person, *arguments], cwd=work, env=environ, check=True, capture_output=True)  # noqa: S603, S607 - the test's own arguments
    return ran.stdout.decode()


MENDING = [
    calls(("find_files", {"pattern": "*.py"}), ("search_text", {"pattern": "helo"})),
    "app.py line 2 says helo.",
    calls(("edit_file", {"path": "app.py", "old": "helo", "new": "hello"})),
    calls(("git_add", {"paths": ["app.py"]}), ("write_file", {"path": "../outside.txt", "text": "x"})),
    calls(("git_commit", {"message": "Greet correctly"})),
    "Mended and committed.",
    "The greeting is right.",
]
"""What the models of the first journey answer."""


@needs_git
async def test_a_swarm_reads_mends_and_commits_a_repository(tmp_path: Path, work: Path) -> None:
    git(work, "init")
    git(work, "add", ".")
    git(work, "commit", "-m", "Begin")
    upstream = ScriptedUpstream(MENDING)
    asked: list[str] = []

    async def allow(approval: PendingApproval) -> bool:
        asked.append(approval.tool)
        return True

    settings = {"tools.workdir": str(work)}
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        swarm = deployment.prepare_swarm(
            [
                AgentSpec(type="researcher", capabilities=["files"]),
                AgentSpec(type="coder", capabilities=["files", "git", "analyze"]),
            ],
            goal="Mend the greeting.",
            on_approval=allow,
        )
        assert swarm.agents[0].tools == ()
        result = await swarm.run()
    assert result.output == "The greeting is right."
    assert results(upstream, 1) == ["app.py", "app.py:2:     print('helo')"]
    assert "git_commit" in told(upstream, 2)
    assert "git_commit" not in told(upstream, 0)
    assert [notice.capability for notice in swarm.notices] == ["analyze"]
    assert sorted(asked) == ["edit_file", "git_add", "git_commit", "write_file"]
    assert git(work, "log", "--format=%s|%an", "-1").strip() == "Greet correctly|Farthing agent"
    assert git(work, "status", "--porcelain") == ""
    assert "hello" in (work / "app.py").read_text()
    assert not (tmp_path / "outside.txt").exists()
    assert any("has '..'" in text for text in results(upstream, 4))


async def test_a_role_is_neither_told_nor_given_what_it_may_not_use(tmp_path: Path, work: Path) -> None:
    """A model that names a tool it was not told gets no tool, whatever it writes."""
    upstream = ScriptedUpstream(
        [calls(("write_file", {"path": "app.py", "text": "gone"})), "I could not.", "Nothing was done."]
    )
    settings = {
        "tools.workdir": str(work),
        "tools.roles": {"reviewer": {"allow": ["read_*", "list_*"], "deny": ["list_*"]}},
    }
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        swarm = await deployment.deploy_swarm(
            [AgentSpec(type="reviewer", capabilities=["files"])], goal="Review.", on_approval=yes
        )
    assert told(upstream, 0) == ["read_file"]
    assert "no tool" in results(upstream, 1)[0]
    assert swarm.notices == ()
    assert "helo" in (work / "app.py").read_text()


async def test_a_task_names_its_tools(tmp_path: Path, work: Path) -> None:
    upstream = ScriptedUpstream([calls(("read_file", {"path": "app.py"})), "It greets.", "plain"])
    settings = {"tools.workdir": str(work)}
    name = "tests.journeys.test_built_in_tools:look_up"
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        result = await deployment.execute_task("What does it do?", tools=["files", name])
        assert result.output == "It greets."
        assert told(upstream, 0)[-1] == "look_up"
        assert results(upstream, 1) == ["def main() -> None:\n    print('helo')\n"]
        with pytest.raises(SwarmError, match="did you mean 'files'"):
            await deployment.execute_task("What?", tools=["flies"])
        assert [tool.name for tool in await deployment.tools("search")] == [
            *("search_files", "search_text", "read_file"),
        ]


@pytest.mark.parametrize("word", [None, True, False])
async def test_a_tasks_call_with_effects_needs_a_persons_word(
    tmp_path: Path, work: Path, word: bool | None
) -> None:
    upstream = ScriptedUpstream([calls(("delete_file", {"path": "app.py"})), "Done."])
    settings = {"tools.workdir": str(work)}

    async def decide(asked: PendingApproval) -> bool | None:
        assert json.loads(asked.arguments) == {"path": "app.py"}
        return word

    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        given = None if word is None else decide
        await deployment.execute_task("Tidy up.", tools=["files"], on_approval=given)
    assert (work / "app.py").exists() is (word is not True)
    assert ("nobody is asked here" in results(upstream, 1)[0]) is (word is None)


async def test_confirm_never_asks_nobody(tmp_path: Path, work: Path) -> None:
    upstream = ScriptedUpstream([calls(("delete_file", {"path": "app.py"})), "Done."])
    settings = {"tools.workdir": str(work), "tools.confirm": "never"}
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        await deployment.execute_task("Tidy up.", tools=["files"])
    assert not (work / "app.py").exists()


@needs_isolation()
async def test_an_agents_command_runs_in_the_workdir_and_nowhere_else(tmp_path: Path, work: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    command = f"wc -l < app.py > lines.txt; cat {tmp_path}/secret.txt /proc/*/environ"
    upstream = ScriptedUpstream([calls(("shell", {"command": command})), "Counted.", "Two lines."])
    settings = {"tools.workdir": str(work)}
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        await deployment.deploy_swarm(
            [AgentSpec(type="tester", capabilities=["shell"])], goal="Count.", on_approval=yes
        )
    assert (work / "lines.txt").read_text() == "2\n"
    shown = results(upstream, 1)[0]
    assert "No such file" in shown
    assert "sk-or-" not in shown


async def test_without_a_workdir_nothing_is_there_and_it_is_said(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["From what I know.", "That."])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = await deployment.deploy_swarm(
            [AgentSpec(type="researcher", capabilities=["search", "files"])], goal="Find out."
        )
    assert [(one.capability, type(one)) for one in swarm.notices] == [
        ("search", CapabilityWithoutTool),
        ("files", CapabilityWithoutTool),
    ]
    assert told(upstream, 0) == []


async def test_a_wrong_workdir_ends_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([])
    settings = {"tools.workdir": str(tmp_path / "missing")}
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        with pytest.raises(ConfigError, match=r"tools\.workdir"):
            await deployment.deploy_swarm([AgentSpec(type="coder", capabilities=["files"])], goal="x")
        swarm = deployment.prepare_swarm([AgentSpec(type="coder", capabilities=["files"])], goal="x")
        for _ in range(2):  # the swarm is not at work after it could not begin
            with pytest.raises(ConfigError):
                await swarm.run()
    assert upstream.requests == []


def look_up(word: str) -> str:
    """Looks a word up."""
    return word


async def test_a_run_that_goes_on_has_its_named_tools_again(tmp_path: Path, work: Path) -> None:
    settings = {"tools.workdir": str(work)}
    name = "tests.journeys.test_built_in_tools:look_up"
    first = ScriptedUpstream(["It greets.", failure(401), failure(401), failure(401), failure(401)])
    async with deployment_on(first, tmp_path, overrides=settings) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="coder", tools=["search", name])], goal="Look.")
        stopped = await swarm.run()
    assert stopped.stopped is not None
    upstream = ScriptedUpstream(["The end."])
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        again = await deployment.resume_swarm(swarm.run_id)
        await again.equip()
        assert [tool.name for tool in again.agents[0].tools] == [
            *("search_files", "search_text", "read_file", "look_up"),
        ]
        assert (await again.resume()).output == "The end."
