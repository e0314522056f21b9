"""A swarm on many machines: workers that claim its pieces from PostgreSQL, started by hand or by Ray."""

from farthing.cluster.ray import Ray
from farthing.cluster.workers import Workers

__all__ = ["Ray", "Workers"]
