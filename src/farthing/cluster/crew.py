"""The workers of one run on a Ray cluster: which node should have some, which are lost, how they are.

Asks Ray once a second. A worker that Ray restarts in its place stays; one whose node is gone is forgotten,
for its pieces are the database's to give to others.
"""

import asyncio
import logging
from collections import Counter
from typing import Any

import msgspec
import sqlalchemy as sa

from farthing.clock import undisturbed
from farthing.cluster.actor import Health, WorkerActor
from farthing.errors import SwarmError
from farthing.storage.database import Database
from farthing.storage.tables import writer

log = logging.getLogger("farthing.cluster")

EVERY_S = 1.0
_CPUS = 0.01  # waiting for models takes little; a node without a free core gets workers too
_ANSWER_S = 0.5


class Member:
    """One worker: where it is, its handle, and what it last said."""

    def __init__(self, node: str, handle: Any) -> None:
        self.node, self.handle = node, handle
        self.asked: Any = None
        self.health: Health | None = None
        self.warned = False


class Crew:
    """Use from one event loop: `keep` it, and `dismiss` it in a thread."""

    def __init__(self, ray: Any, order: bytes, database: Database, *, per_node: int) -> None:
        self._ray, self._order, self._database, self._per_node = ray, order, database, per_node
        self._members: list[Member] = []
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._fault: SwarmError | None = None

    async def keep(self) -> None:
        """Places and replaces workers until `close`."""
        try:
            while True:
                await asyncio.to_thread(self.look)
                if self._fault is not None or self._begun():
                    self._ready.set()
                if not await undisturbed(asyncio.sleep, EVERY_S, self._closing):
                    return
        finally:
            self._ready.set()

    async def begun(self, *, within_s: float) -> None:
        """Waits until each worker works or has failed. Raises `SwarmError` where none works by then."""
        try:
            async with asyncio.timeout(within_s):
                await self._ready.wait()
        except TimeoutError:
            if not any(map(_works, self._members)):
                raise SwarmError(
                    f"no worker was at work on the Ray cluster within {within_s:g} s",
                    hint="see `ray status`; each node needs the package and a place for a process",
                ) from None
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        self._closing.set()

    def look(self) -> None:
        """One round: nodes, missing workers, their health."""
        alive = [str(node["NodeID"]) for node in self._ray.nodes() if node["Alive"]]
        gone = [member for member in self._members if member.node not in alive]
        for member in gone:
            log.warning("node %s is gone with its worker; others claim its pieces", member.node[:12])
            self._members.remove(member)
        here = Counter(member.node for member in self._members)
        for node in alive:
            for _ in range(self._per_node - here[node]):
                self._members.append(Member(node, self._placed(node)))
        for member in list(self._members):
            self._ask(member)
        self._judge()

    def dismiss(self, drain_s: float) -> None:
        """Stops all workers, which give back what they have, and ends their processes."""
        stopping = [member.handle.stop.remote() for member in self._members]
        if stopping:
            self._ray.wait(stopping, num_returns=len(stopping), timeout=drain_s + 10)
        for member in self._members:
            self._ray.kill(member.handle)
        self._members.clear()

    def _placed(self, node: str) -> Any:
        affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        placed = self._ray.remote(
            num_cpus=_CPUS, max_restarts=-1, max_task_retries=0, scheduling_strategy=affinity
        )(WorkerActor)
        return placed.remote(self._order)

    def _ask(self, member: Member) -> None:
        """Takes the answer to the last question, and asks the next one."""
        if member.asked is None:
            member.asked = member.handle.health.remote()
        came, _ = self._ray.wait([member.asked], timeout=_ANSWER_S)
        if not came:
            return
        asked, member.asked = member.asked, None
        errors = self._ray.exceptions
        try:
            member.health = msgspec.json.decode(self._ray.get(asked), type=Health)
        except errors.ActorUnavailableError:
            member.health = None  # Ray restarts it
        except errors.RayActorError as error:
            log.warning("the worker on node %s is lost: %s", member.node[:12], _first_line(error))
            if member in self._members:
                self._members.remove(member)
        else:
            self._tell(member)

    def _tell(self, member: Member) -> None:
        health = member.health
        if health is not None and health.state == "failed" and not member.warned:
            member.warned = True
            log.warning("the worker on node %s cannot work: %s", member.node[:12], health.error)

    def _judge(self) -> None:
        """Whether the run can go on at all: not if every worker has failed, or one uses another database."""
        said = [member.health for member in self._members if member.health is not None]
        for health in said:
            if health.state == "working" and not self._is_here(health):
                self._fault = SwarmError(
                    f"the worker {health.label} uses another database than {self._database.display_url}",
                    hint="FARTHING_DATABASE_URL must name one database on every machine",
                )
        failed = [health for health in said if health.state == "failed"]
        if failed and len(failed) == len(self._members):
            self._fault = SwarmError(f"no worker can work: {failed[0].label}: {failed[0].error}")

    def _begun(self) -> bool:
        states = [None if one.health is None else one.health.state for one in self._members]
        return "working" in states and not {None, "opening"} & set(states)

    def _is_here(self, health: Health) -> bool:
        query = sa.select(writer.c.label).where(writer.c.epoch == health.epoch)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() == health.label


def _works(member: Member) -> bool:
    return member.health is not None and member.health.state == "working"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
