"""`farthing simulator`: an OpenRouter on this machine, in the foreground until Ctrl-C."""

from collections.abc import Mapping

from farthing.cli.work import show
from farthing.errors import FarthingError
from farthing.simulator.__main__ import scenario_named, serve
from farthing.simulator.server import SimulatorOptions


def run_simulator(
    *, host: str, port: int, seed: int, time_scale: float, book: str, faults: str, as_json: bool
) -> None:
    """Tells how to use it, and serves until SIGINT or SIGTERM. Raises `FarthingError`."""
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
    about = f"prices {addresses['book']} · control {addresses['control_url']} · Ctrl-C stops it"
    out.print(about, soft_wrap=True)
    out.file.flush()
