"""`farthing simulator`: an OpenRouter on this machine, in the foreground until Ctrl-C."""

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from farthing.cli import options, show
from farthing.errors import FarthingError
from farthing.simulator.__main__ import scenario_named, serve
from farthing.simulator.server import SimulatorOptions

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
    settings = SimulatorOptions(
        host=host,
        port=port,
        seed=seed,
        time_scale=time_scale,
        book=book,
        scenario=scenario_named(faults, seed=seed),
    )
    try:
        serve(settings, ready=None if as_json else _tell)
    except OSError as error:
        hint = "choose another --port, or 0 for any free one"
        raise FarthingError(f"cannot listen on {host}:{port}: {error.strerror}", hint=hint) from error


def _tell(addresses: Mapping[str, object]) -> None:
    out = show.console()
    out.print("This is a simulator: its answers are made up, and its bills are not money.", style="yellow")
    out.print("To use it, in another terminal:\n")
    out.print(f"export OPENROUTER_BASE_URL={addresses['base_url']}", soft_wrap=True)
    out.print("export OPENROUTER_API_KEY=sk-or-simulated\n", soft_wrap=True)
    out.print(
        f"prices {addresses['book']} · control {addresses['control_url']} · Ctrl-C stops it", soft_wrap=True
    )
