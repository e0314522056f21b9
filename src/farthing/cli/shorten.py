"""`farthing shorten`: a prompt with fewer words. What it takes; `work/shorten.py` does it."""

from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing shorten prompt.txt

git show HEAD:prompt.txt | farthing shorten --json

farthing shorten conversation.json --model meta-llama/llama-3.3-70b-instruct > shorter.json
"""


@app.command(epilog=_EPILOG)
def shorten(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="A prompt, or a JSON list of messages; - or nothing reads standard input."
        ),
    ] = None,
    role: Annotated[
        Literal["system", "user"], typer.Option("--role", help="Whose message a plain prompt is.")
    ] = "user",
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="ID", help="Count by this model's tokenizer where the extra `tokens` has it."
        ),
    ] = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Show what prompt optimisation would take out of a prompt; sends nothing and needs no key.

    The shortened prompt goes to standard output; what was taken out, by which rule, and the tokens before and
    after go to standard error. Approved rewrites of the configuration are used too.
    """
    from farthing.cli.work.shorten import tell_shortened

    source = options.source_of(profile, config)
    tell_shortened(file, source, role=role, model=model, as_json=as_json)
