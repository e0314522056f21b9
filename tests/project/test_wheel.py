"""The wheel: what is in it, and that it works in an environment that has never seen this folder."""

import json
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest
from tests.wheel import built, installed, ran

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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_the_usual_shells(home: Path, tmp_path: Path, shell: str) -> None:
    environment = {"_FARTHING_COMPLETE": f"source_{shell}", "_TYPER_COMPLETE_ARGS": ""}
    script = ran(home / "bin" / "farthing", cwd=tmp_path, **environment)
    assert "_FARTHING_COMPLETE" in script
    assert "farthing" in script
