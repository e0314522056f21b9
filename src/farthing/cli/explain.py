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
    as_json: options.Json = False,
) -> None:
    """Show which models a prompt would go to, why, and at what cost; sends nothing and needs no key.

    Reckons with the packaged prices and healthy models. A deployment also looks at today's prices, at what
    its last attempts met, and at the money left.
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
    explain_prompt(asked, options.source_of(profile, config), book=book, as_json=as_json)
