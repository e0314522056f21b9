"""The file beside the ledger: whole or not at all, one change at a time, never ours when it is damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from farthing.cli.work.milestones import change_kept, kept_path, read_kept
from farthing.errors import FarthingError
from farthing.usage.migration import Kept, marked

AT = "2026-11-24T10:00:00+00:00"


def test_it_lies_beside_the_ledger(tmp_path: Path) -> None:
    assert kept_path({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "farthing" / "migration.json"


def test_without_a_file_nothing_is_kept_and_reading_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "farthing" / "migration.json"
    assert read_kept(path) == Kept()
    assert list(tmp_path.iterdir()) == []


def test_a_change_is_written_and_read_back_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state" / "migration.json"
    made = change_kept(path, lambda kept: marked(kept, "tenth", note="a", at=AT))
    assert read_kept(path) == made
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["migration.json", "migration.lock"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    change_kept(path, lambda kept: marked(kept, "tenth", note="", at=AT))
    before = path.read_bytes()
    with pytest.raises(FarthingError, match="no item"):
        change_kept(path, lambda kept: marked(kept, "nothing", note="", at=AT))
    assert path.read_bytes() == before


def test_a_damaged_file_is_told_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    path.write_text("{")
    with pytest.raises(FarthingError, match=r"migration\.json cannot be read"):
        read_kept(path)
    with pytest.raises(FarthingError, match=r"migration\.json cannot be read"):
        change_kept(path, lambda kept: kept)
    assert path.read_text() == "{"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "farthing").write_text("a file where the folder would be")
    with pytest.raises(FarthingError, match="cannot be written"):
        change_kept(tmp_path / "farthing" / "migration.json", lambda kept: kept)


_MARKS = """
import sys
from pathlib import Path
from farthing.cli.work.milestones import change_kept
from farthing.usage.migration import marked
for item in sys.argv[2:]:
    change_kept(Path(sys.argv[1]), lambda kept: marked(kept, item, note="", at="2026-11-24"))
"""


def test_two_processes_lose_no_mark(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    shares = (["tenth", "watch", "rules", "half", "tune"], ["costs", "learnings", "all", "caching", "roi"])
    processes = [
        subprocess.Popen([sys.executable, "-c", _MARKS, str(path), *share], env=dict(os.environ))  # noqa: S603 - our own interpreter
        for share in shares
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert set(read_kept(path).marks) == {item for share in shares for item in share}
