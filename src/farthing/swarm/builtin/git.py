"""Tools for the git repository of the workdir: status, log, diff, show, blame, branches, add and commit.

Decides which git commands there are and how their arguments are written. Nothing that a repository says is
run: no hook, no filter, no external diff, no pager, editor or signing program. Nothing is fetched or pushed.
What a model writes is never an option: revisions are checked, paths stand after `--` and are taken by the
letter. Where commands can be isolated git is, too, so that not even a repository's own references lead out.
"""

import re
import shutil
from pathlib import Path

from farthing.swarm.builtin.beneath import Folder, PathError
from farthing.swarm.builtin.confined import Bounds, Ran, run_confined

_TIMEOUT_S = 30.0
_BOUNDS = Bounds(cpu_s=30)
_LISTING = Bounds(cpu_s=30, head_bytes=1 << 20, tail_bytes=0)
_REVISION = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_./@^~{}:+=-]{0,199}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}")
_MOST_COMMITS = 200
_MOST_MESSAGE_CHARS = 10_000

_SAFE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.sshCommand": "false",
    "core.gitProxy": "false",
    "core.untrackedCache": "false",
    "core.alternateRefsCommand": "false",
    "protocol.allow": "never",
    "credential.helper": "",
    "commit.gpgSign": "false",
    "gpg.program": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "log.showSignature": "false",
    "color.ui": "false",
    "commit.template": "",
}
_OPEN = re.compile(
    r"(filter|diff|merge|mergetool|difftool|gpg|trailer|remote|credential)\.(?P<name>.+)\.(?P<key>\w+)",
    re.DOTALL,
)
"""Settings with a name in their middle, which no fixed list can override."""
_RUNS = {
    **dict.fromkeys(("filter.clean", "filter.smudge", "filter.process", "diff.command", "diff.textconv"), ""),
    **dict.fromkeys(("merge.driver", "gpg.program", "trailer.command", "trailer.cmd"), "false"),
    **dict.fromkeys(("mergetool.cmd", "difftool.cmd", "credential.helper", "remote.vcs"), "false"),
    "filter.required": "false",
}


class Git:
    """The tools, as methods. `isolate`: git runs in the isolation that the shell would have."""

    def __init__(self, folder: Folder, *, isolate: bool) -> None:
        self._folder = folder
        self._isolate = isolate

    async def git_status(self) -> str:
        """Show the branch and what changed in the working folder's git repository."""
        return (
            await self._git("status", "--short", "--branch", "--ignore-submodules=dirty") or "nothing changed"
        )

    async def git_log(self, revision: str = "HEAD", count: int = 15, path: str | None = None) -> str:
        """Show commits, newest first: hash, date, author, subject.

        Args:
            path: Only those that touch this file or folder.
        """
        most = f"--max-count={max(1, min(count, _MOST_COMMITS))}"
        shown = "--format=%h %ad %an: %s"
        return await self._git("log", most, shown, "--date=short", *_told(revision), *self._paths([path]))

    async def git_diff(
        self, revision: str | None = None, staged: bool = False, path: str | None = None
    ) -> str:
        """Show changes: of the working folder, of what is staged, or of revisions (`HEAD~1`, `a..b`)."""
        options = ["--cached"] if staged else []
        revisions = [] if revision is None else _told(revision)
        found = await self._git("diff", *_PLAIN_DIFF, *options, *revisions, *self._paths([path]))
        return found or "no difference"

    async def git_show(self, revision: str = "HEAD", path: str | None = None) -> str:
        """Show a commit with its changes, or a file as it was (`revision` with `path`)."""
        if path is None:
            return await self._git("show", *_PLAIN_DIFF, *_told(revision), "--")
        name = "/".join(self._folder.parts(path))
        return await self._git("show", "--no-textconv", *_told(revision, suffix=f":{name}"), "--")

    async def git_blame(self, path: str, start: int = 1, lines: int = 60) -> str:
        """Show who changed each line of a file last."""
        span = f"-L{max(1, start)},+{max(1, min(lines, 400))}"
        return await self._git("blame", "--date=short", "--no-textconv", span, *self._paths([path]))

    async def git_branches(self) -> str:
        """List the branches; the current one has a star."""
        return await self._git("branch", "--list", "--no-column", "-v") or "no branch has a commit"

    async def git_switch(self, branch: str, create: bool = False) -> str:
        """Switch to a branch, or make it from the current commit and switch."""
        if not _NAME.fullmatch(branch):
            raise PathError(f"{branch!r} is no name of a branch")
        made = ["--create"] if create else []
        return await self._git("switch", "--no-guess", "--no-progress", *made, branch)

    async def git_add(self, paths: list[str]) -> str:
        """Stage files or folders, deletions included, for the next commit."""
        if not paths:
            raise PathError("give the paths to stage; '.' is all")
        await self._git("add", "--all", *self._paths(paths))
        return await self._git("status", "--short") or "nothing to commit"

    async def git_commit(self, message: str) -> str:
        """Commit what is staged."""
        text = message.strip()[:_MOST_MESSAGE_CHARS]
        if not text:
            raise PathError("give a message")
        options = ("--no-verify", "--no-gpg-sign", "--no-status", "--cleanup=whitespace")
        return await self._git("commit", *options, f"--message={text}")

    def _paths(self, paths: "list[str | None] | list[str]") -> list[str]:
        """Paths after `--`, written relative to the workdir."""
        return ["--", *("/".join(self._folder.parts(path)) or "." for path in paths if path is not None)]

    async def _git(self, *arguments: str) -> str:
        """Runs git to its end. Raises `PathError` with what it said where it failed."""
        self._check_repository()
        listed = await self._run(("config", "--list", "--name-only", "-z"), {}, _LISTING, errors=False)
        if listed.code != 0 or listed.omitted_bytes:
            raise PathError("the repository's configuration cannot be read")
        names = [name for name in listed.text.split("\0") if name]
        ran = await self._run(arguments, overrides(names), _BOUNDS, errors=True)
        if ran.code != 0:
            why = f"did not end within {_TIMEOUT_S:g} seconds" if ran.code is None else f"failed:\n{ran.text}"
            raise PathError(f"git {arguments[0]} {why}".strip())
        return ran.text.rstrip("\n")

    async def _run(
        self, arguments: tuple[str, ...], settings: dict[str, str], bounds: Bounds, *, errors: bool
    ) -> Ran:
        fixed = {"core.worktree": str(self._folder.root)} | _SETTINGS | settings
        environ = _SAFE | {
            "GIT_DIR": str(self._folder.root / ".git"),
            "GIT_WORK_TREE": str(self._folder.root),
            "GIT_CONFIG_COUNT": str(len(fixed)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(fixed)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(fixed.values())},
        }
        return await run_confined(
            ["git", "--no-pager", *arguments],
            workdir=self._folder.root,
            timeout_s=_TIMEOUT_S,
            isolate=self._isolate,
            bounds=bounds,
            environ=environ,
            errors=errors,
        )

    def _check_repository(self) -> None:
        place = self._folder.root / ".git"
        if place.is_symlink() or not place.is_dir():
            # A file named .git points to a repository elsewhere, which is outside of the workdir.
            raise PathError("the working folder is not the top of a git repository")
        if place.stat().st_uid != self._folder.root.stat().st_uid:
            raise PathError("the git repository belongs to another user than the working folder")


_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")


def overrides(names: list[str]) -> dict[str, str]:
    """What must be set so that no setting of these names runs a program, and commits have an author."""
    found: dict[str, str] = {}
    for name in names:
        parsed = _OPEN.fullmatch(name)
        if parsed is None:
            continue
        value = _RUNS.get(f"{parsed[1].lower()}.{parsed['key'].lower()}")
        if value is not None:
            found[name] = value
    if "user.name" not in names:
        found["user.name"] = "Farthing agent"
    if "user.email" not in names:
        found["user.email"] = "agent@farthing.invalid"
    return found


def _told(revision: str, *, suffix: str = "") -> list[str]:
    """A revision as an argument that cannot be an option. Raises `PathError` for what is none."""
    if not _REVISION.fullmatch(revision):
        raise PathError(f"{revision!r} is no revision: give a hash, a branch, a tag, HEAD~1 or a..b")
    return ["--end-of-options", revision + suffix]


def git_program() -> Path | None:
    """Where git is, if it is there."""
    found = shutil.which("git")
    return None if found is None else Path(found)
