"""`farthing explain`: the route a prompt would take. What it takes; `work/explain.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options, prompt

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing explain "Write a memoized Fibonacci function in TypeScript"

farthing explain "Summarise this" --file notes.md --profile premium --json

farthing explain "What is the capital of France?" --book tutorial

farthing explain "Compare two designs" --config cheapest.json --simulated
"""


@app.command(epilog=_EPILOG)
def explain(
    text: prompt.Text = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    kind: prompt.Type = None,
    complexity: prompt.Difficulty = None,
    model: prompt.Model = None,
    max_tokens: prompt.MaxTokens = None,
    system: prompt.System = None,
    files: prompt.Files = None,
    schema: prompt.Schema = None,
    book: Annotated[
        str, typer.Option("--book", help="Dated prices to reckon with: snapshot, tutorial, or a book's id.")
    ] = "snapshot",
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Learn from this ledger, as sqlite:///path.db."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Learn from the simulator's ledger.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show which models a prompt would go to, why, and at what cost; sends nothing and needs no key.

    Reckons with the packaged prices, healthy models and, where the strategy is `cheapest_good_enough`, what
    the ledger teaches of each model. A deployment also looks at today's prices, at its last attempts, at
    the money left, and at where the conversation is warm.
    """
    from farthing.cli.work.explain import explain_prompt

    asked = prompt.Asked(
        text=text,
        kind=kind,
        complexity=complexity,
        model=model,
        max_tokens=max_tokens,
        system=system,
        files=files,
        schema=schema,
    )
    source = options.source_of(profile, config)
    explain_prompt(asked, source, book=book, database=database, simulated=simulated, as_json=as_json)
