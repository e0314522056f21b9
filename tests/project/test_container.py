"""The container file, as far as that can be told without an engine: what it copies is all that it needs."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from tests.wheel import ROOT, built

FILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
COPIED = [
    source
    for line in re.findall(r"^COPY (?!--from)(.*)$", FILE, re.MULTILINE)
    for source in line.split()[:-1]
]


def test_only_what_is_copied_is_sent_to_the_engine() -> None:
    """No key in a `.env`, no ledger, no history: everything is left out but what the build names."""
    assert (IGNORED[0], IGNORED[-1]) == ("*", "**/__pycache__")
    assert {pattern.removeprefix("!") for pattern in IGNORED[1:-1]} == set(COPIED)


def test_what_is_copied_makes_the_same_wheel(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for source in COPIED:
        place = context / source
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
    wheels = [built(tmp_path / "inside", root=context), built(tmp_path / "outside")]
    inside, outside = (sorted(zipfile.ZipFile(wheel).namelist()) for wheel in wheels)
    assert inside == outside


def test_the_image_is_pinned_lean_and_not_roots() -> None:
    bases = re.findall(r"^FROM (\S+)", FILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+", base) for base in bases)
    last = FILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)\w+$", last, re.MULTILINE)
    assert '\nENTRYPOINT ["farthing"]\n' in last
    assert "pip install" not in last
    assert "--require-hashes" in FILE
    assert not re.search(r"^(ARG|ENV) .*KEY", FILE, re.MULTILINE)


def made(*folders: Path) -> subprocess.CompletedProcess[str]:
    """`make container` where these folders' programs come first."""
    path = ":".join([*map(str, folders), "/usr/bin", "/bin"])
    return subprocess.run(
        ["make", "--no-print-directory", "container"],  # noqa: S607 - found on that path
        cwd=ROOT,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_where_no_engine_answers_make_says_so(tmp_path: Path) -> None:
    for name in ("podman", "docker"):
        program(tmp_path / name, "echo no daemon >&2; exit 1")
    done = made(tmp_path)
    assert done.returncode != 0
    assert "No container engine answers here" in done.stderr
    assert "no daemon" not in done.stderr


def test_the_engine_that_answers_is_asked_to_build(tmp_path: Path) -> None:
    program(tmp_path / "podman", "exit 1")
    program(tmp_path / "docker", 'echo "asked: $*"')
    assert made(tmp_path).stdout == "asked: build --tag farthing --file Containerfile .\n"
