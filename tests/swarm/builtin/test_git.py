"""The tools for git: what they show, and that neither a model nor a repository makes git run anything."""

import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.swarm.builtin.isolated import needs_isolation

from farthing.swarm.builtin.beneath import Folder, PathError
from farthing.swarm.builtin.git import Git, git_program, overrides

pytestmark = pytest.mark.skipif(git_program() is None, reason="there is no git on this machine")

PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")


def git(root: Path, *arguments: str) -> str:
    """As the person at the keyboard runs it."""
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *PERSON, *arguments]
    return subprocess.run(command, cwd=root, env=environ, check=True, capture_output=True, text=True).stdout  # noqa: S603 - the tests' own arguments


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    git(root, "init")
    (root / "app.py").write_text("one\ntwo\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "Begin")
    return root


@pytest.fixture(
    params=[pytest.param(True, marks=needs_isolation(), id="isolated"), pytest.param(False, id="plain")]
)
def tools(root: Path, request: pytest.FixtureRequest) -> Git:
    return Git(Folder(root), isolate=bool(request.param))


async def test_a_change_from_the_edit_to_the_commit(tools: Git, root: Path) -> None:
    assert await tools.git_status() == "## main"
    (root / "app.py").write_text("one\nthree\n")
    (root / "new.txt").write_text("new\n")
    assert await tools.git_status() == "## main\n M app.py\n?? new.txt"
    assert "-two\n+three" in await tools.git_diff()
    assert await tools.git_diff(staged=True) == "no difference"
    assert await tools.git_add(["."]) == "M  app.py\nA  new.txt"
    assert "-two\n+three" in await tools.git_diff(staged=True, path="app.py")
    assert "2 files changed" in await tools.git_commit("Change two to three\n\nFor a reason.")
    assert git(root, "log", "--format=%an <%ae> %s|%b").startswith(
        "Farthing agent <agent@farthing.invalid> Change two to three|For a reason."
    )
    log = await tools.git_log()
    assert [line.partition(": ")[2] for line in log.splitlines()] == ["Change two to three", "Begin"]
    assert await tools.git_log(path="new.txt", count=5) == log.splitlines()[0]
    assert "-two\n+three" in await tools.git_show("HEAD")
    assert await tools.git_show("HEAD~1", "app.py") == "one\ntwo"
    assert "-two\n+three" in await tools.git_diff("HEAD~1..HEAD")
    blamed = (await tools.git_blame("app.py")).splitlines()
    assert ["Ada" in blamed[0], "Farthing agent" in blamed[1]] == [True, True]


async def test_branches(tools: Git, root: Path) -> None:
    await tools.git_switch("feature/one", create=True)
    assert git(root, "branch", "--show-current").strip() == "feature/one"
    assert "* feature/one" in await tools.git_branches()
    await tools.git_switch("main")
    assert git(root, "branch", "--show-current").strip() == "main"


async def test_the_repositorys_own_author_is_kept(tools: Git, root: Path) -> None:
    git(root, "config", "user.name", "Grace")
    (root / "app.py").write_text("x\n")
    await tools.git_add(["app.py"])
    await tools.git_commit("x")
    assert git(root, "log", "-1", "--format=%an").strip() == "Grace"


OPTIONS = [
    *("--output=owned", "-p", "--ext-diff", "--no-index", "-O/etc/passwd", "--upload-pack=touch owned"),
    *("HEAD --output=owned", "", "HEAD\n", "$(touch owned)", ";touch owned"),
]
HOOKS = (
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout"),
    *("post-index-change", "reference-transaction", "pre-auto-gc"),
)


@pytest.mark.parametrize("words", OPTIONS)
async def test_no_revision_is_an_option(tools: Git, root: Path, words: str) -> None:
    for call in (tools.git_log, tools.git_diff, tools.git_show):
        with pytest.raises(PathError, match="is no revision"):
            await call(words)
    with pytest.raises(PathError, match="no name of a branch"):
        await tools.git_switch(words)
    assert not (root / "owned").exists()


@pytest.mark.parametrize("name", ["--output=owned", "--all", "-f", ":(exclude)app.py", ":!app.py", "*"])
async def test_no_path_is_an_option_or_a_pattern(tools: Git, root: Path, name: str) -> None:
    (root / name).write_text("odd name\n")
    assert await tools.git_add([name])
    assert git(root, "diff", "--cached", "--name-only", "-z").split("\0")[:-1] == [name]
    assert await tools.git_log(path=name) == ""
    assert not (root / "owned").exists()


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b"])
async def test_no_path_leads_out(tools: Git, path: str) -> None:
    calls: list[Callable[[], Awaitable[str]]] = [
        lambda: tools.git_log(path=path),
        lambda: tools.git_diff(path=path),
        lambda: tools.git_show(path=path),
        lambda: tools.git_blame(path),
        lambda: tools.git_add(["app.py", path]),
    ]
    for call in calls:
        with pytest.raises(PathError, match=r"outside of the working folder|has '\.\.'"):
            await call()


async def test_a_message_is_no_option(tools: Git, root: Path) -> None:
    (root / "app.py").write_text("x\n")
    await tools.git_add(["app.py"])
    await tools.git_commit("--amend")
    assert git(root, "log", "--format=%s").splitlines() == ["--amend", "Begin"]


def _settings(touch: Path, hooks: Path) -> dict[str, str]:
    """Settings that name a program."""
    return {
        "core.hooksPath": str(hooks),
        "core.fsmonitor": str(touch),
        "core.pager": str(touch),
        "core.editor": str(touch),
        "core.sshCommand": str(touch),
        "core.gitProxy": str(touch),
        "core.alternateRefsCommand": str(touch),
        "sequence.editor": str(touch),
        "diff.external": str(touch),
        "diff.evil.command": str(touch),
        "diff.evil.textconv": str(touch),
        "filter.evil.clean": str(touch),
        "filter.evil.smudge": str(touch),
        "filter.evil.required": "true",
        "filter.odd.=.name.clean": str(touch),
        "filter.process.process": str(touch),
        "merge.evil.driver": str(touch),
        "gpg.program": str(touch),
        "gpg.ssh.program": str(touch),
        "commit.gpgSign": "true",
        "commit.verbose": "true",
        "log.showSignature": "true",
        "pager.log": str(touch),
        "pager.diff": str(touch),
        "alias.status": f"!{touch}",
        "alias.log": f"!{touch}",
        "credential.helper": f"!{touch}",
        "trailer.x.command": str(touch),
        "interactive.diffFilter": str(touch),
    }


def _poison(root: Path, owned: Path) -> None:
    """Everything that we know of by which a repository makes git run a program."""
    touch = root / "evil.sh"
    touch.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{owned}'\ncat\n")
    touch.chmod(0o755)
    hooks = root / ".git/hooks"
    for name in HOOKS:
        (hooks / name).write_text(touch.read_text())
        (hooks / name).chmod(0o755)
    for name, value in _settings(touch, hooks).items():
        git(root, "config", name, value)
    (root / ".gitattributes").write_text(
        "app.py filter=evil diff=evil merge=evil\nother.py filter=odd.=.name\nthird.py filter=process\n"
    )


async def test_nothing_that_a_repository_says_is_run(tools: Git, root: Path, tmp_path: Path) -> None:
    # In the folder itself, where even an isolated process could write it.
    owned = root / "owned.txt"
    git(root, "branch", "other")
    _poison(root, owned)
    for name in ("app.py", "other.py", "third.py"):
        (root / name).write_text("changed\n")
    await tools.git_status()
    await tools.git_diff()
    await tools.git_diff("HEAD", path="app.py")
    await tools.git_blame("app.py")
    await tools.git_add(["app.py", "other.py", "third.py", ".gitattributes"])
    await tools.git_commit("Go on")
    await tools.git_show("HEAD")
    await tools.git_show("HEAD", "app.py")
    await tools.git_log()
    await tools.git_branches()
    await tools.git_switch("other")
    await tools.git_switch("main")
    await tools.git_switch("third", create=True)
    assert not owned.exists(), owned.read_text()
    assert (root / "app.py").read_text() == "changed\n"
    assert git_is_really_poisoned(root, owned)


def git_is_really_poisoned(root: Path, owned: Path) -> bool:
    """That the same repository does run programs for a git that is not careful."""
    (root / "app.py").write_text("changed again\n")
    subprocess.run(["git", "add", "app.py"], cwd=root, check=False, capture_output=True)  # noqa: S607 - see above
    return owned.exists()


@pytest.mark.parametrize("kind", ["file", "link", "none"])
async def test_a_repository_elsewhere_is_not_used(tmp_path: Path, root: Path, kind: str) -> None:
    work = tmp_path / "elsewhere"
    work.mkdir()
    if kind == "file":
        (work / ".git").write_text(f"gitdir: {root}/.git\n")
    elif kind == "link":
        (work / ".git").symlink_to(root / ".git")
    with pytest.raises(PathError, match="not the top of a git repository"):
        await Git(Folder(work), isolate=False).git_log()


async def test_a_work_tree_elsewhere_is_not_used(tools: Git, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/app.py").write_text("secret\n")
    git(root, "config", "core.worktree", str(tmp_path / "secret"))
    assert "secret" not in await tools.git_diff()
    assert await tools.git_status() == "## main"


@needs_isolation()
async def test_objects_elsewhere_are_out_of_reach_of_an_isolated_git(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    (other / "secret.txt").write_text("secret\n")
    git(other, "add", ".")
    git(other, "commit", "-m", "secret")
    commit = git(other, "rev-parse", "HEAD").strip()
    (root / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")
    with pytest.raises(PathError):
        await Git(Folder(root), isolate=True).git_show(commit)


def test_settings_with_a_name_in_their_middle_are_overridden_by_their_exact_name() -> None:
    found = overrides(["filter.a=b.c.clean", "filter.lfs.required", "diff.x.xfuncname", "merge.m.driver"])
    assert found == {
        "filter.a=b.c.clean": "",
        "filter.lfs.required": "false",
        "merge.m.driver": "false",
        "user.name": "Farthing agent",
        "user.email": "agent@farthing.invalid",
    }


async def test_what_git_says_of_a_failure_is_shown(tools: Git) -> None:
    with pytest.raises(PathError, match=r"git show failed:\s+fatal: .*nowhere"):
        await tools.git_show("nowhere")
    with pytest.raises(PathError, match="give a message"):
        await tools.git_commit("  ")
    with pytest.raises(PathError, match="git commit failed"):
        await tools.git_commit("nothing is staged")
