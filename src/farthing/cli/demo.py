"""`farthing demo`: the whole product at work. What it takes; `work/demo.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

GOAL = "Design and build a URL shortener service"
TIME_SCALE = 1.0
"""Latencies of the tutorial's table as they are: about ten seconds for the whole run."""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing demo

farthing demo --seed 7 --faults none --json

farthing demo --goal "Plan a small library's catalogue" --out runs

farthing demo --live        (real calls, at most $0.05; asks first)
"""


Seed = Annotated[int | None, typer.Option("--seed", help="Another seed, other figures.  [default: 1]")]
Faults = Annotated[
    str | None,
    typer.Option(
        "--faults",
        metavar="none|demo|FILE",
        help="What goes wrong: nothing, a 429 and a cut stream, or a scenario.  [default: demo]",
    ),
]
TimeScale = Annotated[
    float | None,
    typer.Option(
        "--time-scale", min=0, help=f"Multiplies latencies; 0: no waiting.  [default: {TIME_SCALE}]"
    ),
]
Live = Annotated[
    bool, typer.Option("--live", help="Do it for real, for at most $0.05; asks first, needs a key.")
]


@app.command(epilog=_EPILOG)
def demo(
    seed: Seed = None,
    faults: Faults = None,
    goal: Annotated[str, typer.Option("--goal", help="What the team is to bring about.")] = GOAL,
    time_scale: TimeScale = None,
    out: options.Out = None,
    as_json: options.Json = False,
    live: Live = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --live: do not ask.")] = False,
) -> None:
    """See the whole product at work: 3 researchers, 3 coders and 2 reviewers on the balanced profile.

    A simulator on this machine answers, one call meets a 429 and one stream is cut, and the ledger is read
    at the end. Needs no key; nothing leaves the machine and nothing is spent.
    """
    if live and (seed, faults, time_scale) != (None, None, None):
        raise typer.BadParameter("--seed, --faults and --time-scale are the simulator's; leave --live out")
    from farthing.cli.work.demo import run_demo, run_live_demo

    if live:
        run_live_demo(goal, out=out, asks=not yes, as_json=as_json)
    else:
        run_demo(
            goal,
            seed=1 if seed is None else seed,
            faults=faults or "demo",
            time_scale=TIME_SCALE if time_scale is None else time_scale,
            out=out,
            as_json=as_json,
        )
