"""`farthing rewrites`: shorter forms of prompt templates. What it takes; `work/rewrites.py` does it."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_DEFAULT_CAP = Decimal("0.05")
_PROPOSE = """\
**Examples**

farthing rewrites propose prompts/review.txt --id review

farthing rewrites propose prompts/review.txt --rewrite shorter.txt --by ada
"""
_MEASURE = """\
**Examples**

farthing rewrites measure review --samples samples.jsonl --max-cost 0.02

A line of samples.jsonl is an object with `values` of the placeholders, `input` (the user's message, where the
template is a system message) and a `check` as `farthing compare` takes it, each where it is needed.
"""

_LIST = """\
**Examples**

farthing rewrites list --file prompts/rewrites.json --json
"""
_SHOW = """\
**Examples**

farthing rewrites show review
"""
_APPROVE = """\
**Examples**

farthing rewrites approve review --by ada --note "same findings on ten samples"
"""
_REJECT = """\
**Examples**

farthing rewrites reject review --note "drops the output format"
"""

Id = Annotated[str, typer.Argument(metavar="ID", help="Which rewrite.")]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="The file of rewrites; else the one that the configuration names, else rewrites.json.",
    ),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; else who is logged in.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever reads it later.")]
Cap = Annotated[
    Decimal | None,
    typer.Option(
        "--max-cost",
        metavar="USD",
        parser=options.dollars,
        help=f"Hard limit of all calls together; {_DEFAULT_CAP} where it is not given.",
    ),
]


def _cap(given: Decimal | None) -> Decimal:
    return _DEFAULT_CAP if given is None else given


@app.callback()
def rewrites() -> None:
    """Propose, measure and review shorter forms of prompt templates.

    A person approves; from then on each message that was made from the template is sent in its shorter form.
    """


@app.command(epilog=_PROPOSE)
def propose(
    template: Annotated[
        Path, typer.Argument(metavar="FILE", help="A prompt, `{name}` where its parts are filled in.")
    ],
    name: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its name; else the file's, without suffix.")
    ] = None,
    role: Annotated[
        Literal["system", "user"], typer.Option("--role", help="Whose message is made from it.")
    ] = "user",
    rewrite: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A shorter form of yours; no model is asked.")
    ] = None,
    by: By = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="The model to ask; else by the profile.")
    ] = None,
    cap: Cap = None,
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Ask a model once for a shorter form, check what it kept, and keep it for review.

    Needs OPENROUTER_API_KEY and costs money, unless `--rewrite` gives the shorter form. One that loses a
    placeholder, a quotation, a number, a form of the answer or a bound is refused, after one more try.
    """
    from farthing.cli.work.proposing import Proposing, propose_rewrite

    asked = Proposing(
        template=template, name=name, role=role, rewrite=rewrite, by=by, model=model, cap=_cap(cap)
    )
    propose_rewrite(asked, options.source_of(profile, config), file, as_json=as_json)


@app.command(epilog=_MEASURE)
def measure(
    name: Id,
    samples: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Inputs to try both forms on, one JSON object a line.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="The model to try; else by the profile.")
    ] = None,
    cap: Cap = None,
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Send samples in both forms, and keep what it did to cost, length and checks.

    Needs OPENROUTER_API_KEY and costs money, within --max-cost.
    """
    from farthing.cli.work.measuring import Measuring, measure_rewrite

    asked = Measuring(name=name, samples=samples, model=model, cap=_cap(cap))
    measure_rewrite(asked, options.source_of(profile, config), file, as_json=as_json)


@app.command("list", epilog=_LIST)
def list_rewrites(
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """List all rewrites: tokens before and after, whether they are used, and why not."""
    from farthing.cli.work.rewrites import tell_rewrites

    tell_rewrites(options.source_of(profile, config), file, as_json=as_json)


@app.command(epilog=_SHOW)
def show(
    name: Id,
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Show a rewrite in full: both texts, what differs, its trial, who decided."""
    from farthing.cli.work.rewrites import tell_rewrite

    tell_rewrite(name, options.source_of(profile, config), file, as_json=as_json)


@app.command(epilog=_APPROVE)
def approve(
    name: Id,
    by: By = None,
    note: Note = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also where the trial passed fewer checks than the original.")
    ] = False,
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
) -> None:
    """Let a rewrite be used, as it is now: a later change of either text needs another approval."""
    from farthing.cli.work.rewrites import review_rewrite

    source = options.source_of(profile, config)
    review_rewrite(name, source, file, status="approved", by=by, note=note, anyway=anyway)


@app.command(epilog=_REJECT)
def reject(
    name: Id,
    by: By = None,
    note: Note = "",
    file: File = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
) -> None:
    """Keep a rewrite from being used; it stays in the file with the reason."""
    from farthing.cli.work.rewrites import review_rewrite

    source = options.source_of(profile, config)
    review_rewrite(name, source, file, status="rejected", by=by, note=note)
