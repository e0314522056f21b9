"""The tools for files: what a model is shown, and what is refused."""

import threading
from pathlib import Path

import pytest

from farthing.swarm.builtin.beneath import Folder, PathError, matches
from farthing.swarm.builtin.files import MOST_WRITTEN_BYTES, Files
from farthing.swarm.builtin.search import Search


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src/deep").mkdir(parents=True)
    (tmp_path / "src/app.py").write_text("import os\n\n\ndef main() -> None:\n    print(os.sep)\n")
    (tmp_path / "src/deep/util.py").write_text("def main() -> None: ...\n")
    (tmp_path / "notes.md").write_text("# Notes\nThe ledger is durable.\n")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "node_modules/x").mkdir(parents=True)
    (tmp_path / "node_modules/x/main.py").write_text("def main(): ...\n")
    return tmp_path


@pytest.fixture
def files(root: Path) -> Files:
    return Files(Folder(root))


def test_a_whole_file_is_read_as_it_is(files: Files) -> None:
    assert files.read_file("notes.md") == "# Notes\nThe ledger is durable.\n"


@pytest.mark.parametrize(
    ("start", "lines", "text"),
    [
        (1, 1, "[lines 1 to 1 of 5]\nimport os\n"),
        (4, 2, "[lines 4 to 5 of 5]\ndef main() -> None:\n    print(os.sep)\n"),
        (-3, 1, "[lines 1 to 1 of 5]\nimport os\n"),
        (9, 2, "[lines 9 to 8 of 5]\n"),
    ],
)
def test_lines_are_read(files: Files, start: int, lines: int, text: str) -> None:
    assert files.read_file("src/app.py", start, lines) == text


def test_what_is_shown_of_a_long_file_says_where_it_ends(files: Files, root: Path) -> None:
    (root / "long.txt").write_text("".join(f"line {number:06}\n" for number in range(9000)))
    shown = files.read_file("long.txt", lines=9000)
    assert len(shown) < 15_000
    last = int(shown.partition(" to ")[2].partition(" of ")[0])
    assert files.read_file("long.txt", last + 1, 1).splitlines()[1] == f"line {last:06}"


def test_a_binary_file_is_noticed(files: Files) -> None:
    with pytest.raises(PathError, match=r"logo\.png is a binary file of 6 bytes"):
        files.read_file("logo.png")


def test_folders_are_listed_to_a_depth(files: Files) -> None:
    assert files.list_files(depth=1).splitlines() == [
        "logo.png  6",
        "node_modules/",
        "notes.md  31",
        "src/",
    ]
    assert "src/deep/util.py  24" in files.list_files("src")
    assert "node_modules/x" not in files.list_files(depth=5)


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a/b/c.py", "*.py", True),
        ("a/b/c.py", "**/*.py", True),
        ("c.py", "**/*.py", True),
        ("a/b/c.py", "a/*.py", False),
        ("a/b/c.py", "a/**/c.*", True),
        ("a/c.py", "a/**/c.*", True),
        ("a/b/c.py", "./a/b/*", True),
        ("a/b/c.py", "**", True),
        ("a/b/c.py", "b", False),
        ("a/b/c.py", "a", False),
    ],
)
def test_patterns_of_paths(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, pattern) is fits


def test_many_stars_do_not_take_for_ever() -> None:
    assert not matches("/".join("a" * 60), "/".join(["**", "a"] * 12) + "/b")
    assert not matches("a" * 200, "*a" * 40 + "b")


def test_files_are_found(files: Files) -> None:
    assert files.find_files("*.py").splitlines() == ["src/app.py", "src/deep/util.py"]
    assert files.find_files("*.rs") == "no file fits *.rs"


async def test_lines_are_searched(files: Files) -> None:
    found = await files.search_text(r"def \w+\(\)")
    assert found.splitlines() == [
        "src/app.py:4: def main() -> None:",
        "src/deep/util.py:1: def main() -> None: ...",
    ]
    assert (await files.search_text("LEDGER", "*.md", True)).startswith("notes.md:2:")
    assert await files.search_text("LEDGER") == "no line fits LEDGER"


async def test_a_wrong_pattern_says_what_is_wrong(files: Files) -> None:
    with pytest.raises(PathError, match="is no regular expression: missing"):
        await files.search_text("(")


async def test_an_endless_pattern_is_ended(files: Files, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.swarm.builtin.files._GREP_S", 0.05)
    (root / "bad.txt").write_text("a" * 60 + "!\n")
    with pytest.raises(PathError, match="took too long"):
        await files.search_text(r"(a+)+$", "bad.txt")


def test_files_are_written_with_their_folders(files: Files, root: Path) -> None:
    assert files.write_file("new/deep/report.md", "# Report\n") == "made new/deep/report.md, 9 bytes"
    assert files.write_file("new/deep/report.md", "x") == "replaced new/deep/report.md, 1 bytes"
    assert (root / "new/deep/report.md").read_text() == "x"


def test_a_text_that_is_too_long_is_not_written(files: Files, root: Path) -> None:
    with pytest.raises(PathError, match="at most"):
        files.write_file("x.txt", "x" * (MOST_WRITTEN_BYTES + 1))
    assert not (root / "x.txt").exists()


def test_a_text_is_replaced_where_it_is_once(files: Files, root: Path) -> None:
    assert files.edit_file("notes.md", "durable", "kept") == "replaced 1 place in notes.md"
    assert (root / "notes.md").read_text() == "# Notes\nThe ledger is kept.\n"


@pytest.mark.parametrize(
    ("old", "said"), [("nowhere", "does not contain"), ("", "does not contain"), ("e", "5 times")]
)
def test_an_unclear_place_is_refused(files: Files, root: Path, old: str, said: str) -> None:
    before = (root / "notes.md").read_text()
    with pytest.raises(PathError, match=said):
        files.edit_file("notes.md", old, "x")
    assert (root / "notes.md").read_text() == before


def test_every_place_may_be_asked_for(files: Files, root: Path) -> None:
    assert files.edit_file("notes.md", "e", "E", every=True) == "replaced 5 places in notes.md"


def test_edits_side_by_side_lose_nothing(files: Files, root: Path) -> None:
    (root / "list.txt").write_text("".join(f"<{number}>\n" for number in range(40)))
    edits = [
        threading.Thread(target=files.edit_file, args=("list.txt", f"<{number}>", f"done {number}"))
        for number in range(40)
    ]
    for edit in edits:
        edit.start()
    for edit in edits:
        edit.join()
    assert (root / "list.txt").read_text() == "".join(f"done {number}\n" for number in range(40))


def test_files_are_deleted(files: Files, root: Path) -> None:
    assert files.delete_file("src/app.py") == "deleted the file src/app.py"
    assert not (root / "src/app.py").exists()
    with pytest.raises(PathError, match="not empty"):
        files.delete_file("src")


def test_a_question_finds_the_passage_that_fits(root: Path) -> None:
    (root / "long.md").write_text("filler\n" * 100 + "Invoices are archived after ninety days.\n")
    search = Search(Folder(root))
    assert search.search_files("when is an invoice archived?").startswith("long.md, line 91:")
    assert "has to do with" in search.search_files("zebra")


def test_a_changed_file_is_read_again(root: Path) -> None:
    search = Search(Folder(root))
    assert "notes.md" in search.search_files("ledger")
    (root / "notes.md").write_text("Nothing of the kind, and longer than it was before.\n")
    (root / "other.md").write_text("A ledger.\n")
    assert search.search_files("ledger").startswith("other.md, line 1:")
