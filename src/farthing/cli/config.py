"""`farthing config`: show, validate, schema. What they take; `work/config.py` does it."""

from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

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


@app.command("show", epilog=_SHOW)
def show_in_force(
    profile: options.Profile = None, config: options.ConfigFile = None, as_json: options.Json = False
) -> None:
    """Show the configuration in force, and where each setting comes from. The key is never shown."""
    from farthing.cli.work.config import tell_in_force

    tell_in_force(options.source_of(profile, config), as_json=as_json)


@app.command(epilog=_VALIDATE)
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON or TOML configurations.")],
    as_json: options.Json = False,
) -> None:
    """Check configurations: every fault with its key path, its value and the nearest valid name."""
    from farthing.cli.work.config import tell_faults

    tell_faults(files, as_json=as_json)


@app.command(epilog=_SCHEMA)
def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    from farthing.cli.work.config import tell_schema

    tell_schema()
