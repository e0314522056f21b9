"""`farthing bench`: the measurements behind the README's figures. Nothing is spent."""

from pathlib import Path
from typing import Annotated

import typer

JsonPath = Annotated[
    Path | None, typer.Option("--json-path", metavar="FILE", help="Write the measurements here too.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of the simulator's draws.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing bench pipeline

farthing bench pipeline --tasks 500 --concurrency 8 --json-path pipeline.json
"""


@app.callback()
def bench() -> None:
    """Measure what the README claims, against the simulator: nothing is spent."""


@app.command(epilog=_EPILOG)
def pipeline(
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Tasks in one repeat.")] = 5000,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Tasks in flight at once.")] = 32,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Repeats; the spread is told.")] = 5,
    json_path: JsonPath = None,
) -> None:
    """Tasks a second, CPU against the bare client, and the latency that the pipeline adds."""
    from farthing.bench.pipeline import main  # with its peers and clocks, for this command only

    main(tasks=tasks, concurrency=concurrency, repeats=repeats, json_path=json_path)


_LEDGER_EPILOG = """\
**Examples**

farthing bench ledger

farthing bench ledger --concurrency 32 --json-path ledger.json
"""


@app.command(epilog=_LEDGER_EPILOG)
def ledger(
    calls: Annotated[
        int, typer.Option("--calls", min=100, help="Calls in one repeat, two rows each.")
    ] = 20_000,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Callers at once.")] = 256,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Repeats; the spread is told.")] = 5,
    postgresql: Annotated[
        str | None, typer.Option("--postgresql", metavar="URL", help="An empty PostgreSQL database.")
    ] = None,
    json_path: JsonPath = None,
) -> None:
    """Durable chained rows a second, and how long a call waits for its admission."""
    from farthing.bench.ledger import main

    main(calls=calls, concurrency=concurrency, repeats=repeats, postgresql=postgresql, json_path=json_path)


_MEMORY_EPILOG = """\
**Examples**

farthing bench memory

farthing bench memory --processes 4 --increments 20000 --rounds 3 --json-path memory.json
"""


@app.command(epilog=_MEMORY_EPILOG)
def memory(
    processes: Annotated[int, typer.Option("--processes", min=1, help="Processes at once.")] = 8,
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Tasks at once in each of them.")] = 32,
    increments: Annotated[int, typer.Option("--increments", min=10, help="In all.")] = 100_000,
    each: Annotated[
        int, typer.Option("--each", min=10, help="Other operations of one process in a round.")
    ] = 1_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds; the spread is told.")] = 5,
    entries: Annotated[int, typer.Option("--entries", min=1, help="Entries to search.")] = 10_000,
    postgresql: Annotated[
        str | None, typer.Option("--postgresql", metavar="URL", help="An empty PostgreSQL database.")
    ] = None,
    json_path: JsonPath = None,
) -> None:
    """Shared memory under several processes: what is lost (nothing), and operations a second.

    On SQLite and on PostgreSQL. Exit code 1 when an update is lost or a claim has two holders.
    """
    from farthing.bench.memory import main

    met = main(
        processes=processes,
        tasks=tasks,
        increments=increments,
        each=each,
        rounds=rounds,
        entries=entries,
        postgresql=postgresql,
        json_path=json_path,
    )
    _end(met=met)


_CHAOS_EPILOG = """\
**Examples**

farthing bench chaos

farthing bench chaos --tasks 2000 --faults 0.5 --seed 7 --json-path chaos.json
"""


@app.command(epilog=_CHAOS_EPILOG)
def chaos(
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Tasks in each of the two runs.")] = 20_000,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Tasks in flight at once.")] = 256,
    faults: Annotated[
        float, typer.Option("--faults", min=0, max=0.9, help="Part of the requests that meet a fault.")
    ] = 0.30,
    seed: Seed = 1,
    json_path: JsonPath = None,
) -> None:
    """Mixed faults: no task lost or hung or late, what they cost more, and whether the law of money holds.

    The same tasks run without faults and with them, and both ledgers are held against the simulator's bill.
    Exit code 1 when something is missed that is committed.
    """
    from farthing.bench.chaos import main

    _end(met=main(tasks=tasks, concurrency=concurrency, faults=faults, seed=seed, json_path=json_path))


_CROWD_EPILOG = """\
**Examples**

farthing bench crowd

farthing bench crowd --tasks 1000 --streams 200 --seconds 5

farthing bench crowd --tasks 0 --streams 500 --json-path streams.json
"""


@app.command(epilog=_CROWD_EPILOG)
def crowd(
    tasks: Annotated[
        int, typer.Option("--tasks", min=0, help="Tasks that wait at once; 0 leaves them out.")
    ] = 10_000,
    agents: Annotated[
        int, typer.Option("--agents", min=0, help="Agents in their loops at once; 0 leaves them out.")
    ] = 10_000,
    streams: Annotated[
        int, typer.Option("--streams", min=0, help="Streams at once; 0 leaves them out.")
    ] = 2_000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.5, help="How long each stream goes on.")
    ] = 30.0,
    seed: Seed = 1,
    json_path: JsonPath = None,
) -> None:
    """Many tasks and agents waiting in one process, many streams with slow readers: memory, CPU an event.

    Each takes a connection: the limit on descriptors is raised as far as it may be, and one that is too low
    is an error that says how to raise it. Exit code 1 when something is missed that is committed.
    """
    from farthing.bench.crowd import main

    _end(
        met=main(tasks=tasks, agents=agents, streams=streams, seconds=seconds, seed=seed, json_path=json_path)
    )


_SOAK_EPILOG = """\
**Examples**

farthing bench soak --minutes 10

farthing bench soak --minutes 120 --concurrency 64 --json-path soak.json
"""


@app.command(epilog=_SOAK_EPILOG)
def soak(
    minutes: Annotated[float, typer.Option("--minutes", min=0.02, help="How long.")] = 10.0,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Tasks in flight at once.")] = 32,
    faults: Annotated[
        float, typer.Option("--faults", min=0, max=0.9, help="Part of the requests that meet a fault.")
    ] = 0.02,
    seed: Seed = 1,
    json_path: JsonPath = None,
) -> None:
    """Full speed for minutes: memory, descriptors, threads and tasks of the loop must not grow.

    The ledger does, on disk, in a folder for temporary files: some 1 KB a task. Memory is judged from two
    minutes on. Exit code 1 when something is missed that is committed.
    """
    from farthing.bench.soak import main

    _end(met=main(minutes=minutes, concurrency=concurrency, faults=faults, seed=seed, json_path=json_path))


_TARGETS_EPILOG = """\
**Examples**

farthing bench targets

farthing bench targets --seconds 300 --json-path targets.json
"""


@app.command(epilog=_TARGETS_EPILOG)
def targets(
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="How long each of the three profiles is at work.")
    ] = 75.0,
    load: Annotated[
        int, typer.Option("--load", min=1, help="Times the agents that the profile has for a target.")
    ] = 20,
    seed: Seed = 1,
    json_path: JsonPath = None,
) -> None:
    """Each profile's service levels, latency and load, with many times its target of agents at work.

    The upstream is the simulator, whose times are nine tenths of the tutorial's latency table. A whole minute
    is needed for requests a minute. Exit code 1 when a level is not met.
    """
    from farthing.bench.targets import main

    _end(met=main(seconds=seconds, load=load, seed=seed, json_path=json_path))


_TOOLS_EPILOG = """\
**Examples**

make tool-servers, and then: farthing bench tools

farthing bench tools --show-missed --json-path tools.json
"""


@app.command(epilog=_TOOLS_EPILOG)
def tools(
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where `make tool-servers` installed; else that folder.")
    ] = None,
    show_missed: Annotated[
        bool, typer.Option("--show-missed", help="List the tasks whose tool was not among the first ten.")
    ] = False,
    json_path: JsonPath = None,
) -> None:
    """Whether the right one of over 218 tools of real MCP servers is found, tokens saved, milliseconds.

    Tasks in plain words, without a word of the tool's name; by words alone, and with meaning. Starts the
    servers; none is given a key. Exit code 1 when something is missed that is committed.
    """
    from farthing.bench.tools import FOLDER, main

    _end(met=main(folder=folder or FOLDER, show_missed=show_missed, json_path=json_path))


_CLUSTER_EPILOG = """\
**Examples**

farthing bench cluster

farthing bench cluster --agents 200 --share 60 --json-path cluster.json
"""


@app.command(epilog=_CLUSTER_EPILOG)
def cluster(
    agents: Annotated[
        int, typer.Option("--agents", min=10, help="Agents of the run in which a node is killed.")
    ] = 2_000,
    share: Annotated[
        int, typer.Option("--share", min=10, help="Agents on one, two and three nodes each, before it.")
    ] = 300,
    budget: Annotated[
        float,
        typer.Option("--budget", metavar="USD", min=0, help="Hard limit of that run, simulated."),
    ] = 0.60,
    seed: Seed = 1,
    json_path: JsonPath = None,
) -> None:
    """Three Ray nodes on this machine, one killed midway: all finish, the budget holds, the bill agrees.

    Needs `farthing[ray]` and the development tools, whose PostgreSQL it starts; Linux only. The nodes share
    this machine's cores. Exit code 1 when something is missed that is committed.
    """
    from decimal import Decimal

    from farthing.bench.cluster import main

    limit = Decimal(str(budget))
    _end(met=main(agents=agents, share=share, budget_usd=limit, seed=seed, json_path=json_path))


_COST_EPILOG = """\
**Examples**

farthing bench cost

farthing bench cost --quick

farthing bench cost --workload questions --workload no-repeat --lever "exact cache"

farthing bench cost --json > cost.json
"""


@app.command(epilog=_COST_EPILOG)
def cost(
    tasks: Annotated[
        int | None,
        typer.Option("--tasks", min=16, help="Tasks of each workload; else each one's own number."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="48 tasks of each workload: a first look.")] = False,
    workload: Annotated[
        list[str] | None, typer.Option("--workload", metavar="NAME", help="This workload; may be repeated.")
    ] = None,
    lever: Annotated[
        list[str] | None, typer.Option("--lever", metavar="NAME", help="This lever; may be repeated.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Of the workloads, the simulator and the bootstrap.")
    ] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="The whole measurement as JSON, and nothing else.")
    ] = False,
    json_path: JsonPath = None,
) -> None:
    """What each lever saves: off and on, alone and together, on frozen workloads, with a confidence interval.

    Tokens, dollars from the ledger, hits, false hits, and whether facts, schemas and tools are as they should
    be; the workload without any repetition stands beside the others. Some minutes. Exit code 1 when the law
    of money does not hold, a task fails, or a lever does more harm than is committed.
    """
    from farthing.bench.cost import QUICK, main

    met = main(
        tasks=tasks if tasks is not None or not quick else QUICK,
        workloads=workload or (),
        levers=lever or (),
        seed=seed,
        as_json=as_json,
        json_path=json_path,
    )
    _end(met=met)


def _end(*, met: bool) -> None:
    if not met:
        raise typer.Exit(1)
