"""Which question of a task may be compared, with which earlier ones, and how near two of them are. Pure.

A hit needs every guard and the threshold. The guards ask for the same words of content in the same order, so
earlier questions are kept by those: only where the guards already agree is anything embedded. Embedding is
`embed.py`'s.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from farthing.cache.guards import refusal, unfit
from farthing.cache.reading import Reading
from farthing.task import Task, TaskType

Vector = Sequence[float]
"""Of length 1."""

MOST_CHARACTERS = 400
"""Of a question that is compared. A longer one is material rather than a question, and is taken as it is."""


def question_in(task: Task, task_type: TaskType) -> str | None:
    """The last message as a question, when it may be compared with others at all: never in code.

    Only questions of one *frame* are comparable, which is all else that can change the answer: system prompt,
    history, tools, schema, options, tenant, policy. `key.question_key` is its key.
    """
    if task_type == "coding" or task.purpose != "task" or not task.cache:
        return None
    conversation = task.conversation
    last = conversation[-1]
    if last.role != "user" or not isinstance(last.content, str) or len(last.content) > MOST_CHARACTERS:
        return None
    return last.content


class Known(msgspec.Struct, kw_only=True, eq=False):
    """An earlier question, with the key of its answer in the exact cache."""

    key: str
    reading: Reading
    vector: Vector | None = None
    """Made when a question first comes near."""


class Near(NamedTuple):
    """Earlier questions that all guards take for the same, newest first; or why there is none."""

    known: Sequence[Known] = ()
    refused: str = ""


Shelf = tuple[str, tuple[str, ...]]


class MeaningIndex:
    """The latest questions by what they are comparable to and by their words."""

    def __init__(self) -> None:
        self._shelves: dict[Shelf, dict[str, Known]] = {}
        self._ages: dict[str, Shelf] = {}
        """Key to where it stands, oldest first."""

    def __len__(self) -> int:
        return len(self._ages)

    def near(self, frame: str, reading: Reading) -> Near:
        """What the guards say of the earlier questions of `frame`."""
        why = unfit(reading)
        if why is not None:
            return Near(refused=why)
        shelf = self._shelves.get((frame, reading.order), {})
        verdicts = [(known, refusal(reading, known.reading)) for known in reversed(shelf.values())]
        agreed = [known for known, refused in verdicts if refused is None]
        first = next((refused for _, refused in verdicts if refused is not None), "words")
        return Near(agreed, "" if agreed else first)

    def remember(self, frame: str, key: str, reading: Reading, *, most: int) -> None:
        """Keeps a question whose answer stands under `key`; beyond `most` the oldest go."""
        if unfit(reading) is not None:
            return
        self.forget(key)
        shelf = (frame, reading.order)
        self._shelves.setdefault(shelf, {})[key] = Known(key=key, reading=reading)
        self._ages[key] = shelf
        while len(self._ages) > most:
            self.forget(next(iter(self._ages)))

    def __contains__(self, key: str) -> bool:
        return key in self._ages

    def forget(self, key: str) -> None:
        """An answer that is gone; one that is not known is no error."""
        shelf = self._ages.pop(key, None)
        if shelf is not None:
            del self._shelves[shelf][key]
            if not self._shelves[shelf]:
                del self._shelves[shelf]

    def clear(self) -> None:
        self._shelves.clear()
        self._ages.clear()


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors of length 1."""
    return sum(x * y for x, y in zip(one, other, strict=True))
