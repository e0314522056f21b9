"""`farthing estimate`: what a month would cost. What it takes; `work/estimate.py` does it."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing estimate balanced --volume 10M/2M --agents 20

farthing estimate premium --volume 50M --mix coding=.6,structured=.4 --prices tutorial

farthing estimate --volume 10M --compare --plot costs.svg

farthing estimate balanced --volume 200M --investment 5000 --json
"""


Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[PROFILE]",
        help="A profile or a configuration file; else what DEPLOYMENT_CONFIG names, else balanced.",
        autocompletion=options.profiles,
    ),
]
Volume = Annotated[
    str, typer.Option(help="Tokens a month: 10M goes in and a fifth of it comes out; 10M/3M says both.")
]
Mix = Annotated[str, typer.Option(help="Shares of task types, as coding=.4,general=.4,analysis=.2.")]
Sample = Annotated[
    str | None,
    typer.Option(
        help="Part of the traffic also sent to the baseline, as 10%; the typical sample with a typical "
        "volume, else none."
    ),
]
Agents = Annotated[int, typer.Option(min=1, help="How many agents share the work.")]
One = Annotated[
    str | None, typer.Option("--model", "-m", help="One model for everything instead of a profile.")
]
Baseline = Annotated[
    str | None, typer.Option(help="The model that savings are measured against; else the configuration's.")
]
Prices = Annotated[str, typer.Option(help="The price book: current, tutorial, a date or a book's id.")]
Investment = Annotated[
    Decimal | None,
    typer.Option(metavar="USD", parser=options.dollars, help="What the change costs once: when it pays."),
]
Compare = Annotated[bool, typer.Option("--compare", help="All profiles and single models.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the comparison as .png or .svg.")]


@app.command(epilog=_EPILOG)
def estimate(
    profile: Target = None,
    volume: Volume = "typical",
    mix: Mix = "typical",
    sample: Sample = None,
    agents: Agents = 1,
    model: One = None,
    baseline: Baseline = None,
    prices: Prices = "current",
    investment: Investment = None,
    compare: Compare = False,
    plot: Plot = None,
    as_json: options.Json = False,
) -> None:
    """Show what a month would cost on a profile, against a baseline; sends nothing and needs no key.

    Prices are a book's usual rates. Failed attempts, cache discounts and tiers for long prompts are left out.
    """
    from farthing.cli.work.estimate import Asked, tell_estimate

    asked = Asked(
        profile=profile,
        volume=volume,
        mix=mix,
        sample=sample,
        agents=agents,
        model=model,
        baseline=baseline,
        prices=prices,
        investment=investment,
    )
    tell_estimate(asked, compare=compare, plot=plot, as_json=as_json)
