"""The shell, in an isolated process. Decides what a model is told of a command's end; see `launch.py` for the
isolation, which is tried once before the tool is offered.
"""

from dataclasses import dataclass

from farthing.errors import SwarmError
from farthing.swarm.builtin.beneath import Folder
from farthing.swarm.builtin.confined import Bounds, Ran, run_confined

MOST_SECONDS = 50
"""Under the time that any tool has, so that what a command wrote by then is still shown."""
_PROBE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Whether commands can be isolated here, and in which words to say so."""

    works: bool
    text: str


async def find_isolation(folder: Folder) -> Isolation:
    """Tries it: namespaces are allowed by the kernel, the container and the administrator, or are not."""
    try:
        ran = await run_confined(
            ["/bin/sh", "-c", "exit 0"], workdir=folder.root, timeout_s=_PROBE_S, isolate=True
        )
    except SwarmError as error:
        return Isolation(works=False, text=error.message)
    if ran.code != 0:
        return Isolation(works=False, text=f"an isolated shell ended with {ran.code}")
    bounds = ", ".join(ran.bounds)
    return Isolation(works=True, text=f"no network, the system read-only, no home folder, {bounds}")


class Shell:
    """The tool, as a method."""

    def __init__(self, folder: Folder, *, isolate: bool) -> None:
        self._folder = folder
        self._isolate = isolate

    async def shell(self, command: str, timeout_seconds: int = 30) -> str:
        """Run a command of `sh` in the working folder, without network; what it leaves running is ended."""
        seconds = max(1, min(timeout_seconds, MOST_SECONDS))
        ran = await run_confined(
            ["/bin/sh", "-c", command],
            workdir=self._folder.root,
            timeout_s=seconds,
            isolate=self._isolate,
            bounds=Bounds(cpu_s=seconds),
        )
        return told(ran, seconds)


def told(ran: Ran, seconds: int) -> str:
    """How a command ended, and what it wrote."""
    text = ran.text.rstrip("\n")
    if ran.code is None:
        return f"{text}\n[killed after {seconds} seconds]".lstrip("\n")
    if ran.code == 0:
        return text or "done, without output"
    return f"{text}\n[ended with {ran.code}]".lstrip("\n")
