"""What `make` promises beside the commands themselves: a list, no key in any of them, no index in a file."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, **environ: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(  # noqa: S603 - our own Makefile
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "target",
    [
        "demo",
        "test",
        "check",
        "bench",
        "bench-tools",
        "tool-servers",
        "fuzz",
        "schemas",
        "docs",
        "container",
        "requirements",
        "clean",
        "help",
    ],
)
def test_make_alone_lists_every_target(target: str) -> None:
    assert f"  make {target} " in make()


@pytest.mark.parametrize("name", ["OPENROUTER_API_KEY", "PYTHONPATH", "PIP_TARGET"])
def test_no_command_sees_a_key_or_an_outer_python(name: str) -> None:
    shown = make("--eval", f"show: ; @echo $${{{name}-absent}}", "show", **{name: "from-outside"})
    assert shown == "absent\n"


def test_ci_runs_what_a_contributor_types() -> None:
    commands = (ROOT / ".ci" / "run").read_text().splitlines()[-2:]
    assert commands == ["make check", "make test"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "fuzz.txt", "tool-servers.txt"])
def test_requirements_say_how_they_are_made(name: str) -> None:
    assert "make requirements" in (ROOT / "requirements" / name).read_text()[:200]
