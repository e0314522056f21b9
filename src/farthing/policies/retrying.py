"""Drills of retries: how many attempts, after which wait, and how many of all tasks together. Pure values."""

from collections.abc import Iterator
from math import ceil

import msgspec

from farthing.policies.cast import FORM, Scenes, varied
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
    received_in_words,
    short,
)
from farthing.policies.failing import shortened
from farthing.policies.finding import says
from farthing.policies.setup import Setup
from farthing.routing.retries import FLOOR

_MOST_TASKS = 60
_NONE_FOLLOWS = "maxRetries is 0: no attempt follows the first"
_MORE = "set fallbackRules.maxRetries to 1 or more"


def retrying_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """`maxRetries`, `retryDelay`, `Retry-After`, `totalTimeout`, `retryBudget`; another provider; repairs."""
    yield _attempts(setup, parts)
    yield _backoff(setup, parts)
    yield _retry_after(setup, parts)
    yield _total(setup, parts)
    yield _budget(setup, parts)
    yield _another_provider(setup, parts)
    yield _repair(setup, parts)
    yield _mended(setup, parts)


def _attempts(setup: Setup, parts: Scenes) -> Planned:
    most = setup.config.fallback_rules.max_retries
    changes: tuple[Change, ...] = ()
    if most > FLOOR:
        why = f"a fresh deployment has {FLOOR:g} retries"
        changes = (Change(setting="fallbackRules.retryBudget", value=10, why=why),)

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        sent = len(told.asked)
        text = f"{sent} attempts ({received_in_words(told.asked)}), waited {told.slept_s:.1f} s, {told.error}"
        if told.error != "TaskFailedError":
            return Saw(text=text, fault="the task did not end as failed")
        if sent != 1 + most:
            return Saw(text=text, fault=f"{1 + most} were to be made: {told.message.splitlines()[0]}")
        return Saw(text=text)

    return Drill(
        policy="attempts after the first",
        setting="fallbackRules.maxRetries",
        value=str(most),
        provoked="500 from every model, always",
        steps=(Scene(faults=(Fault(kind="server_error"),)), Ask(task=parts.task)),
        judge=judge,
        remedy="lower maxRetries or retryDelay, or raise upstream.totalTimeout",
        changes=changes,
    )


def _backoff(setup: Setup, parts: Scenes) -> Planned:
    rules = setup.config.fallback_rules
    policy, setting, most_s = "backoff before a retry", "fallbackRules.retryDelay", rules.retry_delay / 1000
    if rules.max_retries == 0:
        return cannot(policy, setting, rules.retry_delay, _NONE_FOLLOWS, _MORE)

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = f"{evidence(told)}; waited {told.slept_s:.2f} s of at most {most_s:g} s"
        if len(told.attempts) != 2 or told.result is None:
            return Saw(text=text, fault=f"the same model was not asked again: {told.message or 'no retry'}")
        if told.slept_s > most_s or (most_s > 0.01 and told.slept_s == 0):
            return Saw(text=text, fault="the wait is not a part of retryDelay")
        return Saw(text=text)

    return Drill(
        policy=policy,
        setting=setting,
        value=str(rules.retry_delay),
        provoked=f"500 once, from {short(parts.lone_model)} alone",
        steps=(Scene(faults=(Fault(kind="server_error", times=1),)), Ask(task=parts.lone)),
        judge=judge,
        remedy="set retryDelay well below upstream.totalTimeout",
    )


def _retry_after(setup: Setup, parts: Scenes) -> Planned:
    rules, total_s = setup.config.fallback_rules, setup.config.upstream.total_timeout
    policy, setting, wait_s = (
        "Retry-After is kept",
        "fallbackRules.maxRetries",
        max(1, int(min(7, total_s / 2))),
    )
    if rules.max_retries == 0:
        return cannot(policy, setting, 0, _NONE_FOLLOWS, _MORE, level="note")

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = f"{evidence(told)}; waited {told.slept_s:.2f} s"
        if len(told.attempts) != 2 or told.result is None:
            return Saw(text=text, fault=f"the same model was not asked again: {told.message or 'no retry'}")
        if not wait_s - 0.01 <= told.slept_s <= wait_s + 1:
            return Saw(text=text, fault=f"{wait_s} s were to be waited")
        return Saw(text=text)

    fault = Fault(kind="rate_limit", times=1, details={"retry_after": wait_s})
    return Drill(
        policy=policy,
        setting=setting,
        value=str(rules.max_retries),
        provoked=f"429 once, Retry-After {wait_s}, from {short(parts.lone_model)} alone",
        steps=(Scene(faults=(fault,)), Ask(task=parts.lone)),
        judge=judge,
        remedy=f"raise upstream.totalTimeout, {total_s:g} s",
    )


def _total(setup: Setup, parts: Scenes) -> Planned:
    total_s = setup.config.upstream.total_timeout
    wait_s = int(total_s) + 60

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = f"{evidence(told)}; waited {told.slept_s:.2f} s"
        if told.result is not None or len(told.asked) != 1:
            return Saw(text=text, fault="it went on")
        return Saw(text=text, fault="it waited first" if told.slept_s else "")

    fault = Fault(kind="rate_limit", details={"retry_after": wait_s})
    return Drill(
        policy="no wait past the task's deadline",
        setting="upstream.totalTimeout",
        value=f"{total_s:g}",
        provoked=f"429, Retry-After {wait_s}, from {short(parts.lone_model)} alone",
        steps=(Scene(faults=(fault,)), Ask(task=parts.lone)),
        judge=judge,
        remedy="report it: nothing in a configuration should cause this",
    )


def _budget(setup: Setup, parts: Scenes) -> Planned:
    rules = setup.config.fallback_rules
    policy, setting, share = "retry budget of all tasks", "fallbackRules.retryBudget", rules.retry_budget
    level = "finding" if says(setup.config, "fallback_rules", "retry_budget") else "note"
    if rules.max_retries == 0:
        return cannot(policy, setting, share, _NONE_FOLLOWS, _MORE, level=level)
    if share >= rules.max_retries:
        why = f"a task adds {share:g} and makes at most {rules.max_retries}"
        return cannot(policy, setting, share, why, "set it below maxRetries", level=level)
    changes: tuple[Change, ...] = ()
    tasks = ceil(FLOOR / (rules.max_retries - share)) + 2
    if tasks > _MOST_TASKS:
        changes = (Change(setting=setting, value=0, why=f"{tasks} tasks would have to fail"),)
        share, tasks = 0.0, ceil(FLOOR / rules.max_retries) + 2

    def judge(seen: Seen) -> Saw:
        retries = sum(max(len(told.asked) - 1, 0) for told in seen.told)
        last = seen.told[-1].message.partition("\n")[0]
        text = f"{len(seen.told)} tasks made {retries} retries; the last: {last}"
        if retries > FLOOR + share * len(seen.told):
            return Saw(text=text, fault="more than the budget was made")
        if not any("retry budget is spent" in told.message for told in seen.told):
            return Saw(text=text, fault="it was never spent")
        return Saw(text=text)

    asks = tuple(Ask(task=varied(parts.lone, number)) for number in range(tasks))
    return Drill(
        policy=policy,
        setting=setting,
        value=f"{rules.retry_budget:g}",
        provoked=f"500 always, from {short(parts.lone_model)} alone, to {tasks} tasks",
        steps=(Scene(faults=(Fault(kind="server_error"),)), *asks),
        judge=judge,
        remedy="lower retryDelay: the deadline comes before the retries",
        changes=changes,
        level=level,
    )


def _another_provider(setup: Setup, parts: Scenes) -> Planned:
    """A stream that falls silent: another provider of the same model, where one may be asked."""
    upstream, wished, first = setup.config.upstream, setup.config.provider, parts.first
    policy, setting = "a stream that falls silent", "upstream.betweenTokensTimeout"
    if not upstream.stream:
        why = "upstream.stream is false: only the whole answer has a deadline"
        return cannot(
            policy, setting, upstream.between_tokens_timeout, why, "set upstream.stream", level="note"
        )
    if setup.config.fallback_rules.max_retries == 0:
        stated = says(setup.config, "upstream", "between_tokens_timeout")
        level = "finding" if stated else "note"
        return cannot(policy, setting, upstream.between_tokens_timeout, _NONE_FOLLOWS, _MORE, level=level)
    elsewhere = wished.only is None and wished.allow_fallbacks is not False and setup.at_main(first)

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if not told.attempts or not told.attempts[0].reason.startswith("stalled"):
            return Saw(text=text, fault="the silence was not noticed")
        if told.result is None:
            return Saw(text=text, fault="nobody else was asked")
        if elsewhere and not told.asked[1].ignore:
            return Saw(text=text, fault="no other provider was asked for")
        return Saw(text=f"{text}, without {', '.join(told.asked[1].ignore)}" if elsewhere else text)

    return Drill(
        policy=policy,
        setting=setting,
        value=f"{upstream.between_tokens_timeout:g}",
        provoked=f"{short(first)} stops amid its answer, once",
        steps=(Scene(faults=(Fault(kind="stall", model=first, times=1),)), Ask(task=parts.task)),
        judge=judge,
        remedy="set it well below upstream.totalTimeout",
        changes=(shortened(setup, "betweenTokensTimeout", upstream.between_tokens_timeout),),
    )


def _repair(setup: Setup, parts: Scenes) -> Planned:
    policy, setting = "repair of an answer", "(always on)"
    if setup.config.fallback_rules.max_retries == 0:
        return cannot(policy, setting, "where JSON is asked for", _NONE_FOLLOWS, _MORE, level="note")

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if len(told.attempts) != 2 or told.result is None or told.result.data is None:
            return Saw(text=text, fault="the answer was not sent back and mended")
        if told.attempts[0].model != told.attempts[1].model:
            return Saw(text=text, fault="another model was asked in place of a repair")
        return Saw(text=text)

    return _json_drill(parts, policy, setting, "words where JSON was asked for, once", "prose", judge)


def _mended(setup: Setup, parts: Scenes) -> Planned:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if told.result is None or not told.result.repaired or len(told.asked) != 1:
            return Saw(text=text, fault="it was not put right on the spot")
        return Saw(text=f"{text}; put right without another call")

    policy = "JSON that is nearly right"
    return _json_drill(parts, policy, "(always on)", "JSON with a comma too many, once", "nearly_json", judge)


def _json_drill(parts: Scenes, policy: str, setting: str, provoked: str, kind: str, judge: Judge) -> Drill:
    task = msgspec.structs.replace(parts.task, response_format=FORM)
    return Drill(
        policy=policy,
        setting=setting,
        value="where JSON is asked for",
        provoked=provoked,
        steps=(Scene(faults=(Fault(kind=kind, times=1),)), Ask(task=task)),
        judge=judge,
        remedy="see docs/guides/reliability.md, Structured output",
    )
