"""The code blocks of a page, and a folder in which they are run as a reader would run them."""

import asyncio
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(python|bash|json)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block, named by its page and line for a failing test."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page=page, line=text.count("\n", 0, found.start()) + 1, language=found[1], text=found[2])
        for found in _BLOCK.finditer(text)
        if found[1] in languages
    ]


async def run_block(block: Block, folder: Path, *, base_url: str, ledger: str) -> str:
    """What a block prints, run in `folder` with a ledger of its own. It must succeed."""
    environment = {
        **os.environ,
        "OPENROUTER_BASE_URL": base_url,
        "FARTHING_DATABASE_URL": f"sqlite:///{folder / ledger}",
    }
    said = ""
    for command in _commands(block, environment):
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=environment,
        )
        out, complaint = await child.communicate()
        assert child.returncode == 0, f"{block.name}: {command}\n{complaint.decode()}"
        said += out.decode()
    return said


def _commands(block: Block, environment: dict[str, str]) -> list[list[str]]:
    """Python is one program; in bash each line is one `farthing` command."""
    if block.language == "python":
        return [[sys.executable, "-c", block.text]]
    commands: list[list[str]] = []
    for line in block.text.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "farthing", f"{block.name}: a bash block holds farthing commands only"
        given = [environment.get(word[1:], "") if word.startswith("$") else word for word in arguments]
        commands.append([sys.executable, "-m", "farthing", *given])
    return commands
