"""The tree of errors: hints, exit codes, and what is nearest to a slip."""

import pytest

from farthing import errors
from farthing.errors import (
    EXIT_CODES,
    BudgetExceededError,
    ConfigError,
    ConfigFault,
    FarthingError,
    NoCandidateError,
    StreamBrokenError,
    TaskFailedError,
    exit_code,
    nearest,
)


def kinds() -> list[type[FarthingError]]:
    return [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FarthingError)
    ]


@pytest.mark.parametrize("kind", kinds())
def test_every_error_is_public_named_and_documented(kind: type[FarthingError]) -> None:
    assert kind.__name__.endswith("Error")
    assert kind.__doc__
    assert kind.__name__ in (errors.__doc__ or "")


def test_an_error_says_what_happened_and_what_to_do() -> None:
    assert str(FarthingError("it broke")) == "it broke"
    assert str(FarthingError("it broke", hint="mend it")) == "it broke\n  → mend it"


def test_a_configuration_error_lists_every_fault() -> None:
    faults = [
        ConfigFault(path="routing.stratgy", value=1, problem="is unknown", nearest="strategy"),
        ConfigFault(path="budget.monthlyLimit", value=-1, problem="is below 0"),
    ]
    assert str(ConfigError("my.json", faults)).splitlines() == [
        "my.json: 2 faults",
        "  routing.stratgy: is unknown (did you mean 'strategy'?)",
        "  budget.monthlyLimit: is below 0",
    ]


def test_facts_are_kept_on_the_error() -> None:
    assert NoCandidateError("none", reasons={"a/model": "gone"}).reasons == {"a/model": "gone"}
    assert BudgetExceededError("no", refusal=5).refusal == 5
    broken = StreamBrokenError("cut", received="half", attempts=[1])
    assert (broken.received, broken.attempts) == ("half", (1,))


def test_exit_codes_are_the_classs_or_its_parents() -> None:
    assert exit_code(ConfigError("x", [])) == 2
    assert exit_code(StreamBrokenError("cut", received="")) == EXIT_CODES[TaskFailedError] == 6
    assert exit_code(FarthingError("x")) == 1
    assert all(1 < code < 128 for code in EXIT_CODES.values())


@pytest.mark.parametrize(
    ("name", "found"), [("codng", "coding"), ("CODING", "coding"), ("simpel", "simple"), ("zzz", None)]
)
def test_the_nearest_name(name: str, found: str | None) -> None:
    assert nearest(name, ["coding", "analysis", "simple"]) == found
