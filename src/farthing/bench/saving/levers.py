"""The levers that `farthing bench cost` measures: settings without and with each, and against what.

A lever is one entry here. `off` and `on` are each laid over `BASE`, which has every lever off, so "off" is
the same deployment without it. Nothing is measured here.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from farthing.config.load import inert_settings, load_config

Settings = Mapping[str, object]
Of = Literal["cost", "input", "output"]

PROFILE = "balanced"
SINGLE_FLIGHT = "single flight, 16 at once"
BASE: Settings = {
    "optimization.caching.enabled": False,
    "optimization.caching.singleFlight": False,
    "optimization.deferral.flex": False,
    "optimization.deferral.offPeak": False,
    "optimization.deferral.batch": False,
    "budget.monthlyLimit": 1_000_000,
    "limits.spreadFreeRequests": False,
    "limits.freeRequestsPerMinute": None,
    "upstream.drainTimeout": 60,
}
_CACHE: Settings = {"optimization.caching.enabled": True}
_FLIGHT: Settings = {**_CACHE, "optimization.caching.singleFlight": True}
_SEMANTIC: Settings = {**_CACHE, "optimization.caching.semantic.enabled": True}
_OPTIMIZED: Settings = {"optimization.promptOptimization.enabled": True}
REWRITES = "rewrites.json"
"""Stands for the file of reviewed rewrites, which each run has in its folder."""
_REWRITTEN: Settings = {"optimization.promptOptimization.rewrites": REWRITES}
_COMPRESSED: Settings = {"optimization.promptOptimization.contextCompression": True}
_COLD: Settings = {"provider.order": ["Simulated North"]}
"""Prompts that are never found in a provider's cache: otherwise a conversation is known by its opening."""
_OUTPUT: Settings = {
    "optimization.outputControl.learnedLimits": True,
    "optimization.outputControl.concise": True,
    "optimization.outputControl.continueTruncated": True,
}
_DEFERRED: Settings = {
    "optimization.deferral.flex": True,
    "optimization.deferral.offPeak": True,
    "optimization.deferral.batch": True,
}
_TYPES = ("coding", "analysis", "general", "structured", "simple")
_SAME = "the same deployment without it"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What the tutorial says a lever saves, in percent, and of what."""

    least: float
    most: float
    of: Of
    words: str


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """One lever. `sessions_on` and `sessions_off`: whether tasks carry their `session_id`."""

    name: str
    on: Settings
    off: Settings = {}
    against: str = _SAME
    inert: tuple[str, ...] = ()
    """The settings, as `inert_settings` names them, that must act for the lever to be measured."""
    claim: Claim | None = None
    sessions_on: bool = False
    sessions_off: bool = False
    at_once: int = 1
    """Tasks handed in together, on both sides."""
    only: tuple[str, ...] = ()
    """The workloads that it can act on; none named is all."""
    partly: bool = False
    """It is measured with those of its settings that act, and the others are told."""
    harms: bool = False
    """It is known to cut answers: shown, and not held to the checks."""
    made_by: str = ""
    """Which of its figures are the simulator's model, not Farthing's doing."""


_PATH = "optimization."
_CACHING = Claim(least=30, most=50, of="cost", words="caching 30–50 %")
_ROUTING = Claim(least=15, most=25, of="cost", words="routing 15–25 %")
_PROMPTS = Claim(least=40, most=60, of="input", words="prompts 40–60 % of input")
_LENGTHS = Claim(least=20, most=40, of="output", words="lengths 20–40 % of output")
_LENGTHS_MODEL = "how long answers are, and whether a model heeds an instruction, is the simulator's model"
_CACHE_MODEL = "which tokens the provider finds in its cache is the simulator's model"


def _all_on(slot: str) -> Settings:
    return {f"routing.taskTypeMapping.{kind}": slot for kind in _TYPES}


LEVERS: tuple[Lever, ...] = (
    Lever(
        name="exact cache",
        on=_CACHE,
        inert=(f"{_PATH}caching.enabled",),
        claim=_CACHING,
        made_by="nothing: what repeats is the workload's",
    ),
    Lever(
        name=SINGLE_FLIGHT,
        on=_FLIGHT,
        off=_CACHE,
        against="the exact cache without it, 16 tasks handed in together",
        inert=(f"{_PATH}caching.enabled",),
        at_once=16,
        made_by="nothing: what repeats is the workload's",
    ),
    Lever(
        name="semantic cache",
        on=_SEMANTIC,
        off=_CACHE,
        against="the exact cache alone",
        inert=(f"{_PATH}caching.enabled", f"{_PATH}caching.semantic.enabled"),
        made_by="nothing: what is paraphrased is the workload's",
    ),
    Lever(
        name="both caches",
        on=_FLIGHT | _SEMANTIC,
        inert=(f"{_PATH}caching.enabled", f"{_PATH}caching.semantic.enabled"),
        claim=_CACHING,
        made_by="nothing: what repeats is the workload's",
    ),
    Lever(
        name="prompt caching",
        on={},
        off=_COLD,
        against="the same requests with provider.order, which keeps no conversation warm",
        sessions_on=True,
        sessions_off=True,
        made_by=_CACHE_MODEL,
    ),
    Lever(
        name="prompt optimisation",
        on=_OPTIMIZED,
        inert=(f"{_PATH}promptOptimization.enabled",),
        claim=_PROMPTS,
    ),
    Lever(
        name="reviewed rewrites",
        on=_REWRITTEN,
        inert=(f"{_PATH}promptOptimization.rewrites",),
        claim=_PROMPTS,
        made_by="nothing: the rewrites are ours, of the workload verbose's templates",
    ),
    Lever(
        name="context compression",
        on=_COMPRESSED | _COLD,
        off=_COLD,
        against="the same deployment without it, no prompt cached on either side",
        inert=(f"{_PATH}promptOptimization.contextCompression",),
        claim=_PROMPTS,
    ),
    Lever(
        name="compression, prompts cached",
        on=_COMPRESSED,
        against="prompt caching alone",
        inert=(f"{_PATH}promptOptimization.contextCompression",),
        sessions_on=True,
        sessions_off=True,
        made_by=_CACHE_MODEL,
    ),
    Lever(
        name="learned limits",
        on={"optimization.outputControl.learnedLimits": True},
        inert=(f"{_PATH}outputControl.learnedLimits",),
        claim=_LENGTHS,
        made_by=_LENGTHS_MODEL,
    ),
    Lever(
        name="concise",
        on={"optimization.outputControl.concise": True},
        inert=(f"{_PATH}outputControl.concise",),
        claim=_LENGTHS,
        made_by=_LENGTHS_MODEL,
    ),
    Lever(
        name="max_tokens 80",
        on={"optimization.maxOutputTokens": 80, "optimization.minOutputTokens": 80},
        against="maxOutputTokens 1024, the default",
        claim=_LENGTHS,
        harms=True,
        made_by=_LENGTHS_MODEL,
    ),
    Lever(
        name="continue, max_tokens 80",
        on={
            "optimization.maxOutputTokens": 80,
            "optimization.minOutputTokens": 80,
            "optimization.outputControl.continueTruncated": True,
        },
        off={"optimization.maxOutputTokens": 80, "optimization.minOutputTokens": 80},
        against="max_tokens 80, cut answers left cut",
        harms=True,
        inert=(f"{_PATH}outputControl.continueTruncated",),
        made_by=_LENGTHS_MODEL,
    ),
    Lever(
        name="deferral: flex",
        on={"optimization.deferral.flex": True},
        only=("deferrable",),
        made_by="the flex tier's prices are the simulator's",
    ),
    Lever(
        name="deferral: off-peak",
        on={"optimization.deferral.offPeak": True},
        only=("deferrable",),
        made_by="the hours of low prices are the price book's",
    ),
    Lever(
        name="deferral: batch",
        at_once=100,
        on={"optimization.deferral.batch": True},
        only=("deferrable",),
        made_by="the batch endpoint's discount is the simulator's",
    ),
    Lever(
        name="mapped, not Qwen alone",
        on={},
        off=_all_on("secondary"),
        against="Qwen 2.5 Coder, the mapping's best at coding, for every task",
        claim=_ROUTING,
    ),
    Lever(
        name="mapped, not Llama alone",
        on={},
        off=_all_on("primary"),
        against="Llama 3.3 70B, the mapping's best at the rest, for every task",
        claim=_ROUTING,
    ),
    Lever(
        name="cheapest good enough",
        on={"routing.strategy": "cheapest_good_enough", "routing.qualityThreshold": 0.85},
        against="the mapping",
        claim=_ROUTING,
        made_by="scores are the catalogue's, not measured",
    ),
    Lever(
        name="free tier",
        on={
            "environment": "development",
            "models.tertiary": "google/gemma-4-26b-a4b-it:free",
        },
        against="production; the daily limits of free models are lifted for this row",
        claim=Claim(least=100, most=100, of="cost", words="free models 100 %"),
    ),
    Lever(
        name="all together",
        on=_FLIGHT | _SEMANTIC | _OPTIMIZED | _REWRITTEN | _COMPRESSED | _OUTPUT | _DEFERRED,
        inert=(
            f"{_PATH}caching.enabled",
            f"{_PATH}caching.semantic.enabled",
            f"{_PATH}promptOptimization.enabled",
            f"{_PATH}promptOptimization.rewrites",
            f"{_PATH}outputControl.learnedLimits",
            f"{_PATH}outputControl.concise",
            f"{_PATH}outputControl.continueTruncated",
        ),
        partly=True,
        at_once=16,
        off=_COLD,
        sessions_on=True,
        against="the same deployment with every lever off, provider prompt caching too",
        made_by=f"{_LENGTHS_MODEL}; {_CACHE_MODEL}",
    ),
)


def missing_of(lever: Lever) -> tuple[str, ...]:
    """The lever's settings that this version accepts and does not act on."""
    config = load_config(PROFILE, environ={}, overrides={**BASE, **lever.on})
    told = " ".join(notice.text for notice in inert_settings(config))
    return tuple(path for path in lever.inert if f"{path} is on" in told)
