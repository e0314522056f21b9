"""Options that several commands share, and how their texts become values. Reads no file."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from farthing.money import parse_usd

if TYPE_CHECKING:
    from farthing.swarm.placing import Place


class Approve(StrEnum):
    """Who is asked about calls that need approval."""

    ask = "ask"
    never = "never"
    all = "all"


class Using(NamedTuple):
    """The tools that a prompt may use, by name, the folder of the built-in ones, and who is asked."""

    workdir: Path | None
    tools: list[str] | None
    approve: Approve


def profiles(incomplete: str) -> list[str]:
    """The profiles that a shell may complete to."""
    from farthing.config.packaged import profile_names

    return [name for name in profile_names() if name.startswith(incomplete)]


def dollars(text: str) -> Decimal:
    try:
        amount = parse_usd(text.removeprefix("$"))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; give dollars as 0.05") from None
    if amount < 0:
        raise typer.BadParameter(f"{text} is negative; give 0 or more")
    return amount


Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="budget, balanced, premium or production; else what DEPLOYMENT_CONFIG names, else balanced.",
        autocompletion=profiles,
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A .json or .toml file instead of a profile.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output and nothing else there.")]
Budget = Annotated[
    Decimal | None,
    typer.Option("--budget", metavar="USD", parser=dollars, help="Hard limit of the run, in dollars."),
]
MaxCost = Annotated[
    Decimal | None,
    typer.Option("--max-cost", metavar="USD", parser=dollars, help="Hard limit of all attempts together."),
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="NAME", help="The virtual key or tenant to charge; limits may name it."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="WORD", help="A word to group reports by; may be repeated."),
]
Workdir = Annotated[
    Path | None,
    typer.Option(
        "--workdir", metavar="DIR", help="The folder that built-in tools may touch; alone, it gives files."
    ),
]
Tools = Annotated[
    list[str] | None,
    typer.Option(
        "--tool",
        metavar="NAME",
        help="Tools of a capability (files, git), a server (mcp:NAME), or module:function; may be repeated.",
    ),
]
Approving = Annotated[
    Approve,
    typer.Option(
        "--approve",
        help="Calls that need approval: ask on the terminal or wait, never (the run pauses), all.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Keep result, per-agent files and run.json here.")
]

On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="ray[=ADDRESS]|workers",
        help="Who does the work: workers on a Ray cluster, or those that `farthing worker` started; "
        "needs PostgreSQL. Else this process.",
    ),
]

Url = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="Another ledger than the configured one.")
]
Simulated = Annotated[bool, typer.Option("--simulated", help="The ledger of simulated runs.")]


def source_of(profile: str | None, config: Path | None) -> str | Path | None:
    """What to load; None is the environment's choice. Raises a usage error when both are given."""
    if profile is not None and config is not None:
        raise typer.BadParameter("give --profile or --config, not both")
    return profile if config is None else config


def place_of(on: str | None, *, workers: int = 1) -> "Place | None":
    """Where a swarm's work is done; None is this process. Raises a usage error for another word."""
    if on is None:
        return None
    from farthing.cluster import Ray, Workers

    name, _, address = on.partition("=")
    if name == "ray":
        return Ray(address=address or None, workers=workers)
    if on == "workers":
        return Workers()
    raise typer.BadParameter(f"--on is {on!r}; give ray, ray=ADDRESS or workers")
