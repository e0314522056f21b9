"""The wheel: what is in it, and that it works in an environment that has never seen this folder."""

import json
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest
from tests.wheel import ROOT, built, installed, ran

TYPED = """\
from decimal import Decimal

from farthing import CostCalculator, Deployment, UsageProfile

usage = UsageProfile(input_tokens_per_month=10_000_000, output_tokens_per_month=2_000_000)
total: Decimal = CostCalculator(prices="tutorial").calculate_balanced_cost(usage).total

with Deployment("balanced") as deployment:
    result = deployment.execute_task_sync("What is a ledger?")
cost: Decimal = result.metrics.cost
wrong: int = result.output
"""

PACKAGED = (
    "farthing/py.typed",
    "farthing/config/profiles/balanced.json",
    "farthing/catalog/books/2025-10-07-tutorial.json",
    "farthing/catalog/models.json",
    "farthing/examples/premium.py",
    "farthing/pytest_plugin.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it."""
    return installed(wheel, tmp_path_factory.mktemp("environment"))


def test_everything_the_package_reads_is_in_it_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert set(PACKAGED) <= set(names)
    assert [name for name in names if name.endswith(".data/data/share/man/man1/farthing.1")] != []
    assert {name.split("/")[0].split("-")[0] for name in names} == {"farthing"}
    assert [name for name in names if name.endswith((".pyc", ".db", ".env"))] == []


def test_the_console_script_has_the_packages_name_and_pytest_finds_the_plugin(wheel: Path) -> None:
    """`uvx farthing` and `pipx run farthing` start the script that is named as the package."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(name).decode()
    assert "[console_scripts]\nfarthing = farthing.cli.main:run" in text
    assert "[pytest11]\nfarthing = farthing.pytest_plugin" in text
    assert metadata("farthing")["Name"] == "farthing"


def test_the_demo_runs_in_an_environment_of_its_own(home: Path, tmp_path: Path) -> None:
    where = ran(home / "bin" / "python", "-c", "import farthing; print(farthing.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(home)
    demo = home / "bin" / "farthing"
    told = json.loads(ran(demo, "demo", "--time-scale", "0", "--json", cwd=tmp_path))
    assert told["simulated"] is True
    assert len(told["tasks"]) == 9
    assert {entry["met"].split()[0] for entry in told["survived"]} == {"cut", "rate_limited"}


def test_a_users_program_is_checked_against_its_types(home: Path, tmp_path: Path) -> None:
    """`py.typed` is in the wheel, and what a strict checker finds there is complete."""
    (tmp_path / "use.py").write_text(TYPED)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    python = home / "bin" / "python"
    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", str(python), "use.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    faults = json.loads(done.stdout)["generalDiagnostics"]
    assert [TYPED.splitlines()[fault["range"]["start"]["line"]] for fault in faults] == [
        "wrong: int = result.output"
    ]


def test_the_source_archive_has_what_builds_and_tests_it(tmp_path: Path) -> None:
    ran(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path, cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (root,) = (path for path in tmp_path.iterdir() if path.is_dir())
    wheels = [built(tmp_path / "again", root=root), built(tmp_path / "here")]
    again, here = (sorted(zipfile.ZipFile(wheel).namelist()) for wheel in wheels)
    assert again == here
    for name in (
        "Makefile",
        "mkdocs.yml",
        "Containerfile",
        ".dockerignore",
        ".ci/run",
        "requirements/dev.txt",
    ):
        assert (root / name).is_file(), name
    assert not (root / ".venv").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_the_usual_shells(home: Path, tmp_path: Path, shell: str) -> None:
    environment = {"_FARTHING_COMPLETE": f"source_{shell}", "_TYPER_COMPLETE_ARGS": ""}
    script = ran(home / "bin" / "farthing", cwd=tmp_path, **environment)
    assert "_FARTHING_COMPLETE" in script
    assert "farthing" in script


def test_bash_completes_commands_and_profiles(home: Path, tmp_path: Path) -> None:
    script = ran(home / "bin" / "farthing", cwd=tmp_path, _FARTHING_COMPLETE="source_bash")
    (tmp_path / "complete.sh").write_text(
        script + "COMP_WORDS=($1); COMP_CWORD=$2; _farthing_completion farthing; echo ${COMPREPLY[@]}\n"
    )
    path = f"{home / 'bin'}:/usr/bin:/bin"

    def completed(words: str) -> set[str]:
        count = str(len(words.split()) - 1)
        return set(ran("bash", "complete.sh", words, count, cwd=tmp_path, PATH=path).split())

    assert completed("farthing e") == {"example", "explain", "estimate"}
    assert {"balanced", "balanced-2026"} <= completed("farthing deploy bal")
    assert "--json" in completed("farthing report --")
