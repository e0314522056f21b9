"""`farthing config`: what is in force and where it comes from, whether a file is right, and its JSON Schema."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import BaseModel

from farthing.cli import options, show
from farthing.config.environment import SETTINGS, read_environment
from farthing.config.json_schema import deployment_json_schema
from farthing.config.load import DEFAULT_PROFILE, api_key, inert_settings, load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_SHOW = """\
**Examples**

farthing config show --profile production

farthing config show --config team.json --json > effective.json
"""
_VALIDATE = """\
**Example**

farthing config validate team.json other.toml
"""
_SCHEMA = """\
**Example**

farthing config schema > deployment-config.schema.json
"""


@app.callback()
def config() -> None:
    """Show or validate a configuration, or print its JSON Schema."""


@app.command(epilog=_SHOW)
def show_(
    profile: options.Profile = None, config: options.ConfigFile = None, as_json: options.Json = False
) -> None:
    """Show the configuration in force, and where each setting comes from. The key is never shown."""
