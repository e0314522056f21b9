"""`farthing worker`: opens a deployment on the shared database and works until it is told to stop."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from farthing.cli.work.interrupt import run_async, stop_on_interrupt
from farthing.cli.work.show import note
from farthing.cluster.toolshed import toolshed
from farthing.cluster.worker import Worker
from farthing.deployment import Deployment
from farthing.swarm.claims import ClaimedPiece
from farthing.swarm.placing import refuse_one_machine
from farthing.swarm.results import WorkResult

HEALTH_EVERY_S = 10.0


def run_worker(
    source: str | Path | None,
    *,
    concurrency: int,
    run_id: str | None,
    modules: tuple[str, ...],
    drain_s: float,
    as_json: bool,
) -> None:
    """Works until SIGTERM or Ctrl-C; a second one ends it at once."""
    # Functions of the working directory are found as `python -m` finds them.
    if modules and "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    run_async(_run(source, concurrency, run_id, modules, drain_s, as_json=as_json))


async def _run(
    source: str | Path | None,
    concurrency: int,
    run_id: str | None,
    modules: tuple[str, ...],
    drain_s: float,
    *,
    as_json: bool,
) -> None:
    told = _Told(as_json=as_json)
    async with Deployment(source) as deployment:
        place = await deployment.workplace()
        refuse_one_machine(place.database)
        for notice in deployment.notices:
            note(f"note: {notice.text}")
        worker = Worker(
            place,
            find=toolshed(modules, place.tools),
            concurrency=concurrency,
            run_id=run_id,
            drain_s=drain_s,
            on_end=told.ended,
        )
        told.line("started", epoch=place.epoch, concurrency=concurrency, simulated=deployment.simulated)
        health = asyncio.create_task(told.keep_telling(worker))
        try:
            with stop_on_interrupt(worker.stop):
                await worker.work()
        finally:
            health.cancel()
        told.line("stopped", **told.state_of(worker))


class _Told:
    """The worker's lines: JSON on standard output, or words on standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._began = time.monotonic()

    def line(self, event: str, **facts: object) -> None:
        if self._as_json:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            sys.stdout.write(msgspec.json.encode({"at": at, "event": event, **facts}).decode() + "\n")
            sys.stdout.flush()
        else:
            words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
            note(f"worker {event}: {words}")

    def ended(self, piece: ClaimedPiece, work: WorkResult) -> None:
        if self._as_json:
            self.line(
                "piece",
                run_id=piece.run_id,
                piece=piece.name,
                claims=piece.claims,
                ok=work.ok,
                cost_usd=str(work.cost),
                error=None if work.error is None else work.error.message,
            )

    def state_of(self, worker: Worker) -> dict[str, object]:
        tally = worker.tally
        return {
            "in_flight": worker.in_flight,
            "claimed": tally.claimed,
            "claimed_again": tally.again,
            "done": tally.done,
            "failed": tally.failed,
            "dropped": tally.dropped,
            "seconds": round(time.monotonic() - self._began, 1),
        }

    async def keep_telling(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(HEALTH_EVERY_S)
            self.line("health", **self.state_of(worker))
