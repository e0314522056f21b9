"""Every exception Farthing raises, in one tree. Each says what happened, the value, and what to do.

    FarthingError
    ├── ConfigError             the configuration is wrong: every fault, with its key path
    ├── InvalidTaskError        a task that cannot be sent as it is (also a ValueError)
    ├── MissingKeyError         no API key where a paid or real call was asked for
    ├── NoCandidateError        no model fits the task; says why each was left out
    ├── BudgetExceededError     a limit would be passed; names it and what would still fit
    ├── UnboundedCostError      a worst case cannot be computed: price or bound unknown
    ├── TaskFailedError         every candidate was tried and failed; carries the attempts
    │   ├── QueueFullError      …before it was begun: too many tasks wait, and the configuration says refuse
    │   └── StreamBrokenError   …after the caller had already received tokens; carries them
    ├── SwarmError              a swarm that cannot go on (no agents, caps reached)
    ├── SharedMemoryError       a key, value or name that shared memory cannot keep, or a full namespace
    ├── LedgerUnavailableError  the database does not answer: nothing is sent without an intent
    └── DeploymentClosedError   the deployment is not open

Expected outcomes inside the package are values (unions with a reason), not exceptions; these are for
the caller. `EXIT_CODES` maps them to the command line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class FarthingError(Exception):
    """The root of the tree. `hint` is the next step for the reader; it is part of `str()`."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFault:
    """One fault of a configuration: `path` as `routing.taskTypeMapping.codng`."""

    path: str
    value: object
    problem: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"{self.path}: {self.problem}{hint}"


class ConfigError(FarthingError):
    """A configuration that cannot be used. `faults` holds all of them, not only the first."""

    def __init__(self, source: str, faults: Sequence[ConfigFault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in faults)]))


class InvalidTaskError(FarthingError, ValueError):
    """A task that cannot be sent as it was given."""


class MissingKeyError(FarthingError):
    """No API key was found where a real call was asked for."""


class NoCandidateError(FarthingError):
    """No model can take the task. `reasons` maps each model considered to why it was left out."""

    def __init__(self, message: str, *, reasons: dict[str, str], hint: str | None = None) -> None:
        self.reasons = reasons
        lines = [message, *(f"  {model}: {reason}" for model, reason in reasons.items())]
        super().__init__("\n".join(lines), hint=hint)


class BudgetExceededError(FarthingError):
    """A limit would be passed. `refusal` has the scope, its balances and what would fit, in dollars."""

    def __init__(self, message: str, *, refusal: object, hint: str | None = None) -> None:
        self.refusal = refusal
        super().__init__(message, hint=hint)


class UnboundedCostError(FarthingError):
    """The worst case of a call cannot be computed, so it cannot be reserved and is not sent."""


class TaskFailedError(FarthingError):
    """Every candidate was tried and failed. `attempts` is the record of each, in order."""

    def __init__(self, message: str, *, attempts: Sequence[object] = (), hint: str | None = None) -> None:
        self.attempts = tuple(attempts)
        super().__init__(message, hint=hint)


class QueueFullError(TaskFailedError):
    """Too many tasks wait for their turn, and `limits.whenFull` is `refuse`. Nothing was sent or reserved."""


class StreamBrokenError(TaskFailedError):
    """The stream broke after tokens had reached the caller. `received` is their text."""

    def __init__(self, message: str, *, received: str, attempts: Sequence[object] = ()) -> None:
        self.received = received
        super().__init__(message, attempts=attempts, hint="ask again, or send `received` back as context")


class SwarmError(FarthingError):
    """A swarm that cannot start or go on."""


class SharedMemoryError(FarthingError, ValueError):
    """What shared memory cannot keep or do: a key, a value, a name, a sum; or a namespace that is full."""


class LedgerUnavailableError(FarthingError):
    """The ledger's database does not answer, so no request may leave."""


class DeploymentClosedError(FarthingError):
    """The deployment was used before `async with` opened it, or after it closed."""


EXIT_CODES: dict[type[FarthingError], int] = {
    ConfigError: 2,
    InvalidTaskError: 2,
    MissingKeyError: 3,
    BudgetExceededError: 4,
    UnboundedCostError: 4,
    NoCandidateError: 5,
    TaskFailedError: 6,
    SwarmError: 6,
    SharedMemoryError: 2,
    LedgerUnavailableError: 7,
}
"""Exit codes of the command line, by class; 1 is any other Farthing error, 130 an interrupt."""


def exit_code(error: FarthingError) -> int:
    """The exit code of an error: its own class's, else the nearest parent's, else 1."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), 1)


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known name closest to a mistyped one, or None when none is as similar as `cutoff` (0–1)."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[matches[0]] if matches else None
