"""The wheel: what is in it, and that it works in an environment that has never seen this folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGED = (
    "farthing/py.typed",
    "farthing/config/profiles/balanced.json",
    "farthing/catalog/books/2025-10-07-tutorial.json",
    "farthing/catalog/models.json",
    "farthing/examples/premium.py",
    "farthing/pytest_plugin.py",
)


def ran(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(  # noqa: S603 - our own programs
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it; its dependencies are those installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
    ran(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=folder)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (site,) = (folder / "lib").glob("python*/site-packages")
    # A path file of a path file's folder is not read: this checkout stays out of sight.
    (site / "dependencies.pth").write_text(f"{here}\n")
    return folder


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


def test_the_demo_runs_in_an_environment_of_its_own(installed: Path, tmp_path: Path) -> None:
    where = ran(installed / "bin" / "python", "-c", "import farthing; print(farthing.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed)
    demo = installed / "bin" / "farthing"
    told = json.loads(ran(demo, "demo", "--time-scale", "0", "--json", cwd=tmp_path))
    assert told["simulated"] is True
    assert len(told["tasks"]) == 9
    assert {entry["met"].split()[0] for entry in told["survived"]} == {"cut", "rate_limited"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_the_usual_shells(installed: Path, tmp_path: Path, shell: str) -> None:
    environment = {"_FARTHING_COMPLETE": f"source_{shell}", "_TYPER_COMPLETE_ARGS": ""}
    script = ran(installed / "bin" / "farthing", cwd=tmp_path, **environment)
    assert "_FARTHING_COMPLETE" in script
    assert "farthing" in script
