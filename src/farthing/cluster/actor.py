"""A worker in a process of its own that Ray has placed: its deployment and loop run in a thread.

It takes what is secret from the environment of its machine. It is asked how it is, and told to stop; it is
given no work by Ray: that it claims from the database.
"""

import asyncio
import os
import socket
import threading
from typing import Literal

import msgspec

from farthing.cluster.handing import Order, database_url_of
from farthing.cluster.toolshed import toolshed
from farthing.cluster.worker import Tally, Worker
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.swarm.placing import refuse_one_machine

WorkerState = Literal["opening", "working", "failed", "stopped"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker is. `label` is what its lease is named in the database."""

    state: WorkerState
    pid: int
    epoch: int = 0
    label: str = ""
    error: str = ""
    in_flight: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)


class WorkerActor:
    """What Ray makes an actor of. Restarted by Ray when its process dies, it begins anew."""

    def __init__(self, order: bytes) -> None:
        """`order` is an `Order` in JSON."""
        self._order = msgspec.json.decode(order, type=Order)
        self._state: WorkerState = "opening"
        self._error = ""
        self._epoch = 0
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="farthing-worker", daemon=True)
        self._thread.start()

    def health(self) -> bytes:
        """A `Health` in JSON."""
        worker = self._worker
        told = Health(
            state=self._state,
            pid=os.getpid(),
            epoch=self._epoch,
            label=f"{socket.gethostname()}:{os.getpid()}",
            error=self._error,
            in_flight=0 if worker is None else worker.in_flight,
            tally=Tally() if worker is None else worker.tally,
        )
        return msgspec.json.encode(told)

    def stop(self) -> bytes:
        """Drains and ends the worker; its last health."""
        self._stopping.set()
        worker, loop = self._worker, self._loop
        if worker is not None and loop is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(worker.stop)
        self._thread.join()
        return self.health()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
            self._state = "stopped"
        except FarthingError as error:
            self._state, self._error = "failed", str(error)
        except BaseException as error:
            self._state, self._error = "failed", f"{type(error).__name__}: {error}"
            raise

    async def _work(self) -> None:
        order = self._order
        url = database_url_of(order, os.environ)
        async with Deployment(order.config, overrides={"storage.databaseUrl": url}) as deployment:
            place = await deployment.workplace()
            refuse_one_machine(place.database)
            self._worker = Worker(
                place,
                find=toolshed(order.modules, place.tools),
                concurrency=order.concurrency,
                run_id=order.run_id,
                drain_s=order.drain_s,
            )
            self._loop = asyncio.get_running_loop()
            self._epoch = place.epoch
            if self._stopping.is_set():
                return
            self._state = "working"
            await self._worker.work()
