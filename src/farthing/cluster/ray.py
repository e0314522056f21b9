"""Workers on the nodes of a Ray cluster: placed on each, replaced where they are lost, ended with the run.

Ray starts processes and tells which nodes live. It carries no piece, no result and no secret: those go
through the database, and a machine's key is its own.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from farthing.cluster.crew import Crew
from farthing.cluster.handing import order_for
from farthing.errors import FarthingError, SwarmError
from farthing.swarm.channel import end_all
from farthing.swarm.placing import Ground

LOCAL = "local"
_LOCAL_MEMORY_BYTES = 80 * 1024 * 1024  # Ray's least; nothing of ours is kept in it
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ray:
    """`deploy_swarm(…, on=Ray(address="auto"))`: workers on each node of that cluster, while a run lasts.

    `address` as `ray.init` takes it (`auto`, `HOST:PORT`, `ray://…`); None is what RAY_ADDRESS names, else a
    Ray of our own on this machine. `workers` are processes on each node, `concurrency` pieces at once in
    each. A node that joins gets workers; what a lost one had is claimed by the others when its lease
    (`storage.lease`) is over. Each node needs the package, the modules of the tools, and in the environment
    of its `ray start` the key, and FARTHING_DATABASE_URL where the address holds a password.
    """

    address: str | None = None
    workers: int = 1
    concurrency: int = 16
    drain_s: float = 30.0
    start_s: float = 120.0
    """How long it may take until the workers work; who is not there by then comes later."""

    @asynccontextmanager
    async def staffed(self, ground: Ground) -> AsyncGenerator[None, None]:
        if self.workers < 1:
            raise SwarmError(f"workers is {self.workers}; give at least 1 for each node")
        order = order_for(ground, concurrency=self.concurrency, drain_s=self.drain_s)
        ray = load_ray()
        own = self._connect(ray)  # in this thread: a Ray of our own sets signal handlers
        crew = Crew(ray, order, ground.database, per_node=self.workers)
        keeping = asyncio.create_task(crew.keep())
        try:
            await crew.begun(within_s=self.start_s)
            yield
        finally:
            crew.close()
            await asyncio.wait({keeping})
            await asyncio.to_thread(crew.dismiss, self.drain_s)
            if own:
                await asyncio.to_thread(ray.shutdown)
            await end_all([keeping])

    def _connect(self, ray: Any) -> bool:
        """Connects where nobody has; whether it was us, who then disconnect."""
        if ray.is_initialized():
            return False
        address = self.address or os.environ.get("RAY_ADDRESS") or LOCAL
        options: dict[str, object] = {
            "address": address,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        if address == LOCAL:
            options |= {
                "include_dashboard": False,
                "object_store_memory": _LOCAL_MEMORY_BYTES,
                "_node_ip_address": "127.0.0.1",  # a Ray of our own is nobody else's
            }
        try:
            ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise SwarmError(
                f"no Ray answers at {address}: {error}",
                hint="`ray start --head` on one machine; then --on ray=auto there, or ray=HOST:6379",
            ) from error
        return True


def load_ray() -> Any:  # most of Ray's interface has no types
    """Ray itself. Raises `FarthingError` where it is not installed."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise FarthingError("Ray is not installed", hint="pip install 'farthing[ray]'") from error
