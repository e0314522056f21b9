"""The entrance of the command line: which commands there are, and what an error becomes.

`farthing --help` must stay quick, so the commands stand here as a table, and a command's module is imported
when it is called. Errors of the tree in `errors.py` become a message and an exit code, never a traceback.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Annotated, Any, NamedTuple, TextIO

import typer
from typer.core import TyperGroup

from farthing.errors import FarthingError, exit_code


class Entry(NamedTuple):
    """A command's line in the list; its module has the same name and an `app`."""

    panel: str
    help: str


_WORK, _MONEY, _SETUP = "Work", "Route and money", "Set-up"

COMMANDS = {
    "demo": Entry(_WORK, "See the whole product at work against a simulator: no key, no cost."),
    "example": Entry(_WORK, "See a typical piece of work on budget, balanced or premium, simulated."),
    "run": Entry(_WORK, "Send one prompt to a model that is good enough for little money."),
    "swarm": Entry(_WORK, "Set a team of agents to work on a goal."),
    "runs": Entry(_WORK, "List runs of swarms, look into one, end it, show it again."),
    "worker": Entry(_WORK, "Do pieces of swarms that other processes have deployed, from one database."),
    "deploy": Entry(_WORK, "Check a profile, then give it a goal or a file of tasks."),
    "memory": Entry(_WORK, "Read, change and watch what agents and runs remember together."),
    "mcp": Entry(_WORK, "Serve tasks, swarms and the cost report to other agents, under a budget."),
    "explain": Entry(_MONEY, "Show which models a prompt would go to, why, and at what cost; sends nothing."),
    "estimate": Entry(
        _MONEY, "Show what a month would cost on each profile, against a baseline; sends nothing."
    ),
    "audit": Entry(_MONEY, "Read usage exports: what they cost, and what each profile would have cost."),
    "report": Entry(_MONEY, "Show what was spent this month, or by one run, and what it saved."),
    "recommend": Entry(_MONEY, "Propose what could cost less, from the ledger, each with its saving."),
    "show": Entry(_MONEY, "Show why a call cost what it cost: route, limits, prices, tokens, bill, rows."),
    "ledger": Entry(_MONEY, "Prove the ledger, settle what is uncertain by the bill, copy it, put it away."),
    "alerts": Entry(_MONEY, "List the alerts that were raised, or try the channels they go to."),
    "health": Entry(_MONEY, "Show which models and providers rest, for how long, and why."),
    "cache": Entry(_MONEY, "Show which answers are kept to be given again, or forget them."),
    "shorten": Entry(_MONEY, "Show what prompt optimisation takes out of a prompt; sends nothing."),
    "rewrites": Entry(_MONEY, "Propose, measure and review shorter forms of prompt templates."),
    "init": Entry(_SETUP, "Answer a few questions, get a profile with an estimate, and the first files."),
    "migrate": Entry(
        _SETUP, "Keep the checklist of a migration from Claude or GPT: what is done, what is next."
    ),
    "compare": Entry(_MONEY, "Send your prompts to a profile and to the baseline; see both side by side."),
    "check": Entry(_SETUP, "Find rules of a configuration that can never act; prove that the others do."),
    "models": Entry(_MONEY, "List and compare models, fetch today's prices, check a configuration's models."),
    "config": Entry(_SETUP, "Show or validate a configuration, or print its JSON Schema."),
    "tools": Entry(_SETUP, "List the tools that agents may use, call one, or check that all can be had."),
    "simulator": Entry(_SETUP, "Run an OpenRouter on this machine, with latencies, bills and faults."),
    "bench": Entry(_SETUP, "Measure what the README claims."),
}

_EPILOG = """\
Begin with: farthing demo

Exit codes: 0 done · 1 another error · 2 wrong usage, configuration or task · 3 no API key ·
4 a budget would be passed · 5 no model can take the task · 6 a task, swarm or tool failed ·
7 the ledger's database does not answer · 8 a run waits for a person's word · 130 interrupted

Environment: OPENROUTER_API_KEY, OPENROUTER_BASE_URL, DEPLOYMENT_CONFIG, MONTHLY_BUDGET,
ENABLE_COST_TRACKING, FARTHING_DATABASE_URL, FARTHING_ENV; also from .env in the working directory
FARTHING_LOG (text or json), FARTHING_LOG_LEVEL: a log on standard error; from the environment only
"""


class Commands(TyperGroup):
    """The group that puts a command's real form in the place of its line when it is called or completed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """As the parent's. `Any`: the click inside Typer has no public name to annotate with."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands by panel."""
        for panel in dict.fromkeys(entry.panel for entry in COMMANDS.values()):
            with formatter.section(panel):
                formatter.write_dl([(name, e.help) for name, e in COMMANDS.items() if e.panel == panel])


def load(name: str) -> Any:  # a click command, for which Typer has no public name
    """The command or group of that name, from its module."""
    command = typer.main.get_command(import_module(f"farthing.cli.{name}").app)
    command.name = name
    return command


app = typer.Typer(
    name="farthing",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # drawn without Rich, which takes longer to load than all else here
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from farthing import __version__

        typer.echo(f"farthing {__version__}")
        raise typer.Exit


@app.callback()
def farthing(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Teams of LLM agents for farthings: every task to a model that is good enough, every cent known."""


def _line() -> None:
    """Stands for a command in the list; `Commands` replaces it before it could be called."""


for _name, _entry in COMMANDS.items():
    app.command(_name, help=_entry.help)(_line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code. `arguments` None is the process's own."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command: Callable[..., object] = typer.main.get_command(app)
    try:
        with _log():
            command(given, prog_name="farthing")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except FarthingError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code(error)
    except KeyboardInterrupt:
        return 130
    return 0


def _log() -> AbstractContextManager[None]:
    """The log that the environment asks for; nothing of it is loaded where it asks for none."""
    if not any(os.environ.get(name) for name in ("FARTHING_LOG", "FARTHING_LOG_LEVEL")):
        return nullcontext()
    from farthing.cli.work.log import command_log

    return command_log()


def run() -> None:
    """The `farthing` script."""
    for stream in (sys.stdout, sys.stderr):
        _replace_what_cannot_be_shown(stream)
    sys.exit(main())


def _replace_what_cannot_be_shown(stream: TextIO) -> None:
    """A tick on a terminal without Unicode is a question mark, not a traceback."""
    reconfigure: object = getattr(stream, "reconfigure", None)
    if callable(reconfigure):
        reconfigure(errors="replace")
