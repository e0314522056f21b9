"""Runs a program in a confined process: its own folder, no environment, bounded in every way, ended for sure.

Starts `launch.py`, reads what the program writes, and kills its whole group at the timeout or when the caller
leaves. What may be run is decided by the tools; how the process is confined stands in `launch.py`.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from farthing.errors import SwarmError

LAUNCH = Path(__file__).with_name("launch.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRON = {"PATH": _PATH, "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TERM": "dumb"}  # noqa: S108 - the command's own
_CHUNK_BYTES = 65_536
_FAILED = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one program may take. CPU seconds, memory and size of a file are each process's own."""

    cpu_s: int = 60
    memory_bytes: int = 1 << 30
    file_bytes: int = 256 << 20
    processes: int = 256
    head_bytes: int = 7_000
    """Of its output, what is kept from the beginning and from the end."""
    tail_bytes: int = 7_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended. `code` None: it was killed at its timeout. `bounds` is how it was confined."""

    code: int | None
    output: bytes
    omitted_bytes: int
    bounds: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")


class _Told(msgspec.Struct, frozen=True):
    """What `launch.py` says before the command starts."""

    bounds: tuple[str, ...] = ()
    failed: str | None = None


class HeadAndTail:
    """The beginning and the end of a stream; what lies between is counted and dropped."""

    def __init__(self, head_bytes: int, tail_bytes: int) -> None:
        self._head_bytes, self._tail_bytes = head_bytes, tail_bytes
        self._head, self._tail = bytearray(), bytearray()
        self.omitted_bytes = 0

    def add(self, chunk: bytes) -> None:
        room = self._head_bytes - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        surplus = len(self._tail) - self._tail_bytes
        if surplus > 0:
            del self._tail[:surplus]
            self.omitted_bytes += surplus

    def kept(self) -> bytes:
        if not self.omitted_bytes:
            return bytes(self._head + self._tail)
        return b"%b\n[%d bytes are left out]\n%b" % (self._head, self.omitted_bytes, self._tail)


async def run_confined(
    argv: Sequence[str],
    *,
    workdir: Path,
    timeout_s: float,
    isolate: bool,
    bounds: Bounds | None = None,
    environ: Mapping[str, str] | None = None,
    errors: bool = True,
) -> Ran:
    """Runs it to its end. Its standard input is empty; `errors` False drops what it writes to standard error.

    `environ` is added to PATH, HOME, TMPDIR and a language: nothing of ours is inherited. Raises `SwarmError`
    where the process cannot be confined as asked.
    """
    given = bounds or Bounds()
    kept = HeadAndTail(given.head_bytes, given.tail_bytes)
    async with _pipe() as (output, output_fd), _pipe() as (status, status_fd):
        process = await asyncio.create_subprocess_exec(
            *_command(argv, workdir, status_fd, given, isolate=isolate),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output_fd,
            stderr=output_fd if errors else asyncio.subprocess.DEVNULL,
            cwd=workdir,
            env=_ENVIRON | dict(environ or {}),
            pass_fds=(status_fd,),
            start_new_session=True,
        )
        os.close(output_fd)
        os.close(status_fd)
        reading = asyncio.create_task(_read(output, kept))
        code: int | None = None
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
        except TimeoutError:
            pass
        finally:
            await _end(process, reading)
        said = await status.read()
    return _ran(code, kept, said)


def _ran(code: int | None, kept: HeadAndTail, said: bytes) -> Ran:
    """What it came to; `said` is what its first process told of how it was confined."""
    told = msgspec.json.decode(said, type=_Told) if said else _Told()
    if code == _FAILED and told.failed is not None:
        raise SwarmError(f"the process cannot be confined: {told.failed}")
    return Ran(code=code, output=kept.kept(), omitted_bytes=kept.omitted_bytes, bounds=told.bounds)


def _command(
    argv: Sequence[str], workdir: Path, status_fd: int, bounds: Bounds, *, isolate: bool
) -> tuple[str, ...]:
    """The launcher, told what it is to start and how."""
    asked = {
        "argv": list(argv),
        "workdir": str(workdir),
        "isolate": isolate,
        "status_fd": status_fd,
        "cpu_s": bounds.cpu_s,
        "memory_bytes": bounds.memory_bytes,
        "file_bytes": bounds.file_bytes,
        "processes": bounds.processes,
    }
    return sys.executable, "-I", "-S", str(LAUNCH), json.dumps(asked)


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
    """Whatever happened: nothing of its group is left, and nobody reads on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
    await process.wait()
    # All who write are gone; one who left the group (possible without isolation) is not waited for.
    await asyncio.wait({reading}, timeout=1.0)
    reading.cancel()


async def _read(output: asyncio.StreamReader, kept: HeadAndTail) -> None:
    while chunk := await output.read(_CHUNK_BYTES):
        kept.add(chunk)


@contextlib.asynccontextmanager
async def _pipe() -> AsyncGenerator[tuple[asyncio.StreamReader, int]]:
    """A pipe's reader, and the descriptor to write to, which the caller closes."""
    read_fd, write_fd = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_fd, "rb", buffering=0)
    )
    try:
        yield reader, write_fd
    finally:
        transport.close()
