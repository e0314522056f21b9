"""`farthing simulator`: an OpenRouter on this machine. What it takes; `work/simulator.py` does it."""

from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing simulator --port 8085

farthing simulator --faults demo --seed 7 --time-scale 0.1
"""


@app.command(epilog=_EPILOG)
def simulator(
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same answers.")] = 1,
    time_scale: Annotated[
        float, typer.Option("--time-scale", min=0, help="Multiplies all latencies; 0 is no waiting.")
    ] = 1.0,
    book: Annotated[
        Literal["tutorial", "snapshot"], typer.Option("--book", help="The dated prices it bills by.")
    ] = "tutorial",
    faults: Annotated[
        str, typer.Option("--faults", metavar="none|demo|FILE", help="What goes wrong; a scenario file.")
    ] = "none",
    as_json: options.Json = False,
) -> None:
    """Run an OpenRouter on this machine, with latencies, bills and faults. No call leaves the machine."""
    from farthing.cli.work.simulator import run_simulator

    run_simulator(
        host=host, port=port, seed=seed, time_scale=time_scale, book=book, faults=faults, as_json=as_json
    )
