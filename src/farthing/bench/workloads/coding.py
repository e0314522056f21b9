"""Programs to review, to test and to mend, with tracebacks and logs; no question twice. Pure."""

from collections.abc import Sequence
from random import Random

from farthing.bench.workloads.code_texts import ASKED, PROGRAMS, TRACEBACK
from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Message, Task

_SYSTEM = """\
You are a coder in a team that values small functions and plain names. Answer with the code first and at most
five sentences after it. Keep the public names. Add no dependency. Target Python 3.11. Where the request and
the code disagree, the request holds; say so. Never invent a function of a library."""
_NOUNS = ("parcel", "berth", "invoice", "reading", "ticket", "voyage", "member", "sample", "permit", "pallet")
_VERBS = ("collect", "resolve", "settle", "index", "merge", "split", "export", "verify", "archive", "rank")


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many requests, each with a program of its own names."""
    return [_one(rng, number) for number in range(size)]


def _one(rng: Random, number: int) -> Work:
    noun, verb = rng.choice(_NOUNS), rng.choice(_VERBS)
    names = {"noun": noun, "Noun": noun.capitalize(), "verb": verb, "number": str(number + 2)}
    code = _named(rng.choice(PROGRAMS), names)
    asked = _named(rng.choice(ASKED), names)
    parts = [f"File {noun}s_{number}.py: {asked}", f"```python\n{code}```"]
    sent = (code,)
    if rng.random() < 0.4:
        line = rng.randint(3, 60)
        frames = "".join(TRACEBACK.format(line=line + at, **names) for at in range(rng.randint(3, 12)))
        error = f"ValueError: {noun} {number} has no {verb} date (code {number}-{line})"
        parts.append(f"It ends like this:\n```text\nTraceback (most recent call last):\n{frames}{error}\n```")
        sent = (code, error)
    messages = (
        Message(role="system", content=_SYSTEM),
        Message(role="user", content="\n\n".join(parts)),
    )
    task = Task(messages=messages, type="coding")
    return Work(unit=f"code-{number}", answer=f"code-{number}", task=task, expects=Expectation(sent=sent))


def _named(text: str, names: dict[str, str]) -> str:
    """With the names put in; the programs have braces of their own, so this is no format string."""
    for name, value in names.items():
        text = text.replace(f"<{name}>", value)
    return text
