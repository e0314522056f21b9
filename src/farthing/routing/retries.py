"""How many retries a deployment may make: a share of its tasks, so that an outage is not answered by a storm.

Only retries count, the same model again; a fallback asks somebody else. Every task adds its share, a retry
takes one, and a few are always left for a deployment that has just begun. The idea is Finagle's retry budget.
"""

FLOOR = 10.0
"""Retries that a fresh deployment has."""
MOST = 1000.0
"""What a quiet time may save up."""


class RetryBudget:
    """Use from one event loop."""

    def __init__(self) -> None:
        self.left = FLOOR

    def add_task(self, share: float) -> None:
        """A task began; `share` is the retries that each task may add to those of all, as 0.5."""
        self.left = min(self.left + share, MOST)

    def has_room(self) -> bool:
        return self.left >= 1.0

    def take(self) -> None:
        """A retry is sent."""
        self.left = max(0.0, self.left - 1.0)
