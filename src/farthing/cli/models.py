"""`farthing models`: what there is, what it costs, what changed. What it takes; `work/models.py` does it."""

import re
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

Book = Annotated[
    str, typer.Option("--prices", help="The price book: newest, snapshot, tutorial, a date or a book's id.")
]
_SIZES = {"": 1, "k": 10**3, "m": 10**6}
_LIST_EXAMPLES = """\
**Examples**

farthing models list --type coding --needs tools --context 128k

farthing models list --all --max-price 0.5 --by context
"""
_CHECK_EXAMPLES = """\
**Examples**

farthing models check --profile balanced

farthing models check --config farthing.json --json
"""
Names = Annotated[list[str], typer.Argument(help="Models by id or alias.", show_default=False)]


class Kind(StrEnum):
    """Task types."""

    coding = "coding"
    analysis = "analysis"
    general = "general"
    structured = "structured"
    simple = "simple"


class Need(StrEnum):
    """What a model may have natively."""

    tools = "tools"
    schema = "schema"


class Order(StrEnum):
    """What a list is sorted by."""

    price = "price"
    score = "score"
    context = "context"


def tokens(text: str) -> int:
    """`128k` and `1M` as a number of tokens."""
    found = re.fullmatch(r"(\d{1,9})\s*([kKmM]?)", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no number of tokens; give it as 128k")
    return int(found[1]) * _SIZES[found[2].lower()]


@app.callback()
def models() -> None:
    """List models, look at one, compare some, fetch today's prices, or check a configuration's models."""


@app.command(
    "list",
    epilog=_LIST_EXAMPLES,
)
def list_models(
    kind: Annotated[Kind | None, typer.Option("--type", help="Scores for this task type.")] = None,
    needs: Annotated[
        list[Need] | None, typer.Option("--needs", help="Only with native tool calling, or response formats.")
    ] = None,
    context: Annotated[
        int | None,
        typer.Option(metavar="TOKENS", parser=tokens, help="Only with at least this context, as 128k."),
    ] = None,
    max_price: Annotated[
        Decimal | None,
        typer.Option(
            metavar="USD", parser=options.dollars, help="Only up to this, for 5M tokens in and 1M out."
        ),
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="Only what costs nothing.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also models without a score.")] = False,
    order: Annotated[Order, typer.Option("--by", help="Sort by price, score or context.")] = Order.price,
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """List the models that a profile may name, with prices, context, capabilities and scores."""
    from farthing.cli.work.models import Wanted, tell_list

    wanted = Wanted(
        kind=None if kind is None else kind.value,
        tools=Need.tools in (needs or ()),
        schema=Need.schema in (needs or ()),
        context=context or 0,
        max_price=Decimal(0) if free else max_price,
    )
    tell_list(wanted, everything=everything, order=order.value, book=book, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing models show llama-3.3-70b")
def show(
    name: Annotated[str, typer.Argument(help="A model by id or alias.")],
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """Show one model: capabilities, scores and where they come from, prices in every book, who names it."""
    from farthing.cli.work.models import tell_model

    tell_model(name, book=book, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing models compare deepseek-v3.2 qwen3-235b --volume 50M/10M")
def compare(
    names: Names,
    volume: Annotated[
        str, typer.Option(help="What to price, as 10M/2M tokens in and out; of 10M a fifth comes out.")
    ] = "5M/1M",
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """Put models side by side: prices, the cost of a volume, context, capabilities, scores by task type."""
    from farthing.cli.work.models import tell_comparison

    tell_comparison(names, volume=volume, book=book, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing models refresh --dry-run")
def refresh(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes and store nothing.")] = False,
    as_json: options.Json = False,
) -> None:
    """Fetch today's models and prices, show what changed, and keep them as a dated book.

    A book is never overwritten. Without a key it works where OpenRouter's list is public.
    """
    from farthing.cli.work.books import tell_refresh

    tell_refresh(dry_run=dry_run, as_json=as_json)


@app.command(epilog=_CHECK_EXAMPLES)
def check(
    profile: options.Profile = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A file instead of a profile.")
    ] = None,
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """Tell which models of a configuration are gone, expiring, dearer or weaker, and what to use instead.

    Exits with 1 when a model does not work as configured.
    """
    from farthing.cli.work.modelcheck import tell_check

    tell_check(options.source_of(profile, config), book=book, as_json=as_json)
