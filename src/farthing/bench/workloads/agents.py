"""Sessions of agents at work: a history that grows, tools whose results fill it, facts asked for later. Pure.

A session is scripted, so that what a model answers changes nothing in the next request. Each of its steps is
two tasks: one that ends with the user's words and wants tool calls, one that ends with the tool's result and
wants an answer. A file is read again after it was changed, which makes the earlier reading worthless. Facts
are told in passing and asked for in other words some steps later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from farthing.bench.workloads.agent_texts import FACTS, STEPS, SYSTEM, TOOLS, Fact, Step
from farthing.bench.workloads.tool_results import result_of
from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Message, Task, ToolCall

STEPS_PER_SESSION = 8
_ASKED_AFTER = 2
"""Steps between a fact and the question for it, at least."""


@dataclass(slots=True, kw_only=True)
class _Session:
    """One session as far as it has come."""

    name: str
    rng: Random
    facts: list[tuple[Fact, str]] = field(default_factory=list[tuple[Fact, str]])
    """Facts that were told, with their values."""
    history: list[Message] = field(default_factory=list[Message])
    works: list[Work] = field(default_factory=list[Work])
    reads: int = 0
    """How often the file was read: it is another each time."""


def make(rng: Random, size: int) -> Sequence[Work]:
    """At least one session of `STEPS_PER_SESSION` steps, two tasks each. The sessions' tasks come in turn."""
    count = max(1, round(size / (2 * STEPS_PER_SESSION)))
    sessions = [_session(rng, number) for number in range(count)]
    return [work for step in zip(*(session.works for session in sessions), strict=True) for work in step]


def _session(rng: Random, number: int) -> _Session:
    session = _Session(name=f"session-{number}", rng=rng)
    service = rng.choice(("ledger", "harbour", "orchard", "courier", "archive", "lantern"))
    session.history.append(Message(role="system", content=SYSTEM.format(service=service)))
    facts = rng.sample(FACTS, STEPS_PER_SESSION - _ASKED_AFTER)
    steps = [STEPS[at % len(STEPS)] for at in range(number % 2, number % 2 + STEPS_PER_SESSION)]
    for at, step in enumerate(steps):
        planted = facts[at] if at < len(facts) else None
        asked = session.facts[at - _ASKED_AFTER] if at >= _ASKED_AFTER else None
        _play(session, step, at, planted, asked, service)
    return session


def _play(
    session: _Session, step: Step, at: int, planted: Fact | None, asked: tuple[Fact, str] | None, service: str
) -> None:
    """One step: the user speaks, tools are called, their results come, and an answer is given."""
    words = [step.request.format(service=service)]
    if planted is not None:
        value = planted.value(session.rng)
        words.append(planted.told.format(value=value))
        session.facts.append((planted, value))
    if asked is not None:
        words.append(asked[0].asked)
    session.history.append(Message(role="user", content=" ".join(words)))
    due = () if asked is None else (asked[1],)
    _add(session, at, "call", Expectation(sent=due, calls=True))
    identity = f"call_{session.name.removeprefix('session-')}_{at}"
    arguments = step.arguments.replace("SERVICE", service)
    call = ToolCall(id=identity, name=step.tool, arguments=arguments)
    session.history.append(Message(role="assistant", content="", tool_calls=(call,)))
    session.reads += step.tool == "read_file"
    result = result_of(step.tool, session.rng, service=service, reading=session.reads)
    session.history.append(Message(role="tool", content=result.text, tool_call_id=identity))
    _add(session, at, "answer", Expectation(sent=(*due, result.needed)))
    session.history.append(Message(role="assistant", content=step.answer.format(found=result.needed)))


def _add(session: _Session, at: int, part: str, expects: Expectation) -> None:
    task = Task(
        messages=tuple(session.history),
        tools=TOOLS,
        type="general",
        session_id=session.name,
        agent_id=session.name,
    )
    session.works.append(
        Work(unit=session.name, answer=f"{session.name}-{at}-{part}", task=task, expects=expects)
    )
