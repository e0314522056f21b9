"""`farthing audit`: what usage elsewhere cost and would cost here. What it takes; `work/audit.py` does it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing audit usage.csv

farthing audit september.csv october.json.gz --baseline anthropic/claude-sonnet-4.5

farthing audit usage.csv --map gpt-3.5-turbo-0125=openai/gpt-4o-mini --map gpt-4o=coding

farthing audit usage.csv --mix coding=.6,general=.4 --profile premium --json
"""

Format = Literal["anthropic", "openai", "litellm", "openrouter", "plain"]


Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Usage exports: CSV, JSON or JSON Lines, also .gz.")
]
Baseline = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Measure against this model instead of what is used today."),
]
Prices = Annotated[str, typer.Option(help="The price book: current, tutorial, a date or a book's id.")]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="Ask about this profile or configuration file alone.",
        autocompletion=options.profiles,
    ),
]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="NAME=VALUE",
        help="A model of the exports is priced as this known model, or does work of this task type.",
    ),
]
Mix = Annotated[str, typer.Option(help="Shares of task types, as coding=.4,general=.4,analysis=.2.")]
Days = Annotated[
    int | None, typer.Option(min=1, max=3660, help="How many days the exports cover, where they do not say.")
]
FormatName = Annotated[
    Format | None, typer.Option("--format", help="Read the files as this, whatever they look like.")
]


@app.command(epilog=_EPILOG)
def audit(
    files: Files,
    baseline: Baseline = None,
    prices: Prices = "current",
    profile: Profile = None,
    maps: Maps = None,
    mix: Mix = "typical",
    days: Days = None,
    format_name: FormatName = None,
    as_json: options.Json = False,
) -> None:
    """Read usage exports: what they cost, what each profile would have cost, and which one to take.

    Reads exports of Anthropic, OpenAI, LiteLLM and OpenRouter and plain tables. Rows that cannot be read are
    told by file and line. Sends nothing; `farthing migrate status` remembers the sums.
    """
    from farthing.cli.work.audit import Asked, tell_audit

    asked = Asked(
        files=tuple(files),
        baseline=baseline,
        prices=prices,
        profile=profile,
        maps=tuple(maps or ()),
        mix=mix,
        days=days,
        only=format_name,
    )
    tell_audit(asked, as_json=as_json)
