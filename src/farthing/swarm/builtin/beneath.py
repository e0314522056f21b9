"""A folder that paths cannot leave. Everything is opened relative to it, one name after the other.

Promises: no `..`, no absolute path elsewhere and no symbolic link leads out, also not one that is put in the
place of a folder meanwhile, because each name is opened from the folder before it and never followed. Special
files are not opened. A file is written beside its place and moved there, so that a reader sees the old or the
new one, and a hard link to a file outside is replaced, not written through; reading follows it, because no
system tells which of a file's names is inside. `.git` may be read and not written.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

PASSED_OVER = frozenset({".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__"})
"""Folders whose contents are rarely meant: listed by name, not walked."""


class PathError(Exception):
    """A path that cannot be used; the text is the model's to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a folder has. `path` is relative to the workdir, with slashes; `stamp` changes with a file."""

    path: str
    kind: str
    """`file`, `folder`, `link` or `special`."""
    size_bytes: int
    stamp: tuple[int, int, int]


class Folder:
    """The workdir. Paths are relative to it, or absolute below it."""

    def __init__(self, root: Path) -> None:
        """Raises `PathError` where there is no such folder, or it is the whole system."""
        self.root = root.expanduser().resolve()
        if not self.root.is_dir():
            raise PathError(f"the workdir {str(root)!r} is no folder")
        if self.root == Path(self.root.anchor):
            raise PathError("the workdir is the whole system; name a folder of the work")

    def parts(self, path: str) -> tuple[str, ...]:
        """The names from the workdir to a path; none for the workdir itself. Raises `PathError`."""
        if "\0" in path:
            raise PathError("a path has a zero byte")
        pure = PurePosixPath(path)
        if pure.is_absolute():
            if not pure.is_relative_to(self.root):
                raise PathError(f"{path} is outside of the working folder; give a path relative to it")
            pure = pure.relative_to(self.root)
        if ".." in pure.parts:
            raise PathError(f"{path} has '..'; give a path relative to the working folder")
        return pure.parts

    def read(self, path: str, *, most_bytes: int) -> bytes:
        """A whole file. Raises `PathError` for what is no file or has more bytes."""
        with self._holder(path) as (folder, name), _opened(folder, name, path) as descriptor:
            size = os.fstat(descriptor).st_size
            if size > most_bytes:
                raise PathError(f"{path} has {size:,} bytes; at most {most_bytes:,} are read")
            return _read_all(descriptor, most_bytes)

    def write(self, path: str, data: bytes, *, expected: bytes | None = None) -> bool:
        """Writes a whole file, its folders made where they are missing; whether it is new.

        With `expected`, only in place of a file that still has this content. Raises `PathError`.
        """
        _refuse_inside_git(self.parts(path))
        with self._holder(path, make=True) as (folder, name):
            mode = _mode_of(folder, name, path)
            if expected is not None:
                with _opened(folder, name, path) as descriptor:
                    if _read_all(descriptor, len(expected) + 1) != expected:
                        raise PathError(f"{path} was changed by someone else meanwhile; read it again")
            beside = f".{name[:100]}.{secrets.token_hex(4)}~"
            descriptor = os.open(beside, _CREATE, 0o666 if mode is None else mode, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    if mode is not None:
                        os.fchmod(file.fileno(), mode)
                os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(beside, dir_fd=folder)
                raise
            return mode is None

    def delete(self, path: str) -> str:
        """Deletes a file, a link, or an empty folder; returns which it was. Raises `PathError`."""
        parts = self.parts(path)
        _refuse_inside_git(parts)
        if not parts:
            raise PathError("the working folder itself is not deleted")
        with self._holder(path) as (folder, name):
            kind = _kind(_stat(folder, name, path).st_mode)
            try:
                if kind == "folder":
                    os.rmdir(name, dir_fd=folder)
                else:
                    os.unlink(name, dir_fd=folder)
            except OSError as error:
                raise PathError(f"{path}: {error.strerror}") from None
            return kind

    def entries(self, path: str = ".") -> list[Entry]:
        """What a folder has, by name. Raises `PathError`."""
        with self._folder(self.parts(path), path) as descriptor:
            return _entries(descriptor, "/".join(self.parts(path)))

    def walk(self, path: str = ".", *, depth: int = 64, most: int = 100_000) -> Iterator[Entry]:
        """Everything below a folder, in order of path, links not followed, at most `most` entries."""
        left = [most]
        with self._folder(self.parts(path), path) as descriptor:
            yield from _walk(descriptor, "/".join(self.parts(path)), depth, left)

    @contextlib.contextmanager
    def _folder(self, parts: tuple[str, ...], path: str, *, make: bool = False) -> Generator[int]:
        descriptor = os.open(self.root, _FOLDER)
        try:
            for name in parts:
                below = _step(descriptor, name, path, make=make)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _holder(self, path: str, *, make: bool = False) -> Generator[tuple[int, str]]:
        """The open folder that holds a path, and the path's last name in it."""
        parts = self.parts(path)
        if not parts:
            raise PathError("give the path of a file, not of the working folder")
        with self._folder(parts[:-1], path, make=make) as descriptor:
            yield descriptor, parts[-1]


def _step(descriptor: int, name: str, path: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=descriptor)
    except FileNotFoundError:
        if not make:
            raise PathError(f"there is no {path}") from None
    except OSError:
        raise PathError(f"{path}: {name!r} is no folder, or a link; links are not followed") from None
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=descriptor)
    return _step(descriptor, name, path, make=False)


@contextlib.contextmanager
def _opened(folder: int, name: str, path: str) -> Generator[int]:
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        raise PathError(f"there is no {path}") from None
    except OSError as error:
        raise PathError(f"{path} cannot be opened: {_link_or(error)}") from None
    try:
        kind = _kind(os.fstat(descriptor).st_mode)
        if kind != "file":
            raise PathError(f"{path} is a {kind}, not a file")
        yield descriptor
    finally:
        os.close(descriptor)


def _link_or(error: OSError) -> str:
    return "links are not followed" if error.errno in (40, 62) else str(error.strerror)


def _read_all(descriptor: int, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    left = most_bytes
    while left > 0 and (chunk := os.read(descriptor, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _stat(folder: int, name: str, path: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise PathError(f"there is no {path}") from None


def _mode_of(folder: int, name: str, path: str) -> int | None:
    """The permissions of the file that would be replaced; None where there is none."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    kind = _kind(found.st_mode)
    if kind != "file":
        raise PathError(f"{path} is a {kind}, which is not written over")
    return stat.S_IMODE(found.st_mode) & 0o777


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


def _refuse_inside_git(parts: tuple[str, ...]) -> None:
    # A hook or a setting written there would be run by the next person who uses git.
    if any(part.lower() == ".git" for part in parts):
        raise PathError(".git is not written by this tool")


def _entries(descriptor: int, prefix: str) -> list[Entry]:
    found: list[Entry] = []
    with os.scandir(descriptor) as scanned:
        for one in scanned:
            with contextlib.suppress(FileNotFoundError):
                about = one.stat(follow_symlinks=False)
                path = f"{prefix}/{one.name}" if prefix else one.name
                stamp = (about.st_ino, about.st_mtime_ns, about.st_size)
                kind = _kind(about.st_mode)
                found.append(Entry(path=path, kind=kind, size_bytes=about.st_size, stamp=stamp))
    return sorted(found, key=lambda entry: entry.path)


def _walk(descriptor: int, prefix: str, depth: int, left: list[int]) -> Iterator[Entry]:
    for entry in _entries(descriptor, prefix):
        if left[0] <= 0:
            return
        left[0] -= 1
        yield entry
        name = entry.path.rpartition("/")[2]
        if entry.kind != "folder" or depth <= 1 or name in PASSED_OVER:
            continue
        try:
            below = os.open(name, _FOLDER, dir_fd=descriptor)
        except OSError:  # gone, or no longer a folder
            continue
        try:
            yield from _walk(below, entry.path, depth - 1, left)
        finally:
            os.close(below)


def text_of(data: bytes, path: str) -> str:
    """A file's text. Raises `PathError` for a binary one."""
    if b"\0" not in data[:8192]:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    raise PathError(f"{path} is a binary file of {len(data):,} bytes")


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits. `**` is any number of folders; a pattern without a slash fits at any depth."""
    if pattern.strip("*") == "":
        return True
    wanted = tuple(part for part in pattern.removeprefix("./").split("/") if part)
    if len(wanted) == 1:
        wanted = ("**", *wanted)
    return _fits(tuple(path.split("/")), wanted)


@lru_cache(maxsize=4096)
def _fits(path: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return not path
    if wanted[0] == "**":
        return _fits(path, wanted[1:]) or (bool(path) and _fits(path[1:], wanted))
    return bool(path) and fnmatchcase(path[0], wanted[0]) and _fits(path[1:], wanted[1:])
