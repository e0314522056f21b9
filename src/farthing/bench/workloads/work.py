"""One piece of work: a task, whose answer counts as the same as which other's, and what must hold of it.

Pure values. `unit` is what is drawn again by the bootstrap: a session whose tasks depend on each other, or a
task by itself.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from farthing.task import Task


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a lever did no harm."""

    sent: tuple[str, ...] = ()
    """Texts that must be in what was sent: facts that the question is about, code, quotations, numbers."""
    schema: Mapping[str, object] | None = None
    """A JSON Schema that the answer must meet."""
    calls: bool = False
    """The answer must be calls of the offered tools."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a workload. Two with the same `answer` ask for the same; any others must never be given each
    other's."""

    unit: str
    answer: str
    task: Task
    expects: Expectation = Expectation()
    deadline_s: float | None = None
    """Seconds from when it is handed in."""


def prompt_of(work: Work) -> str:
    """All that the task says, as one text."""
    return "\n".join(message.text for message in work.task.conversation)


def digest_of(works: Sequence[Work]) -> str:
    """SHA-256 over everything that a workload fixes. Fields of `Task` that none of them uses play no part, so
    that a new one changes nothing."""
    return sha256(msgspec.json.encode([_told(work) for work in works])).hexdigest()


def shares_of(works: Sequence[Work]) -> Mapping[str, float]:
    """What part of the tasks is an earlier one word for word, the same in other words, or new."""
    asked, answered = set[str](), set[str]()
    counts = {"exact": 0, "paraphrased": 0, "new": 0}
    for work in works:
        prompt = prompt_of(work)
        kind = "exact" if prompt in asked else "paraphrased" if work.answer in answered else "new"
        counts[kind] += 1
        asked.add(prompt)
        answered.add(work.answer)
    return {kind: count / max(len(works), 1) for kind, count in counts.items()}


def _told(work: Work) -> object:
    task = work.task
    return {
        "unit": work.unit,
        "answer": work.answer,
        "messages": task.conversation,
        "type": task.type,
        "tools": [(tool.name, tool.description, tool.parameters) for tool in task.tools],
        "response_format": task.response_format,
        "max_tokens": task.max_tokens,
        "session": task.session_id,
        "expects": work.expects,
        "deadline_s": work.deadline_s,
    }
