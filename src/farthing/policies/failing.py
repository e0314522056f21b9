"""Drills of fallback rules: a failure of the first candidate, and who is asked then. Pure values."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from farthing.policies.cast import FORM, Scenes
from farthing.policies.drill import (
    Ask,
    Change,
    Drill,
    Fault,
    Judge,
    Planned,
    Saw,
    Scene,
    Seen,
    cannot,
    evidence,
    not_first,
    off,
    short,
    shown,
)
from farthing.policies.setup import Setup

SHORT_WAIT_S = 0.5
"""A deadline that a drill can wait for."""
_MORE = "set fallbackRules.maxRetries to 1 or more"


class _Rule(NamedTuple):
    """One rule that may lead to another model, and a failure that it is for."""

    name: str
    on: bool
    policy: str
    provoked: str
    fault: Fault
    kinds: tuple[str, ...]
    """How the first attempt's reason must begin."""
    changes: tuple[Change, ...] = ()


def failing_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """The rules of `fallbackRules` that lead from one model to another, overflow of a context among them."""
    for rule in _rules(setup, parts):
        yield _fallback(setup, parts, rule)
    yield _overflow(setup, parts)
    yield from _broken_streams(setup, parts)


def _rules(setup: Setup, parts: Scenes) -> Iterator[_Rule]:
    rules, first = setup.config.fallback_rules, parts.first
    yield _Rule(
        "onRateLimit",
        rules.on_rate_limit,
        "fallback on a rate limit",
        f"429, Retry-After 2, from {short(first)}",
        Fault(kind="rate_limit", model=first, details={"retry_after": 2}),
        ("rate_limited", "overloaded"),
    )
    yield _Rule(
        "onError",
        rules.on_error,
        "fallback on an error",
        f"500 from {short(first)}",
        Fault(kind="server_error", model=first),
        ("server_error",),
    )
    yield _silence(setup, parts)
    yield _Rule(
        "onInvalidOutput",
        rules.on_invalid_output,
        "fallback on an unusable answer",
        f"JSON that {short(first)} breaks off",
        Fault(kind="length", model=first),
        ("invalid",),
    )


def _silence(setup: Setup, parts: Scenes) -> _Rule:
    """A first token that does not come; where the answer comes whole, a timeout that upstream reports."""
    upstream, on, first = setup.config.upstream, setup.config.fallback_rules.on_timeout, parts.first
    policy, whom = "fallback on a timeout", short(first)
    if not upstream.stream:
        fault = Fault(kind="request_timeout", model=first)
        return _Rule("onTimeout", on, policy, f"408 from {whom}", fault, ("timeout",))
    fault = Fault(kind="comments", model=first)
    change = shortened(setup, "firstTokenTimeout", upstream.first_token_timeout)
    return _Rule(
        "onTimeout", on, policy, f"comments and no token from {whom}", fault, ("timeout",), (change,)
    )


def shortened(setup: Setup, name: str, seconds: float) -> Change:
    """A deadline of the event loop's, which no virtual clock passes."""
    value = min(seconds, SHORT_WAIT_S)
    return Change(setting=f"upstream.{name}", value=value, why=f"{seconds:g} s would be waited for real")


def _fallback(setup: Setup, parts: Scenes, rule: _Rule) -> Planned:
    setting = f"fallbackRules.{rule.name}"
    if not rule.on:
        return off(rule.policy, setting, False, "it is switched off")
    lacking = _lacks(setup, parts)
    if lacking is not None:
        return cannot(rule.policy, setting, True, *lacking)
    task = parts.task
    if rule.name == "onInvalidOutput":
        task = msgspec.structs.replace(task, response_format=FORM)
        first = setup.candidates(task)[0].model  # a model with the form of its own comes first
        rule = rule._replace(
            fault=msgspec.structs.replace(rule.fault, model=first),
            provoked=f"JSON that {short(first)} breaks off",
        )
    return Drill(
        policy=rule.policy,
        setting=setting,
        value="true",
        provoked=rule.provoked,
        steps=(Scene(faults=(rule.fault,)), Ask(task=task)),
        judge=another_answers(rule.fault.model or "", rule.kinds),
        remedy="see `farthing explain`: another model must be able to take the task",
        changes=rule.changes,
    )


def _lacks(setup: Setup, parts: Scenes) -> tuple[str, str] | None:
    """Why no failure can lead to another model, and what to do."""
    if len(parts.candidates) < 2:
        whom = short(parts.first)
        return f"{whom} is the only candidate of every task", "fill models.fallback with another model"
    if setup.config.fallback_rules.max_retries == 0:
        return "maxRetries is 0: no attempt follows the first", _MORE
    return None


def another_answers(first: str, kinds: tuple[str, ...]) -> Judge:
    """The first attempt fails so, and another model answers."""

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if not told.attempts or told.attempts[0].model != first:
            return Saw(text=text, fault=not_first(first, told))
        if not told.attempts[0].reason.startswith(kinds):
            fault = f"the first attempt ended with {told.attempts[0].reason}, which is another matter"
            return Saw(text=text, fault=fault)
        if told.result is None:
            return Saw(text=text, fault=f"no other model answered: {told.error}")
        if told.attempts[-1].model == first:
            return Saw(text=text, fault=f"{short(first)} was asked again, and no other model")
        missing = {one.model for one in told.attempts} - set(told.models)
        if missing:
            return Saw(text=text, fault=f"upstream received nothing for {', '.join(map(short, missing))}")
        return Saw(text=text)

    return judge


def _overflow(setup: Setup, parts: Scenes) -> Planned:
    """A prompt that is longer than the first model's context."""
    first, policy = parts.first, "overflow of a context"
    compresses = setup.config.optimization.prompt_optimization.context_compression and setup.at_main(first)
    setting = "optimization.promptOptimization.contextCompression"
    fault = Fault(kind="context_length", model=first, times=1)
    if setup.config.fallback_rules.max_retries == 0:
        why = "maxRetries is 0: no attempt follows the first"
        level = "finding" if compresses else "note"
        return cannot(policy, setting, compresses, why, _MORE, level=level)
    if not compresses and not setup.config.fallback_rules.on_error:
        return off(policy, setting, False, "and fallbackRules.onError is false: the task fails")
    if not compresses and len(parts.candidates) < 2:
        why = f"{short(first)} is the only candidate"
        return cannot(policy, setting, False, why, f"set {setting}, or fill models.fallback", level="note")
    return Drill(
        policy=policy,
        setting=setting,
        value=shown(compresses),
        provoked=f"{short(first)} says once that the prompt is too long",
        steps=(Scene(faults=(fault,)), Ask(task=parts.task)),
        judge=_compressed(first) if compresses else another_answers(first, ("context_length",)),
        remedy="set contextCompression, or put a model with a larger context into a slot",
    )


def _compressed(first: str) -> Judge:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if told.result is None or [one.model for one in told.attempts] != [first, first]:
            return Saw(text=text, fault="the same model was not asked again")
        if "context-compression" not in told.asked[-1].plugins:
            return Saw(text=text, fault="the second request did not ask for compression")
        return Saw(text=f"{text}; the second with the plugin context-compression")

    return judge


def _broken_streams(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    rules, first = setup.config.fallback_rules, parts.first
    policy, setting, value = "a stream that breaks", "fallbackRules.onBrokenStream", rules.on_broken_stream
    if not setup.config.upstream.stream:
        why = "upstream.stream is false: no text comes before the answer is whole"
        level = "finding" if value == "continue" else "note"
        yield cannot(policy, setting, value, why, "set upstream.stream to true", level=level)
        return
    if value == "continue" and rules.max_retries == 0:
        yield cannot(policy, setting, value, "maxRetries is 0: no attempt follows", _MORE)
        return
    yield Drill(
        policy=policy,
        setting=setting,
        value=value,
        provoked=f"the connection of {short(first)} drops after the first text",
        steps=(Scene(faults=(Fault(kind="cut", model=first, times=1),)), Ask(task=parts.task, streamed=True)),
        judge=_continued if value == "continue" else _told_as_broken,
        remedy="see docs/guides/reliability.md, Streams",
    )


def _told_as_broken(seen: Seen) -> Saw:
    told = seen.told[0]
    text = f"{evidence(told)}; the reader had {len(told.text)} characters, then {told.error or 'no error'}"
    if told.error != "StreamBrokenError" or not told.text:
        return Saw(text=text, fault="the reader was not told that the stream broke")
    if len(told.asked) != 1:
        return Saw(text=text, fault="more was sent after text had reached the reader")
    return Saw(text=text)


def _continued(seen: Seen) -> Saw:
    told = seen.told[0]
    text = f"{evidence(told)}; the reader had one text of {len(told.text)} characters"
    if told.result is None or not told.result.continued:
        return Saw(text=text, fault="no other attempt went on from the text")
    if len(told.asked) < 2 or told.result.output != told.text:
        return Saw(text=text, fault="the reader's text is not the result's")
    return Saw(text=text)
