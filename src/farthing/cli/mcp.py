"""`farthing mcp`: Farthing as an MCP server. What it takes; `work/mcp.py` does it."""

from decimal import Decimal
from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing mcp --budget 2

farthing mcp --profile budget --budget 0.50 --period month --key claude-code

farthing mcp --http 8765 --budget 1

In a client: {"mcpServers": {"farthing": {"command": "farthing", "args": ["mcp", "--budget", "2"]}}}
"""


@app.command(epilog=_EPILOG)
def mcp(
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    budget: Annotated[
        Decimal | None,
        typer.Option(
            "--budget", metavar="USD", parser=options.dollars, help="Hard limit of what is asked; default: 1."
        ),
    ] = None,
    period: Annotated[
        Literal["day", "week", "month", "total"], typer.Option("--period", help="What the budget is for.")
    ] = "day",
    key: Annotated[
        str,
        typer.Option("--key", metavar="NAME", help="The virtual key that is charged and limited."),
    ] = "mcp",
    http: Annotated[
        int | None,
        typer.Option("--http", metavar="PORT", help="Serve streamable HTTP on 127.0.0.1, at /mcp."),
    ] = None,
) -> None:
    """Serve `run_task`, `run_swarm` and `cost_report` over MCP, so that other agents delegate work.

    Speaks on standard input and output. Needs OPENROUTER_API_KEY and the extra `mcp`, and costs money: at
    most the budget in each period, counted in the ledger over all servers with the same key.
    """
    from farthing.cli.work.mcp import serve

    source = options.source_of(profile, config)
    serve(source, budget=Decimal(1) if budget is None else budget, period=period, key=key, port=http)
