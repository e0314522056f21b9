"""A folder that paths cannot leave: every way out that we know of, tried."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.builtin.beneath import Folder, PathError

MOST = 1 << 20


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def folder(tmp_path: Path, outside: Path) -> Folder:
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text("print()\n")
    (root / "out").symlink_to(outside)
    (root / "leak.txt").symlink_to(outside / "secret.txt")
    (root / "loop").symlink_to("loop")
    return Folder(root)


WAYS_OUT = [
    "../outside/secret.txt",
    "src/../../outside/secret.txt",
    "/etc/passwd",
    "out/secret.txt",
    "leak.txt",
    "loop",
    "loop/x",
    "out",
    "src/app.py/x",
    "a\0b",
    "..",
    ".",
    "",
    "/",
]


@pytest.mark.parametrize("path", WAYS_OUT)
def test_no_path_reads_outside(folder: Folder, path: str) -> None:
    with pytest.raises(PathError):
        folder.read(path, most_bytes=MOST)


@pytest.mark.parametrize("path", WAYS_OUT)
def test_no_path_writes_outside(folder: Folder, outside: Path, path: str) -> None:
    with pytest.raises(PathError):
        folder.write(path, b"mine")
    assert (outside / "secret.txt").read_text() == "secret"
    assert sorted(one.name for one in outside.iterdir()) == ["secret.txt"]


@pytest.mark.parametrize("path", ["out/secret.txt", "../outside/secret.txt", ".", "", "/etc/passwd", "src"])
def test_no_path_deletes_outside(folder: Folder, outside: Path, path: str) -> None:
    with pytest.raises(PathError):
        folder.delete(path)
    assert (outside / "secret.txt").exists()


def test_a_link_itself_may_be_deleted(folder: Folder, outside: Path) -> None:
    assert folder.delete("out") == "link"
    assert (outside / "secret.txt").exists()


@pytest.mark.parametrize("path", ["out", "..", "/", "../outside", "src/app.py"])
def test_no_path_lists_outside(folder: Folder, path: str) -> None:
    with pytest.raises(PathError):
        list(folder.walk(path))


def test_walking_tells_links_and_does_not_follow_them(folder: Folder) -> None:
    found = {entry.path: entry.kind for entry in folder.walk()}
    assert found == {
        "leak.txt": "link",
        "loop": "link",
        "out": "link",
        "src": "folder",
        "src/app.py": "file",
    }


def test_an_absolute_path_below_the_folder_is_its_own(folder: Folder) -> None:
    assert folder.read(f"{folder.root}/src/app.py", most_bytes=MOST) == b"print()\n"


def test_a_hard_link_is_replaced_and_not_written_through(folder: Folder, outside: Path) -> None:
    os.link(outside / "secret.txt", folder.root / "hard.txt")
    folder.write("hard.txt", b"mine")
    assert (outside / "secret.txt").read_text() == "secret"
    assert (folder.root / "hard.txt").read_text() == "mine"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # its length is bounded


@pytest.mark.parametrize("make", [_pipe, _socket])
def test_special_files_are_neither_read_nor_written_over(
    folder: Folder, make: Callable[[Path], None]
) -> None:
    make(folder.root / "special")
    with pytest.raises(PathError):
        folder.read("special", most_bytes=MOST)
    with pytest.raises(PathError, match="is a special"):
        folder.write("special", b"x")


def test_a_folder_swapped_for_a_link_meanwhile_leads_nowhere(folder: Folder, outside: Path) -> None:
    """One thread swaps a folder and a link to the outside, another writes and reads through that name."""
    (outside / "app.py").write_text("outside")
    stop = threading.Event()

    def swap() -> None:
        place = folder.root / "swapped"
        for number in count():
            if stop.is_set():
                return
            with suppress(OSError):  # the other thread makes the folder anew
                place.rename(folder.root / f"aside-{number}")
            with suppress(OSError):
                place.symlink_to(outside)
            with suppress(OSError):
                place.unlink()

    swapping = threading.Thread(target=swap)
    swapping.start()
    went = 0
    try:
        for number in range(3_000):
            try:
                folder.write("swapped/app.py", f"inside {number}".encode())
                went += folder.read("swapped/app.py", most_bytes=MOST) != b"outside"
            except PathError:
                continue
    finally:
        stop.set()
        swapping.join()
    assert went > 0
    assert (outside / "app.py").read_text() == "outside"
    assert sorted(one.name for one in outside.iterdir()) == ["app.py", "secret.txt"]


def test_a_writing_that_fails_leaves_the_old_file_and_nothing_beside_it(folder: Folder) -> None:
    with pytest.raises(PathError, match="changed by someone else"):
        folder.write("src/app.py", b"new", expected=b"not what is there")
    assert [one.name for one in (folder.root / "src").iterdir()] == ["app.py"]
    assert (folder.root / "src/app.py").read_text() == "print()\n"


def test_permissions_survive_a_writing(folder: Folder) -> None:
    (folder.root / "src/app.py").chmod(0o750)
    folder.write("src/app.py", b"new")
    assert (folder.root / "src/app.py").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", ".git/config", "sub/.git/config", ".GIT/config"])
def test_what_git_would_run_is_not_written(folder: Folder, path: str) -> None:
    with pytest.raises(PathError, match="not written by this tool"):
        folder.write(path, b"#!/bin/sh\n")
    with pytest.raises(PathError):
        folder.delete(path)


def test_a_large_file_is_refused_before_it_is_read(folder: Folder) -> None:
    (folder.root / "large").write_bytes(b"x" * 101)
    with pytest.raises(PathError, match="has 101 bytes; at most 100"):
        folder.read("large", most_bytes=100)


@pytest.mark.parametrize("root", ["/", "missing", "src/app.py"])
def test_what_is_no_folder_of_work_is_refused(folder: Folder, root: str) -> None:
    with pytest.raises(PathError):
        Folder(folder.root / root)


@given(
    st.lists(st.sampled_from(["..", ".", "", "src", "out", "app.py", "secret.txt", "loop", "/"]), max_size=6)
)
def test_no_mixture_of_names_leads_out(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    base = tmp_path_factory.getbasetemp() / "mixture"
    root, secret = base / "work", base / "outside" / "secret.txt"
    if not root.exists():
        secret.parent.mkdir(parents=True)
        secret.write_text("secret")
        (root / "src").mkdir(parents=True)
        (root / "src/app.py").write_text("inside")
        (root / "out").symlink_to(secret.parent)
        (root / "src/out").symlink_to("../../outside")
    try:
        found = Folder(root).read("/".join(names), most_bytes=MOST)
    except PathError:
        return
    assert found == b"inside"
