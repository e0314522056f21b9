"""What goes wrong in a simulated run: the scenario file, read strictly.

A scenario is JSON (all keys optional; an unknown key is refused, naming the nearest):

    {"rules": [{"match": {"model": "mistralai/…", "contains": "text", "role": "coder", "stream": true,
                          "provider": "Simulated North", "nth": 3, "every": 10},
                "fault": {"kind": "rate_limit", "retry_after": 2},
                "times": 1}],
     "random": {"rate": 0.1, "kinds": ["rate_limit", "cut", {"kind": "stall", "delay_s": 0.1}]},
     "overrun_rate": 0.001, "missing_cost_rate": 0.05,
     "generation_lag_s": 1.0, "generation_lag_polls": 1,
     "free_per_minute": 20, "free_per_day": 50, "abort_billing": "either", "plain": false, "rows_kept": 1000}

`match`: all stated conditions must hold; `nth` and `every` count the requests that meet the others. `times`
bounds how often a rule fires (1 with `nth`, else no bound). The first rule that fires wins; `random` comes
after the rules. `generation_lag_s` is scaled by the time scale; `generation_lag_polls` answers that many
look-ups of each generation with 404. `abort_billing`: a call that the client left, or that was cut, is billed
for what was `produced`, in `full`, or `either` by a seeded choice. `plain` answers as other OpenAI-compatible
servers do: no key, no cost, no provider, usage of a stream only on request, plain errors; and refuses what is
OpenRouter's own. `rows_kept`: a bill of more rows forgets the oldest, which its totals still count.

Fault kinds: every name in `conditions.py` (a refusal), `status` (with `status`, `error_type`, `message`,
`limit_source`, `availability`), and
    body_error, stream_error   the refusal named by `error` inside HTTP 200, or in the stream at `at` (0–1)
    cut                        the connection drops at `at`; with `clean` the stream just ends, without an end
    cut_before_first           headers, then the connection drops
    stall                      nothing more comes after `at`, until released (or for `delay_s`)
    slow_headers               no headers until released (or for `delay_s`)
    comments                   comments every `interval_s` and no token, until released (or for `delay_s`)
    garbled                    a broken line in the stream; a plain body that is no JSON
    late_usage                 usage comes `delay_s` after the finish, with comments between
    no_usage                   no usage at all; still billed
    missing_cost               usage without a cost
    empty                      no output and no finish: free by the zero-completion insurance
    refusal, length            the model refuses; the answer stops at `max_tokens` or sooner
    prose, nearly_json         words where JSON was asked for; JSON with a comma too many and words around it
    paced                      no fault: an answer of `events` tokens of `event_bytes` each, `per_second` of
                               them, in real seconds, which waits for a client that does not read
    byok                       the provider bills too
    overrun                    billed above every bound of the request
A refusal takes `retry_after` (text or number), `message` and `billed` (true: the provider worked on and bills
in full). What waits does so in real seconds, whatever the time scale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import msgspec

from farthing.errors import ConfigError, ConfigFault, nearest
from farthing.simulator.conditions import CONDITIONS
from farthing.simulator.shapes import items, mapping

AbortBilling = Literal["either", "produced", "full"]
BatchEnd = Literal["completed", "failed", "expired"]

_REFUSAL_KEYS = frozenset({"retry_after", "message", "billed"})
_HELD_KEYS = frozenset({"delay_s"})
KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(CONDITIONS, _REFUSAL_KEYS),
    "status": _REFUSAL_KEYS | {"status", "error_type", "limit_source", "availability"},
    "body_error": frozenset({"error"}),
    "stream_error": frozenset({"error", "at"}),
    "cut": frozenset({"at", "clean"}),
    "cut_before_first": frozenset[str](),
    "stall": _HELD_KEYS | {"at"},
    "slow_headers": _HELD_KEYS,
    "comments": _HELD_KEYS | {"interval_s"},
    "late_usage": _HELD_KEYS,
    "paced": frozenset({"events", "per_second", "event_bytes"}),
    **dict.fromkeys(
        ("garbled", "no_usage", "missing_cost", "empty", "refusal", "length", "prose", "nearly_json"),
        frozenset[str](),
    ),
    **dict.fromkeys(
        ("byok", "overrun"),
        frozenset[str](),
    ),
}
"""Every fault kind with the keys it takes beside `kind`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with one request. Times are in real seconds, `at` is a part of the answer."""

    kind: str
    at: float = 0.5
    delay_s: float | None = None
    interval_s: float = 0.05
    clean: bool = False
    error: str = "overloaded"
    status: int = 500
    error_type: str | None = None
    limit_source: str | None = None
    availability: str | None = None
    message: str | None = None
    retry_after: str | None = None
    billed: bool = False
    events: int = 100
    per_second: float = 10.0
    event_bytes: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests a rule is for. None is any."""

    model: str | None = None
    contains: str | None = None
    role: str | None = None
    stream: bool | None = None
    provider: str | None = None
    nth: int | None = None
    every: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    match: Match
    fault: Fault
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that can go wrong, and the ambient metering of money.md, law 17."""

    rules: tuple[Rule, ...] = ()
    random_rate: float = 0.0
    random_faults: tuple[Fault, ...] = ()
    overrun_rate: float = 0.001
    missing_cost_rate: float = 0.05
    generation_lag_s: float = 1.0
    generation_lag_polls: int = 1
    free_per_minute: int = 20
    free_per_day: int = 50
    abort_billing: AbortBilling = "either"
    plain: bool = False
    rows_kept: int | None = None
    flex_rate: float = 0.75
    """How often a `:floor` call is served by the flex tier."""
    batch_s: float = 3600.0
    """How long a batch takes, in simulated seconds."""
    batch_ends: BatchEnd = "completed"
    batch_held: bool = False
    """Whether batches stay in progress until they are released."""
    batch_failure_rate: float = 0.0
    """How many of a batch's items end in an error."""


HEALTHY = Scenario()


def demo_scenario(seed: int) -> Scenario:
    """One 429 with Retry-After 1 and one stream cut midway, early in the run; then healthy."""
    return Scenario(
        rules=(
            Rule(match=Match(nth=2 + seed % 2), fault=Fault(kind="rate_limit", retry_after="1"), times=1),
            Rule(match=Match(stream=True, nth=5 + seed % 2), fault=Fault(kind="cut"), times=1),
        )
    )


def scenario_from(raw: object, *, source: str = "scenario") -> Scenario:
    """A scenario from decoded JSON. Raises `ConfigError` with every fault of the file."""
    reader = _Reader()
    fields = reader.section(raw, "", _SCENARIO)
    drawn_faults: tuple[Fault, ...] = ()
    if "random" in fields:
        drawn = reader.section(fields.pop("random"), "random", {"rate": float, "kinds": list})
        fields["random_rate"] = drawn.get("rate", 0.0)
        kinds = items(drawn.get("kinds"))
        drawn_faults = tuple(reader.fault(kind, f"random.kinds[{i}]") for i, kind in enumerate(kinds))
    rules = items(fields.pop("rules", []))
    scripted = tuple(reader.rule(rule, f"rules[{i}]") for i, rule in enumerate(rules))
    if fields.get("abort_billing", "either") not in get_args(AbortBilling):
        reader.add(
            "abort_billing", fields["abort_billing"], f"give one of {', '.join(get_args(AbortBilling))}"
        )
    if fields.get("batch_ends", "completed") not in get_args(BatchEnd):
        reader.add("batch_ends", fields["batch_ends"], f"give one of {', '.join(get_args(BatchEnd))}")
    for key in ("overrun_rate", "missing_cost_rate", "random_rate", "flex_rate", "batch_failure_rate"):
        rate = fields.get(key, 0)
        if not 0 <= cast("float", rate) <= 1:
            reader.add(
                key.replace("_rate", ".rate") if key == "random_rate" else key, rate, "give a fraction 0–1"
            )
    if reader.faults:
        raise ConfigError(source, reader.faults)
    return replace(msgspec.convert(fields, Scenario), rules=scripted, random_faults=drawn_faults)


_SCENARIO: Mapping[str, type] = {
    "rules": list,
    "random": dict,
    "overrun_rate": float,
    "missing_cost_rate": float,
    "generation_lag_s": float,
    "generation_lag_polls": int,
    "free_per_minute": int,
    "free_per_day": int,
    "abort_billing": str,
    "plain": bool,
    "rows_kept": int,
    "flex_rate": float,
    "batch_s": float,
    "batch_ends": str,
    "batch_held": bool,
    "batch_failure_rate": float,
}
_RULE: Mapping[str, type] = {"match": dict, "fault": object, "times": int}
_MATCH: Mapping[str, type] = {
    "model": str,
    "contains": str,
    "role": str,
    "stream": bool,
    "provider": str,
    "nth": int,
    "every": int,
}
_FAULT: Mapping[str, type] = {
    "kind": str,
    "at": float,
    "delay_s": float,
    "interval_s": float,
    "clean": bool,
    "error": str,
    "status": int,
    "error_type": str,
    "limit_source": str,
    "availability": str,
    "message": str,
    "retry_after": object,
    "billed": bool,
    "events": int,
    "per_second": float,
    "event_bytes": int,
}
_LEAST: Mapping[str, float] = {"events": 1, "per_second": 0.001, "event_bytes": 1}


class _Reader:
    """Reads sections and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[ConfigFault] = []

    def add(self, path: str, value: object, problem: str, near: str | None = None) -> None:
        self.faults.append(ConfigFault(path=path, value=value, problem=f"{value!r}: {problem}", nearest=near))

    def section(
        self, raw: object, path: str, known: Mapping[str, type], allowed: Iterable[str] = ()
    ) -> dict[str, object]:
        if not isinstance(raw, Mapping):
            self.add(path or "scenario", raw, "give an object")
            return {}
        names = list(allowed) or list(known)
        fields: dict[str, object] = {}
        for key, value in mapping(cast("object", raw)).items():
            where = f"{path}.{key}" if path else key
            if key not in names:
                self.add(
                    where, value, f"unknown key {key!r}; known are {', '.join(names)}", nearest(key, names)
                )
            elif not _fits(value, known[key]):
                self.add(where, value, f"give {known[key].__name__}")
            else:
                fields[key] = value
        return fields

    def rule(self, raw: object, path: str) -> Rule:
        fields = self.section(raw, path, _RULE)
        match = self.section(fields.get("match", {}), f"{path}.match", _MATCH)
        for key in ("nth", "every"):
            if isinstance(count := match.get(key), int) and count < 1:
                self.add(f"{path}.match.{key}", count, "give 1 or more")
        fault = self.fault(fields.get("fault", {}), f"{path}.fault")
        times = fields.get("times", 1 if "nth" in match else None)
        return Rule(match=msgspec.convert(match, Match), fault=fault, times=cast("int | None", times))

    def fault(self, raw: object, path: str) -> Fault:
        """A fault from its name alone, or from an object with its `kind`."""
        given = {"kind": raw} if isinstance(raw, str) else raw
        kind = mapping(given).get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            self.add(
                f"{path}.kind",
                kind,
                "no such fault kind",
                nearest(kind, KINDS) if isinstance(kind, str) else None,
            )
            return Fault(kind="server_error")
        fields = self.section(given, path, _FAULT, ["kind", *sorted(KINDS[kind])])
        if "retry_after" in fields:
            fields["retry_after"] = str(fields["retry_after"])
        for key, least in _LEAST.items():
            if cast("float", fields.get(key, least)) < least:
                self.add(f"{path}.{key}", fields[key], f"give {least:g} or more")
        error = fields.get("error", "overloaded")
        if error not in CONDITIONS:
            self.add(f"{path}.error", error, "no such refusal", nearest(str(error), CONDITIONS))
        return msgspec.convert({**fields, "kind": kind}, Fault)


def _fits(value: object, kind: type) -> bool:
    if kind in {int, float} and isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)
