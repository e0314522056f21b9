"""`farthing models`: what there is, what it costs, what changed. What it takes; `work/models.py` does it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

Book = Annotated[
    str, typer.Option("--prices", help="The price book: newest, snapshot, tutorial, a date or a book's id.")
]
_LIST_EXAMPLES = """\
**Examples**

farthing models list --type coding --tools

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


class Order(StrEnum):
    """What a list is sorted by."""

    price = "price"
    score = "score"
    context = "context"


@app.callback()
def models() -> None:
    """List models, look at one, compare some, fetch today's prices, or check a configuration's models."""


@app.command(
    "list",
    epilog=_LIST_EXAMPLES,
)
def list_models(
    kind: Annotated[Kind | None, typer.Option("--type", help="Scores for this task type.")] = None,
    tools: Annotated[bool, typer.Option("--tools", help="Only with native tool calling.")] = False,
    context: Annotated[int, typer.Option(min=0, help="Only with a context of at least so many tokens.")] = 0,
    max_price: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="Only up to this, for 5M tokens in and 1M out.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also models without a score.")] = False,
    order: Annotated[Order, typer.Option("--by", help="Sort by price, score or context.")] = Order.price,
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """List the models that a profile may name, with prices, context, capabilities and scores."""
    from farthing.cli.work.models import Wanted, tell_list

    wanted = Wanted(
        kind=None if kind is None else kind.value, tools=tools, context=context, max_price=max_price
    )
    tell_list(wanted, everything=everything, order=order.value, book=book, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing models show llama-3.3-70b")
def show(
    name: Annotated[str, typer.Argument(help="A model by id or alias.")],
    book: Book = "newest",
    as_json: options.Json = False,
) -> None:
    """Show one model: capabilities, scores, its prices in every book, its successor, and who names it."""
    from farthing.cli.work.models import tell_model

    tell_model(name, book=book, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing models compare deepseek-v3.2 qwen3-235b")
def compare(names: Names, book: Book = "newest", as_json: options.Json = False) -> None:
    """Put models side by side: prices, context, capabilities, scores by task type."""
    from farthing.cli.work.models import tell_comparison

    tell_comparison(names, book=book, as_json=as_json)


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
