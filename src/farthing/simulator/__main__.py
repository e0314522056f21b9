"""`python -m farthing.simulator`: reads the options, serves until stopped.

Prints one line of JSON with its addresses when it is ready. `serve` is what the command line calls too.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from farthing.errors import ConfigError, ConfigFault, exit_code
from farthing.simulator.books import packaged_shelf, with_unlisted
from farthing.simulator.scenario import HEALTHY, Scenario, demo_scenario, scenario_from
from farthing.simulator.server import Simulator, SimulatorOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the simulator with command line options; the exit code."""
    given = _parser().parse_args(argv)
    try:
        options = SimulatorOptions(
            host=given.host,
            port=given.port,
            seed=given.seed,
            time_scale=given.time_scale,
            book=given.book,
            scenario=scenario_named(given.faults, seed=given.seed),
        )
        unlisted = _rows_in(given.unlisted) if given.unlisted else ()
        serve(options, until_stdin_ends=given.until_stdin_ends, unlisted=unlisted)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return exit_code(error)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {given.host}:{given.port}: {error}\n")
        return 1
    return 0


def scenario_named(name: str, *, seed: int) -> Scenario:
    """The scenario of `--faults`: `none`, `demo`, or a JSON file. Raises `ConfigError`."""
    if name == "none":
        return HEALTHY
    if name == "demo":
        return demo_scenario(seed)
    try:
        raw = msgspec.json.decode(Path(name).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        fault = ConfigFault(path="faults", value=name, problem=f"give none, demo, or a JSON file ({error})")
        raise ConfigError("--faults", [fault]) from error
    return scenario_from(raw, source=name)


def _rows_in(path: str) -> list[dict[str, object]]:
    """The `/models` rows of a file. Raises `ConfigError`."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=list[dict[str, object]])
    except (OSError, msgspec.DecodeError) as error:
        fault = ConfigFault(path="unlisted", value=path, problem=f"give a JSON list of rows ({error})")
        raise ConfigError("--unlisted", [fault]) from error


def serve(
    options: SimulatorOptions,
    *,
    until_stdin_ends: bool = False,
    unlisted: Iterable[Mapping[str, object]] = (),
    ready: Callable[[dict[str, object]], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM. `ready` gets the addresses; without it they are printed as JSON.

    Raises `ConfigError` for an unknown book and `OSError` when the port is taken.
    """
    simulator = Simulator(options, with_unlisted(packaged_shelf(options.book), unlisted))
    # Requests leave little cyclic garbage; the long-lived data need not be looked at again and again.
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    asyncio.run(_serve(simulator, until_stdin_ends, ready or _print))


async def _serve(
    simulator: Simulator, until_stdin_ends: bool, ready: Callable[[dict[str, object]], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await simulator.start()
    if until_stdin_ends:
        loop.add_reader(0, _at_end_of_stdin, stop)
    ready(
        {
            "base_url": simulator.base_url,
            "control_url": simulator.control_url,
            "pid": os.getpid(),
            "simulated": True,
            "book": simulator.shelf.book,
        }
    )
    try:
        await stop.wait()
    finally:
        if until_stdin_ends:
            loop.remove_reader(0)
        await simulator.stop()


def _at_end_of_stdin(stop: asyncio.Event) -> None:
    if not os.read(0, 1024):
        stop.set()


def _print(addresses: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(addresses).decode() + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m farthing.simulator",
        description="An OpenRouter on loopback. No call leaves this machine.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="multiplies all latencies; 0: no waiting"
    )
    parser.add_argument("--book", choices=("tutorial", "snapshot"), default="tutorial")
    parser.add_argument("--faults", default="none", metavar="none|demo|FILE")
    parser.add_argument("--unlisted", metavar="FILE", help="further /models rows: served, not listed")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
