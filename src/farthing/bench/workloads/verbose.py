"""Prompts as templates and polite people write them: padding, courtesy, and instructions said again. Pure.

`sent` of each is what must stay, whatever is shortened: numbers, quotations, names and the thing asked for.
"""

from collections.abc import Sequence
from random import Random

from farthing.bench.workloads.verbose_texts import CLOSINGS, CORES, OPENINGS, REMINDERS, TEMPLATES
from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Message, Task, TaskType


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many prompts: two thirds padded by hand, one third from a few templates with one slot."""
    return [_padded(rng, at) if at % 3 else _from_template(rng, at) for at in range(size)]


def _padded(rng: Random, number: int) -> Work:
    core = rng.choice(CORES)
    values = {"n": str(rng.randint(3, 60)), "code": f"{rng.choice('GHJK')}-{300 + number}"}
    asked = core.asked.format(**values)
    reminder = rng.choice(REMINDERS)
    parts = [rng.choice(OPENINGS), asked, reminder, rng.choice(CLOSINGS)]
    if rng.random() < 0.5:
        parts.append(reminder)  # said again, as people do
    kept = tuple(part.format(**values) for part in core.kept)
    return _work(number, " ".join(parts), kept, core.task_type)


def _from_template(rng: Random, number: int) -> Work:
    template = rng.choice(TEMPLATES)
    code = f"module {rng.choice('ABCDE')}{500 + number}"
    return _work(number, template.text.format(subject=code), (code, *template.kept), template.task_type)


def _work(number: int, text: str, kept: tuple[str, ...], kind: TaskType) -> Work:
    unit = f"prompt-{number}"
    task = Task(messages=(Message(role="user", content=text),), type=kind)
    return Work(unit=unit, answer=unit, task=task, expects=Expectation(sent=kept))
