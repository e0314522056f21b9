"""Reports that are wanted tomorrow: work that may wait for cheaper hours or tiers. Pure."""

from collections.abc import Sequence
from random import Random

from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Task, TaskType

_HOUR_S = 3600.0
_KINDS: tuple[tuple[TaskType, str], ...] = (
    ("analysis", "Analyse last week's figures of {place} and say what stands out."),
    ("general", "Summarise the notes of the watch at {place} for people who were not there."),
    ("analysis", "Compare the figures of {place} with the month before, and name the largest change."),
)
_PLACES = ("the north quay", "the fish market", "the pilot station", "the dry dock", "the toll bridge")
_NOTES = (
    "wind from the west, {a} boats in, {b} out",
    "{a} crates landed, {b} of them refused for want of ice",
    "a crane stood still for {a} minutes, {b} waited",
    "{a} tickets sold, {b} given back",
    "water at {a} above the mark, {b} pumps at work",
)


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many reports, each with figures of its own."""
    return [_one(rng, number) for number in range(size)]


def _one(rng: Random, number: int) -> Work:
    kind, asked = rng.choice(_KINDS)
    lines = [
        f"day {day + 1}: " + rng.choice(_NOTES).format(a=rng.randint(2, 99), b=rng.randint(2, 99))
        for day in range(rng.randint(12, 40))
    ]
    marker = f"sheet {4100 + number}"
    text = f"{asked.format(place=rng.choice(_PLACES))} The figures, {marker}:\n" + "\n".join(lines)
    return Work(
        unit=f"report-{number}",
        answer=f"report-{number}",
        task=Task(description=text, type=kind),
        expects=Expectation(sent=(marker, lines[-1])),
        deadline_s=rng.randint(6, 26) * _HOUR_S,
    )
