"""The package as its users get it: built, and installed where this folder is out of sight."""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


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


def built(folder: Path, *, root: Path = ROOT) -> Path:
    """The wheel of the sources in `root`, built into a folder."""
    ran(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=root)
    (found,) = folder.glob("*.whl")
    return found


def installed(wheel: Path, folder: Path) -> Path:
    """An environment with the wheel in it; its dependencies are those installed here."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
    ran(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=folder)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (site,) = (folder / "lib").glob("python*/site-packages")
    # A path file of a path file's folder is not read: this checkout stays out of sight.
    (site / "dependencies.pth").write_text(f"{here}\n")
    return folder
