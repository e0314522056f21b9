"""The words of a drill: what is provoked, step by step, what was seen, and what that says of a policy. Pure.

A drill is a value. `cli/work/drilling.py` carries its steps out on a deployment against simulators and hands
back what was seen on both sides; the drill's `judge` decides whether the policy acted. Nothing is sent here.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import msgspec

from farthing.policies.finding import Level
from farthing.result import Attempt, Route, TaskResult
from farthing.routing.route import NoRoute
from farthing.spend.budget import AccountKey
from farthing.task import Task

Verdict = Literal["fires", "does not fire", "cannot fire", "not configured"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that upstream does, in the simulator's words (`docs/guides/simulator.md`).

    `model` as the deployment names it, None for every model; `times` None is always.
    """

    kind: str
    model: str | None = None
    times: int | None = None
    provider: str | None = None
    details: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """From now on upstream does this, and nothing else."""

    faults: tuple[Fault, ...] = ()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A task, to its end. `streamed`: its text is read as it comes."""

    task: Task
    streamed: bool = False


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The route of a task; nothing is sent."""

    task: Task


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that are begun together, until upstream holds `held` of them and no more come."""

    tasks: tuple[Task, ...]
    held: int


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Upstream lets go what it holds, and all that was begun comes to its end."""


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent is booked, and whatever that raises is raised."""


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds go by, on the deployment's clock."""

    seconds: float


class Pretend(msgspec.Struct, frozen=True, kw_only=True):
    """Spend of another process on the same ledger: this account has so much settled more."""

    key: AccountKey
    nano: int


Step = Scene | Ask | Look | Begin | Finish | Settle | Pass | Pretend


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a simulator received it. `model` as the deployment names it."""

    model: str
    max_tokens: int = 0
    tools: int = 0
    response_format: str | None = None
    plugins: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one step came to, on the deployment's side and on upstream's."""

    result: TaskResult | None = None
    error: str = ""
    """The class of the error that ended the task; empty where it was answered."""
    message: str = ""
    attempts: tuple[Attempt, ...] = ()
    text: str = ""
    """What the reader of a stream had received."""
    route: Route | NoRoute | None = None
    asked: tuple[Asked, ...] = ()
    """What upstream received in this step."""
    most_at_once: int = 0
    """Requests that it held at once, at most, since the drill began."""
    slept_s: float = 0.0
    """What was waited, on the deployment's clock."""

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(asked.model for asked in self.asked)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the recording channel received it."""

    level: str
    scope: str
    period: str
    text: str
    signed: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a drill was seen to do: one `Told` for each task, look and beginning, in order."""

    told: tuple[Told, ...] = ()
    heard: tuple[Heard, ...] = ()


class Saw(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, in words; `fault` is why the policy did not act, empty where it did."""

    text: str
    fault: str = ""


Judge = Callable[[Seen], Saw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting that a drill changes, so that the policy shows in seconds and for nothing."""

    setting: str
    value: object
    why: str
    told: str = ""
    """The value in words, where it has too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One policy, how it is provoked, and what must be seen."""

    policy: str
    setting: str
    value: str
    provoked: str
    steps: tuple[Step, ...]
    judge: Judge
    remedy: str
    changes: tuple[Change, ...] = ()
    refused_keys: tuple[str, ...] = ()
    """Variables of API keys that upstream does not accept."""
    level: Level = "finding"
    """How grave it is when it does not fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one policy: a line of the table."""

    policy: str
    setting: str
    value: str
    verdict: Verdict
    provoked: str = ""
    saw: str = ""
    why: str = ""
    remedy: str = ""
    level: Level = "finding"
    changes: tuple[Change, ...] = field(default_factory=tuple[Change, ...])

    @property
    def is_finding(self) -> bool:
        return self.verdict in ("does not fire", "cannot fire") and self.level == "finding"


Planned = Drill | Row


def judged(drill: Drill, seen: Seen) -> Row:
    """The line of a drill that was carried out."""
    saw = drill.judge(seen)
    return Row(
        policy=drill.policy,
        setting=drill.setting,
        value=drill.value,
        verdict="does not fire" if saw.fault else "fires",
        provoked=drill.provoked,
        saw=saw.text,
        why=saw.fault,
        remedy=drill.remedy if saw.fault else "",
        level=drill.level,
        changes=drill.changes,
    )


def failed(drill: Drill, why: str) -> Row:
    """The line of a drill that could not be carried out, which proves nothing."""
    return Row(
        policy=drill.policy,
        setting=drill.setting,
        value=drill.value,
        verdict="does not fire",
        provoked=drill.provoked,
        why=f"the drill broke off: {why}",
        remedy=drill.remedy,
        changes=drill.changes,
    )


def off(policy: str, setting: str, value: object, why: str) -> Row:
    """A policy that the configuration does not have."""
    return Row(policy=policy, setting=setting, value=shown(value), verdict="not configured", why=why)


def cannot(
    policy: str, setting: str, value: object, why: str, remedy: str, *, level: Level = "finding"
) -> Row:
    """A policy that no task can bring about."""
    return Row(
        policy=policy,
        setting=setting,
        value=shown(value),
        verdict="cannot fire",
        why=why,
        remedy=remedy,
        level=level,
    )


def shown(value: object) -> str:
    """A setting's value as a file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "—"
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def short(model: str) -> str:
    """A model without its author."""
    return model.rpartition("/")[2]


def attempts_in_words(attempts: Sequence[Attempt]) -> str:
    """`llama: rate_limited 429 → deepseek: ok`."""
    return " → ".join(f"{short(one.model)}: {one.reason.partition(';')[0]}" for one in attempts)


def received_in_words(asked: Sequence[Asked]) -> str:
    """`upstream received 1 for llama, 2 for deepseek`."""
    counts = Counter(short(one.model) for one in asked)
    return "upstream received " + (", ".join(f"{n} for {name}" for name, n in counts.items()) or "nothing")


def ended(told: Told) -> str:
    """How a task ended, in words."""
    if told.result is not None:
        return f"answered by {short(told.result.model)}"
    return f"{told.error}: {told.message.splitlines()[0] if told.message else ''}"


def evidence(told: Told) -> str:
    """Both sides of one task in a line."""
    tried = attempts_in_words(told.attempts)
    return "; ".join(filter(None, (tried or ended(told), received_in_words(told.asked))))


def not_first(model: str, told: Told) -> str:
    """That another model than this one was asked first, and what its route said."""
    why = told.result.route.reason if told.result is not None else told.message.replace("\n", "; ")
    return f"{short(model)} was not asked first: {why or told.error}"
