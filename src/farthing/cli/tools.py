"""`farthing tools`: which tools there are, and whether they work. What it takes; `work/tools.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_LIST = """\
**Examples**

farthing tools list --config farthing.json

farthing tools list --config farthing.json --server git --json
"""
_CALL = """\
**Examples**

farthing tools call git__git_status --arguments '{"repo_path": "."}' --config farthing.json
"""
_CHECK = """\
**Examples**

farthing tools check --config farthing.json
"""


@app.callback()
def tools() -> None:
    """List the tools that agents may use, call one, or check that all can be had. No model is asked."""


@app.command("list", epilog=_LIST)
def list_tools(
    server: Annotated[
        str | None, typer.Option("--server", metavar="NAME", help="Only those of this MCP server.")
    ] = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """List every tool: its source, whether it has effects, and the tokens that telling a model costs."""
    from farthing.cli.work.tools import tell_tools

    tell_tools(options.source_of(profile, config), only=server, as_json=as_json)


@app.command(epilog=_CALL)
def call(
    name: Annotated[str, typer.Argument(help="The tool, as `list` names it.")],
    arguments: Annotated[
        str, typer.Option("--arguments", "-a", metavar="JSON", help="Its arguments, as one JSON object.")
    ] = "{}",
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Run one tool, for real, and print what a model would be shown. Its arguments are checked first."""
    from farthing.cli.work.tools import call_tool

    call_tool(options.source_of(profile, config), name, arguments, as_json=as_json)


@app.command(epilog=_CHECK)
def check(
    profile: options.Profile = None, config: options.ConfigFile = None, as_json: options.Json = False
) -> None:
    """Start every MCP server and check every tool's schema. Exits with 6 when anything is at fault."""
    from farthing.cli.work.tools import check_tools

    check_tools(options.source_of(profile, config), as_json=as_json)
