"""Several Ray nodes on this machine, and the sudden end of one: what a benchmark or a test kills.

A node is a raylet of its own with its workers. Needs the extra `ray`.
"""

import os
import signal
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from farthing.cluster.ray import load_ray

_MEMORY_BYTES = 80 * 1024 * 1024


class Nodes:
    """The nodes of a cluster that is this process's own. The first one holds the cluster together."""

    def __init__(self, cluster: Any) -> None:  # Ray's test cluster has no types
        self._cluster = cluster
        self._added: list[Any] = []

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> None:
        """One node more; waits until it is there."""
        self._added.append(self._cluster.add_node(wait=True, num_cpus=1, object_store_memory=_MEMORY_BYTES))

    def kill(self) -> tuple[int, ...]:
        """Kills the node that was added last, its workers with it, by SIGKILL; the pids that are gone.

        Returns at once: Ray finds out by itself, as it would of a machine that lost its power.
        """
        node = self._added.pop()
        raylet = int(node.all_processes["raylet"][0].process.pid)
        gone = (raylet, *descendants(raylet))
        for pid in gone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return gone


@contextmanager
def own_nodes(count: int = 1) -> Generator[Nodes]:
    """A cluster of `count` nodes, which ends with the block."""
    load_ray()
    cluster: Any = import_module("ray.cluster_utils").Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": _MEMORY_BYTES,
            "include_dashboard": False,
        },
    )
    try:
        nodes = Nodes(cluster)
        for _ in range(count - 1):
            nodes.add()
        yield nodes
    finally:
        cluster.shutdown()


def descendants(pid: int) -> tuple[int, ...]:
    """The processes that a process has started, and those that they have (Linux)."""
    parents = dict(_parents())
    found: list[int] = []
    wanted = {pid}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted}
        found.extend(wanted)
    return tuple(found)


def _parents() -> Iterable[tuple[int, int]]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = status.read_text().rpartition(")")[2].split()
            yield int(status.parent.name), int(fields[1])
