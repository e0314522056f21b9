"""What goes wrong in a load test: every kind of fault that can pass, each as often as the others.

Only the list is decided here, and what is left out of it and why. When a fault falls is the simulator's draw.
"""

from collections.abc import Mapping, Sequence

from farthing.simulator.scenario import KINDS

Fault = str | Mapping[str, object]

ACCOUNT = frozenset(
    {"authentication", "credits", "key_limit", "key_budget", "guardrail_budget", "workspace_budget"}
)
"""The account's, not a model's: no candidate is healthy then, and a task must fail."""
LASTING = frozenset(
    {
        "model_not_found",
        "no_endpoints",
        "model_deprecated",
        "free_variant_ended",
        "privacy_restricted",
        "region_restricted",
        "wrong_endpoint",
    }
)
"""What upstream says of a model for good. Drawn at random over all models it would say that none is left:
one model of the route gets them instead, and the others stay."""
APART = frozenset({"status", "overrun", "paced"})
"""`status` is any of the others; an overrun is above every bound and accounted apart by the first law of
`money.md`; a pace is no fault."""
_VARIED: Mapping[str, Sequence[Fault]] = {
    "rate_limit": ({"kind": "rate_limit"}, {"kind": "rate_limit", "retry_after": ""}),
    "body_error": (
        {"kind": "body_error", "error": "overloaded"},
        {"kind": "body_error", "error": "server_error"},
    ),
    "stream_error": (
        {"kind": "stream_error", "at": 0.0, "error": "server_error"},
        {"kind": "stream_error", "at": 0.6, "error": "provider_unavailable"},
    ),
    "cut": ({"kind": "cut", "at": 0.5}, {"kind": "cut", "at": 0.7, "clean": True}),
    "stall": ({"kind": "stall", "at": 0.0}, {"kind": "stall", "at": 0.5}),
    "late_usage": ({"kind": "late_usage", "delay_s": 0.05},),
}


def passing_faults() -> list[Fault]:
    """Every kind of fault that can pass; one that takes several shapes has each of them."""
    kinds = [kind for kind in KINDS if kind not in ACCOUNT | LASTING | APART]
    return [fault for kind in kinds for fault in _VARIED.get(kind, (kind,))]


def scenario(rate: float, *, leaving: str | None = None) -> dict[str, object]:
    """Faults on this part of the requests. The model `leaving`, if any, says in every way that it is gone."""
    rules: list[dict[str, object]] = []
    if leaving is not None:
        rules = [
            {"match": {"model": leaving, "nth": number}, "fault": kind}
            for number, kind in enumerate(sorted(LASTING), start=1)
        ]
        rules.append({"match": {"model": leaving}, "fault": "model_not_found"})
    return {"overrun_rate": 0.0, "rules": rules, "random": {"rate": rate, "kinds": passing_faults()}}
