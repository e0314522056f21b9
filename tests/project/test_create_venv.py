"""The script behind `make` takes the first Python that really works, whatever the PATH promises."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "create_venv.sh"

# A stand-in for an interpreter: `-c` answers whether it is new enough, `-m venv DIR` makes DIR.
WORKING = """#!/bin/sh
case "$1" in
  -c) exit 0 ;;
  -m) mkdir -p "$3/bin" && touch "$3/pyvenv.cfg" && cp "$0" "$3/bin/python" ;;
  --version) echo "Stand-in {name}" ;;
esac
"""
SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"
TOO_OLD = "#!/bin/sh\nexit 1\n"
VENV_FAILS = '#!/bin/sh\n[ "$1" = -c ] || { mkdir -p "$3"; touch "$3/half-made"; exit 1; }\n'
UV = """#!/bin/sh
for dir; do :; done
mkdir -p "$dir/bin" && touch "$dir/pyvenv.cfg"
printf '#!/bin/sh\\n[ "$1" = --version ] && echo "Stand-in uv"; exit 0\\n' > "$dir/bin/python"
chmod +x "$dir/bin/python"
"""


class Machine:
    """A PATH with chosen interpreters and nothing else but the tools that the script uses."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.venv = folder / "work" / ".venv"
        self.bin.mkdir()
        self.venv.parent.mkdir()
        for tool in ("rm", "mkdir", "cp", "touch", "chmod", "sh"):
            (self.bin / tool).symlink_to(
                next(p for p in map(Path, ("/bin", "/usr/bin")) if (p / tool).exists()) / tool
            )

    def has(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text.replace("{name}", name))
        path.chmod(0o755)

    def create(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own script with our own arguments
            [str(self.bin / "sh"), str(SCRIPT), str(self.venv)],
            env={"PATH": str(self.bin), **environ},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_python_is_taken(machine: Machine) -> None:
    for name in ("python3.11", "python3.13", "python3"):
        machine.has(name, WORKING)
    assert "python3.13" in machine.create().stdout


def test_shims_and_old_ones_and_those_without_venv_are_passed_over(machine: Machine) -> None:
    machine.has("python3.14", SHIM)
    machine.has("python3.13", TOO_OLD)
    machine.has("python3.12", VENV_FAILS)
    machine.has("python3", WORKING)
    done = machine.create()
    assert (done.returncode, done.stderr) == (0, "")
    assert "(python3)" in done.stdout
    assert not (machine.venv / "half-made").exists()


def test_a_python_that_is_named_comes_first(machine: Machine, tmp_path: Path) -> None:
    machine.has("python3.14", WORKING)
    machine.has("mine", WORKING)
    assert str(tmp_path / "bin" / "mine") in machine.create(PYTHON=str(tmp_path / "bin" / "mine")).stdout


def test_uv_serves_where_no_python_does(machine: Machine) -> None:
    machine.has("python3", TOO_OLD)
    machine.has("uv", UV)
    done = machine.create()
    assert (done.returncode, "found by uv" in done.stdout) == (0, True)


def test_without_any_python_there_is_one_clear_sentence(machine: Machine) -> None:
    machine.has("python3", TOO_OLD)
    done = machine.create()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Farthing needs Python 3.11 or newer")
    assert done.stderr.count("\n") == 1
    assert not machine.venv.exists()


def test_a_working_environment_is_kept(machine: Machine) -> None:
    machine.has("python3.12", WORKING)
    machine.create()
    (machine.venv / "mine").touch()
    assert machine.create().stdout == ""
    assert (machine.venv / "mine").exists()


def test_a_broken_environment_is_made_anew(machine: Machine) -> None:
    machine.has("python3.12", WORKING)
    machine.create()
    (machine.venv / "bin" / "python").write_text(SHIM)
    assert "python3.12" in machine.create().stdout


def test_a_folder_that_is_no_environment_is_never_removed(machine: Machine) -> None:
    machine.has("python3.12", WORKING)
    machine.venv.mkdir()
    (machine.venv / "letters").touch()
    done = machine.create()
    assert (done.returncode, "is in the way" in done.stderr) == (1, True)
    assert (machine.venv / "letters").exists()
