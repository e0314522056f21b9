"""`farthing compare`: your prompts on both sides. What it takes; `work/compare.py` does it."""

from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**A line of the file** is a prompt in quotes, or an object with the fields of a task and, if you like, a
`check`: `{"prompt": "What is 2 + 2?", "check": {"regex": "4"}}`. Checks: `exact`, `regex`, `schema` (JSON
Schema) and `python` (an expression over `answer` and `data`, run in a process of its own).

**Examples**

farthing compare prompts.jsonl --profile balanced --baseline anthropic/claude-3.5-sonnet

farthing compare prompts.jsonl --budget 0.50 --out results --html results/page.html --yes
"""


@app.command(epilog=_EPILOG)
def compare(
    prompts: Annotated[Path, typer.Argument(metavar="FILE", help="Prompts, one JSON value a line.")],
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    baseline: Annotated[
        str | None, typer.Option(help="The model on the other side; else the configuration's baseline.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where results are kept, and resumed from.")
    ] = None,
    budget: options.Budget = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many prompts.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="How many calls at once.")] = 4,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the answers side by side.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")] = False,
    as_json: options.Json = False,
) -> None:
    """Send each prompt to both sides; show costs, latencies, checks and answers side by side.

    What it will cost is shown first and asked about. Results are kept as they come: the same command again
    goes on where it stopped, and pays for nothing twice.
    """
    from farthing.cli.work.compare import Comparing, compare_prompts

    asked = Comparing(
        file=prompts,
        source=options.source_of(profile, config),
        baseline=baseline,
        out=out,
        budget=budget,
        limit=limit,
        concurrency=concurrency,
        html=html,
        yes=yes,
    )
    compare_prompts(asked, as_json=as_json)
