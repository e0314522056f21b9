"""Questions none of which is asked twice, in any words: what caching saves nothing on. Pure."""

from collections.abc import Sequence
from itertools import product
from random import Random

from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Task, TaskType

_SUBJECTS = (
    "a harbour crane's gearbox",
    "the night bus between two valleys",
    "an orchard of late apples",
    "a reading room with one window",
    "the ferry's ticket machine",
    "a bakery that starts at three",
    "a glacier's measuring poles",
    "the choir's winter programme",
    "a quarry's water pump",
    "the school's weather station",
    "a lock on the old canal",
    "the county's bee register",
    "a workshop for clarinets",
    "the island's power cable",
    "a greenhouse for seedlings",
    "the archive's damp cellar",
    "a lighthouse without a keeper",
    "the town's sledge run",
    "a printing press from the attic",
    "the station clock",
)
_ASKED: tuple[tuple[TaskType, str], ...] = (
    ("analysis", "Compare two ways to pay for {subject} over {years} years, and say which you would choose."),
    (
        "general",
        "Explain to a newcomer how {subject} came to need {years} people, and what each of them does.",
    ),
    ("analysis", "What could go wrong with {subject} in the next {years} months? Put the worst first."),
    ("general", "Draft a letter to the council that asks for {years} thousand euro for {subject}."),
    ("simple", "Name {years} words that fit {subject}."),
    (
        "analysis",
        "Assess whether {subject} should be closed for {years} weeks, weighing cost against safety.",
    ),
    ("general", "Describe {subject} at {years} o'clock for somebody who cannot come."),
    ("general", "How would you teach {years} children something with the help of {subject}?"),
    ("analysis", "Evaluate {years} measurements a day of {subject}: what would they tell, what not?"),
    ("simple", "Give {subject} a name of {years} letters."),
)


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many questions, at most as many as there are pairs of a subject and a question."""
    pairs = list(product(range(len(_SUBJECTS)), range(len(_ASKED))))
    return [_one(rng, number, *pair) for number, pair in enumerate(rng.sample(pairs, min(size, len(pairs))))]


def _one(rng: Random, number: int, subject: int, asked: int) -> Work:
    kind, words = _ASKED[asked]
    years = rng.randint(3, 12)
    text = words.format(subject=_SUBJECTS[subject], years=years)
    return Work(
        unit=f"question-{number}",
        answer=f"s{subject}-a{asked}",
        task=Task(description=text, type=kind),
        expects=Expectation(sent=(_SUBJECTS[subject].removeprefix("the ").removeprefix("a "), str(years))),
    )
