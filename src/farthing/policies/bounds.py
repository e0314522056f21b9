"""Rate limits, queue, targets and the rest on paper: what never binds, and what names nothing. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from pydantic import BaseModel

from farthing.catalog.successors import Replaced
from farthing.config.limiting import RateLimit
from farthing.policies.finding import Findings, finding, note, says
from farthing.policies.setup import Setup
from farthing.result import Notice
from farthing.spend.thresholds import alert_rules

_OFF: Mapping[str, tuple[str, ...]] = {
    "optimization.caching": ("optimization", "caching"),
    "monitoring.telemetry": ("monitoring", "telemetry"),
    "quality": ("quality",),
    "alerts.runaway": ("alerts", "runaway"),
}
"""Sections that do nothing while their `enabled` is false."""
_OPENROUTERS_FREE = 20


def bounds_findings(setup: Setup, inert: Iterable[Notice]) -> Findings:
    """What is to be said of rate limits, the queue, targets, upstreams, and sections without effect."""
    yield from _rates(setup)
    yield from _models(setup)
    yield from _queue(setup)
    yield from _targets(setup)
    yield from _latencies(setup)
    yield from _upstreams(setup)
    yield from _without_effect(setup, inert)


def _rates(setup: Setup) -> Findings:
    limits = setup.config.limits
    keys = max(len(setup.config.upstream.api_key_env), 1)
    pairs = (
        ("requestsPerMinute", limits.requests_per_minute, limits.per_key.requests_per_minute),
        ("tokensPerMinute", limits.tokens_per_minute, limits.per_key.tokens_per_minute),
    )
    for name, whole, each in pairs:
        if whole is not None and each is not None and each * keys >= whole and not setup.config.upstreams:
            told = f"{each} with {keys} keys can never bind: limits.{name} {whole} comes first"
            yield finding(f"limits.perKey.{name}", told, f"set it below {-(-whole // keys)}")
    most = setup.config.optimization.max_output_tokens
    if limits.tokens_per_minute is not None and limits.tokens_per_minute <= most:
        told = f"{limits.tokens_per_minute} is no more than one call's estimate (maxOutputTokens {most}):"
        yield note("limits.tokensPerMinute", f"{told} calls go one after the other, a minute apart")
    free = [filled.id for filled in setup.slots if filled.id.endswith(":free")]
    if says(setup.config, "limits", "free_requests_per_minute") and not free:
        yield finding("limits.freeRequestsPerMinute", "no slot has a :free model", "leave it out")
    elif free and (limits.free_requests_per_minute or _OPENROUTERS_FREE + 1) > _OPENROUTERS_FREE:
        told = f"is above OpenRouter's own {_OPENROUTERS_FREE}, which then refuses calls"
        yield note("limits.freeRequestsPerMinute", told, f"set it to {_OPENROUTERS_FREE}")


def _models(setup: Setup) -> Findings:
    limits, ids = setup.config.limits, {filled.id for filled in setup.slots}
    for name, own in limits.models.items():
        path, known = f"limits.models.{name}", setup.catalog.find(name)
        model = name if known is None else known.id
        if model not in ids:
            told = "is in no slot: it limits only tasks that name it"
            yield finding(path, told, f"name one of {', '.join(sorted(ids))}")
        if own == RateLimit():
            yield finding(path, "limits nothing", "set requestsPerMinute or tokensPerMinute")
        yield from _forestalled(setup, path, own, at_main=setup.at_main(model))


def _forestalled(setup: Setup, path: str, own: RateLimit, *, at_main: bool) -> Findings:
    """A model's rate that the deployment's, or all keys' together, always comes before."""
    limits, keys = setup.config.limits, max(len(setup.config.upstream.api_key_env), 1)
    for field, mine, whole, each in (
        (
            "requestsPerMinute",
            own.requests_per_minute,
            limits.requests_per_minute,
            limits.per_key.requests_per_minute,
        ),
        (
            "tokensPerMinute",
            own.tokens_per_minute,
            limits.tokens_per_minute,
            limits.per_key.tokens_per_minute,
        ),
    ):
        bounds = {f"limits.{field}": whole}
        if at_main and each is not None:
            bounds[f"limits.perKey.{field} of all keys"] = each * keys
        for name, bound in bounds.items():
            if mine is not None and bound is not None and mine >= bound:
                told = f"{mine} can never bind: {name}, {bound}, comes first"
                yield finding(f"{path}.{field}", told, f"set it below {bound}")
                break


def _queue(setup: Setup) -> Findings:
    limits = setup.config.limits
    stated = [name for name in ("queue_size", "when_full") if says(setup.config, "limits", name)]
    if limits.queue_size is None and limits.when_full == "refuse":
        told = "refuse never acts: queueSize null lets everybody wait"
        yield finding("limits.whenFull", told, "set limits.queueSize")
    elif stated and not _may_wait(setup):
        told = "never acts: nothing makes a task wait, neither scaling.maxConcurrency nor a rate"
        name = "queueSize" if stated[0] == "queue_size" else "whenFull"
        yield finding(f"limits.{name}", told, "set scaling.maxConcurrency or a rate of limits")


def _may_wait(setup: Setup) -> bool:
    """Whether a task can be made to wait: by a limit, by free models', or by the critical alert's."""
    limits = setup.config.limits
    rates = (limits.requests_per_minute, limits.tokens_per_minute, *limits.models.values())
    per_key = limits.per_key != RateLimit()
    free = any(filled.id.endswith(":free") for filled in setup.slots)
    slowed = bool(alert_rules(setup.config))
    return bool(setup.config.scaling.max_concurrency or any(rates) or per_key or free or slowed)


def _targets(setup: Setup) -> Findings:
    scaling, limits = setup.config.scaling, setup.config.limits
    pairs = (
        ("targetRequestsPerMinute", scaling.target_requests_per_minute, "limits.requestsPerMinute"),
        ("targetConcurrentAgents", scaling.target_concurrent_agents, "scaling.maxConcurrency"),
        ("targetQueueDepth", scaling.target_queue_depth, "limits.queueSize"),
    )
    bounds = {
        "limits.requestsPerMinute": limits.requests_per_minute,
        "scaling.maxConcurrency": scaling.max_concurrency,
        "limits.queueSize": limits.queue_size if says(setup.config, "limits", "queue_size") else None,
    }
    for name, target, other in pairs:
        bound = bounds[other]
        if target is not None and bound is not None and bound < target:
            told = f"{target} can never be shown: {other} is {bound}"
            yield finding(f"scaling.{name}", told, f"raise {other} to {target}, or lower the target")
    sockets, most = setup.config.upstream.connection_limit, scaling.max_concurrency
    if sockets and most is not None and most > sockets:
        told = f"{most} is never reached: upstream.connectionLimit {sockets} holds calls before"
        yield finding("scaling.maxConcurrency", told, f"raise upstream.connectionLimit to {most}")


def _latencies(setup: Setup) -> Findings:
    config, ids = setup.config, {filled.id: filled.slot for filled in setup.slots}
    replaced = {
        standing.model.id: one.id for one in setup.slots if isinstance(standing := one.standing, Replaced)
    }
    for name, target in config.latency_targets.items():
        path, model = f"latencyTargets.{name}", setup.catalog.find(name)
        if (name if model is None else model.id) not in ids:
            by = replaced.get(model.id) if model is not None else None
            told = f"{by} stands in for it, and has no target" if by else "is the model of no slot"
            remedy = f"name {by}" if by else f"name one of {', '.join(ids)}"
            yield finding(path, f"{told}: nothing is measured against it", remedy)
        if not target.average <= target.p95 <= target.p99 or target.first_token > target.average:
            told = "its times are not in order: firstToken ≤ average ≤ p95 ≤ p99"
            yield note(path, told, "put them in order")
        if target.first_token > config.upstream.first_token_timeout * 1000:
            told = "is longer than upstream.firstTokenTimeout: a slower answer is broken off"
            yield finding(f"{path}.firstToken", told, "lower it, or raise the timeout")


def _upstreams(setup: Setup) -> Findings:
    used = {filled.entry.model for filled in setup.slots}
    for name, upstream in setup.config.upstreams.items():
        unused = [model for model in upstream.models if f"{name}:{model}" not in used]
        if len(unused) == len(upstream.models):
            told = f"no slot names a model of it ({name}:{unused[0]}): only tasks that do are sent there"
            yield finding(f"upstreams.{name}", told, "put one into a slot, or leave it out")
        else:
            for model in unused:
                yield note(f"upstreams.{name}.models.{model}", "no slot names it")
    ours = [filled for filled in setup.slots if setup.at_main(filled.id)]
    if not ours and len(setup.config.upstream.api_key_env) > 1:
        told = "no slot's model is asked there: its keys are never used"
        yield finding("upstream.apiKeyEnv", told, "put a model of OpenRouter into a slot")


def _without_effect(setup: Setup, inert: Iterable[Notice]) -> Findings:
    for notice in inert:
        path, _, said = notice.text.partition(" is on, but ")
        yield finding(path, f"is on, and {said}", "leave it out until a version acts on it")
    for path, names in _OFF.items():
        section: object = setup.config
        for name in names:
            section = cast("object", getattr(section, name))
        if isinstance(section, BaseModel) and not getattr(section, "enabled", True):
            stated = sorted(section.model_fields_set - {"enabled"})
            fields = type(section).model_fields
            if stated:
                shown = ", ".join(fields[name].alias or name for name in stated)
                yield finding(path, f"{shown} never act: {path}.enabled is false", "set enabled to true")
    if says(setup.config, "content", "redact") and not setup.config.content.keep:
        yield note("content.redact", "cuts nothing out: content.keep is false, so nothing is kept")
    if setup.config.swarm.max_seconds < setup.config.upstream.first_token_timeout:
        told = "is shorter than upstream.firstTokenTimeout: a swarm ends before a silent model is given up"
        yield note("swarm.maxSeconds", told)
    baseline = setup.config.baseline.model
    if setup.catalog.price(baseline) is None and setup.catalog.find(baseline) is None:
        told = f"{baseline} is not in {setup.catalog.prices.id}: savings have nothing to be measured against"
        yield finding("baseline.model", told, "name a model that `farthing models list` shows")


def unset_key_findings(names: Sequence[str]) -> Findings:
    """Of several variables for API keys, those that are not set where the check runs."""
    for name in names:
        told = f"{name} is not set here: no key of that name takes over"
        yield note("upstream.apiKeyEnv", told, "set it where the deployment runs, or leave it out")
