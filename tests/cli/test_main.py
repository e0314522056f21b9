"""The entrance: what there is, how quick it is to say so, and what becomes of errors."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.cli.spawned import environment

from farthing import __version__
from farthing.cli.main import COMMANDS, load, main
from farthing.errors import EXIT_CODES, BudgetExceededError, ConfigError, FarthingError, MissingKeyError

HEAVY = ("sqlalchemy", "aiohttp", "pydantic", "rich", "farthing.deployment", "farthing.config.load")


def imported_by(*arguments: str, home: Path) -> set[str]:
    """Which of the heavy modules a command has loaded when it is done."""
    code = f"import sys\nfrom farthing.cli.main import main\nmain({list(arguments)!r})\nprint(*sys.modules)"
    ran = subprocess.run(  # noqa: S603  # our own interpreter and code
        [sys.executable, "-c", code],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.splitlines()[-1].split()) & {*HEAVY}


def test_help_lists_every_command_and_the_exit_codes(farthing: Command) -> None:
    said = farthing("--help")
    assert said.code == 0
    assert [name for name in COMMANDS if f"  {name} " not in said.out] == []
    assert [code for code in {*EXIT_CODES.values(), 0, 1, 130} if str(code) not in said.out.split()] == []


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    assert imported_by("--help", home=tmp_path) == set()


def test_a_commands_help_does_not_load_what_the_command_works_with(tmp_path: Path) -> None:
    assert imported_by("run", "--help", home=tmp_path) <= {"rich", "pydantic"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(farthing: Command, name: str) -> None:
    command = load(name)
    paths = [[name, sub] for sub in command.commands] if hasattr(command, "commands") else [[name]]
    for path in paths:
        said = farthing(*path, "--help")
        assert (said.code, said.err) == (0, "")
        assert f"farthing {' '.join(path)}" in said.out.partition("Example")[2]


def test_version(farthing: Command) -> None:
    assert farthing("--version").out == f"farthing {__version__}\n"


def test_no_arguments_show_the_help(farthing: Command) -> None:
    said = farthing()
    assert "Usage: farthing" in said.out + said.err


def test_an_unknown_command_is_told_with_the_nearest(farthing: Command) -> None:
    said = farthing("rport")
    assert said.code == 2
    assert "report" in said.err
    assert "Traceback" not in said.err


def test_a_wrong_option_is_wrong_usage(farthing: Command) -> None:
    said = farthing("report", "--jsn")
    assert said.code == 2
    assert "--json" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x.json", []), 2),
        (MissingKeyError("no key", hint="set one"), 3),
        (BudgetExceededError("too much", refusal=None), 4),
        (FarthingError("anything else"), 1),
    ],
)
def test_errors_are_a_message_and_their_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: FarthingError, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("farthing.cli.work.config.tell_schema", fail)
    assert main(["config", "schema"]) == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("farthing.cli.work.config.tell_schema", fail)
    with pytest.raises(ZeroDivisionError):
        main(["config", "schema"])


def test_completion_knows_commands_and_options(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "farthing"],
        env=environment(
            tmp_path, _FARTHING_COMPLETE="complete_bash", COMP_WORDS="farthing re", COMP_CWORD="1"
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == ["report", "recommend", "rewrites"]
