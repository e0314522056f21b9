"""The swarm that a command line asks for: agents and a goal, or a file; checked before anything is opened."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import typer

from farthing.catalog.further import with_upstreams
from farthing.cli.work.team import limited, specs_for
from farthing.cli.work.toolnames import tools_asked, within
from farthing.config.load import load_catalog, load_config
from farthing.config.schema import DeploymentConfig
from farthing.config.swarmload import load_swarm
from farthing.errors import ConfigError, ConfigFault
from farthing.swarm.agent import specs_from
from farthing.swarm.checking import checked_swarm
from farthing.swarm.definition import Team


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSwarm:
    """The options as they were given. `source` is the profile or configuration, None where neither is."""

    goal: str | None
    agents: str | None
    file: Path | None
    inputs: tuple[str, ...]
    source: str | Path | None
    budget_usd: Decimal | None
    workdir: Path | None = None
    tools: tuple[str, ...] = ()
    """Names, for all agents of a team; a file names its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSwarm:
    """What is to be run, and by which configuration."""

    team: Team
    goal: str
    settings: DeploymentConfig
    budget_usd: Decimal | None
    profile: str | None = None
    """By what another process finds the same configuration again."""
    notes: tuple[str, ...] = ()
    place: str = "the swarm"


def told_swarm(asked: AskedSwarm, *, needs_goal: bool = True) -> ToldSwarm:
    """The swarm. Raises `ConfigError` with every fault of a file, `SwarmError` for a mistyped team."""
    told = _of_agents(asked) if asked.file is None else _of_file(asked, asked.file)
    if needs_goal and not told.goal.strip():
        problem = "is not given; say it on the command line, or as `goal` in the file"
        raise ConfigError(told.place, [ConfigFault(path="goal", value=None, problem=problem)])
    return told


def _of_agents(asked: AskedSwarm) -> ToldSwarm:
    if asked.inputs:
        raise typer.BadParameter("--input is for a swarm file; give one with --file")
    settings = load_config(asked.source, overrides=limited(asked.budget_usd) | within(asked.workdir))
    team = specs_for(settings) if asked.agents is None else specs_from(asked.agents)
    tools = tools_asked(asked.tools, asked.workdir)
    return ToldSwarm(
        team=[replace(spec, tools=tools) for spec in team],
        goal=asked.goal or "",
        settings=settings,
        budget_usd=None,
        profile=_named(asked.source),
    )


def _of_file(asked: AskedSwarm, path: Path) -> ToldSwarm:
    if asked.agents is not None:
        raise typer.BadParameter("give --agents or --file, not both")
    if asked.tools:
        raise typer.BadParameter("a swarm file names its tools itself; leave --tool out")
    swarm = load_swarm(path, inputs=dict(_input(text) for text in asked.inputs))
    if asked.budget_usd is not None:
        swarm = swarm.model_copy(update={"budget_usd": asked.budget_usd})
    settings = load_config(
        asked.source or swarm.profile, overrides={**swarm.overrides(), **within(asked.workdir)}
    )
    catalog = with_upstreams(load_catalog(), settings.upstreams)
    checked = checked_swarm(swarm, settings, catalog, datetime.now(UTC).date())
    if checked.faults:
        raise ConfigError(str(path), list(checked.faults))
    return ToldSwarm(
        team=swarm,
        goal=asked.goal or swarm.goal,
        settings=settings,
        budget_usd=swarm.budget_usd,
        profile=_named(asked.source or swarm.profile),
        notes=checked.notes,
        place=str(path),
    )


def _named(source: str | Path | None) -> str | None:
    return str(source.resolve()) if isinstance(source, Path) else source


def _input(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r} is no input; give NAME=VALUE")
    return name.strip(), value
