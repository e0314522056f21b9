"""Which workloads there are, in which version, and how large one is when nothing else is asked. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from farthing.bench.workloads import agents, coding, deferrable, extraction, questions, unrepeated, verbose
from farthing.bench.workloads.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A stated workload. `make` gives about so many tasks, drawn by the generator."""

    name: str
    version: int
    """Goes up when the tasks change."""
    about: str
    size: int
    """Tasks by default."""
    make: Callable[[Random, int], Sequence[Work]]

    def works(self, size: int | None = None, *, seed: int = 1) -> tuple[Work, ...]:
        """The tasks in the order they are asked: the same for the same size and seed."""
        wanted = self.size if size is None else size
        return tuple(self.make(Random(f"{self.name}:{self.version}:{seed}"), wanted))  # noqa: S311  # repeatable


_ALL = (
    Workload(
        name="agents",
        version=1,
        about="agent sessions: growing history, tool results, files read again after they changed, facts "
        "asked for later",
        size=320,
        make=agents.make,
    ),
    Workload(
        name="questions",
        version=1,
        about="support questions: repeated by Zipf's law, paraphrased, look-alikes with another answer, and "
        "a tail asked once",
        size=400,
        make=questions.make,
    ),
    Workload(
        name="no-repeat",
        version=1,
        about="questions of which none is asked twice, in any words",
        size=200,
        make=unrepeated.make,
    ),
    Workload(
        name="coding",
        version=1,
        about="programs to review, test and mend, with logs; no question twice",
        size=120,
        make=coding.make,
    ),
    Workload(
        name="extraction",
        version=1,
        about="documents to JSON by schema; every document once",
        size=150,
        make=extraction.make,
    ),
    Workload(
        name="verbose",
        version=1,
        about="padded, polite prompts from templates with instructions said again",
        size=120,
        make=verbose.make,
    ),
    Workload(
        name="deferrable",
        version=1,
        about="reports that are wanted in 6 to 26 hours",
        size=80,
        make=deferrable.make,
    ),
)

WORKLOADS: Mapping[str, Workload] = {workload.name: workload for workload in _ALL}
