"""Drills of the breaker, which opens, holds, tries once and closes: of models and providers. Pure."""

from collections.abc import Iterator

import msgspec

from farthing.policies.cast import Scenes, varied
from farthing.policies.drill import (
    Ask,
    Begin,
    Drill,
    Fault,
    Finish,
    Pass,
    Planned,
    Saw,
    Scene,
    Seen,
    cannot,
    received_in_words,
    short,
)
from farthing.policies.setup import Setup
from farthing.routing.health import FAILURES_TO_OPEN, OPEN_S

_ON = f"{FAILURES_TO_OPEN} failures in a row"
_SHORTER_THAN_A_REST_S = 0.9 * OPEN_S
_LOOK_S = 0.4
"""Shorter than the pipeline waits before it looks whether a trying call has ended."""
_SICK = "Simulated South"
"""One of the simulator's three providers."""
_TASKS = 48
"""So many that each of three providers is drawn often enough."""
_REPORT = "report it: nothing in a configuration should cause this"


def breaking_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """The breaker has no setting: it is on for every model, and for every provider of one."""
    yield _alone(parts)
    yield _among_others(setup, parts)
    yield _by_provider(setup, parts)


def _alone(parts: Scenes) -> Planned:
    task = msgspec.structs.replace(parts.lone, timeout_s=_SHORTER_THAN_A_REST_S)
    until_open = tuple(Ask(task=varied(task, number)) for number in range(FAILURES_TO_OPEN))
    quick = msgspec.structs.replace(parts.lone, timeout_s=_LOOK_S)
    held = Fault(kind="slow_headers")
    return Drill(
        policy="breaker of a model alone",
        setting="(always on)",
        value=_ON,
        provoked=f"500 always, from {short(parts.lone_model)} alone; then a slow answer",
        steps=(
            Scene(faults=(Fault(kind="server_error"),)),
            *until_open,
            Ask(task=quick),
            Pass(seconds=OPEN_S + 0.01),
            Scene(faults=(held,)),
            Begin(tasks=(parts.lone,), held=1),
            Ask(task=quick),
            Finish(),
            Scene(),
            Ask(task=parts.lone),
        ),
        judge=_opened_tried_closed,
        remedy=_REPORT,
    )


def _opened_tried_closed(seen: Seen) -> Saw:
    failing, rest = seen.told[:FAILURES_TO_OPEN], seen.told[FAILURES_TO_OPEN:]
    while_open, begun, while_trying, probe, after = rest
    sent = sum(len(told.asked) for told in failing)
    counts = (sent, len(while_open.asked), len(begun.asked), len(while_trying.asked), len(after.asked))
    text = "sent: {} failures, {} while open, {} to try, {} meanwhile, {} after it closed".format(*counts)
    if sent != FAILURES_TO_OPEN:
        return Saw(text=text, fault=f"it did not open after {FAILURES_TO_OPEN} failures")
    if while_open.asked:
        return Saw(text=text, fault="a call was sent while it was open")
    if len(begun.asked) != 1 or probe.result is None:
        return Saw(text=text, fault="no call tried after its time")
    if while_trying.asked:
        return Saw(text=text, fault="a second call was sent while one tried")
    return Saw(text=text, fault="" if after.result is not None else "it did not close")


def _among_others(setup: Setup, parts: Scenes) -> Planned:
    policy, first = "breaker among others", parts.first
    if len(parts.candidates) < 2:
        why = f"{short(first)} is the only candidate of every task"
        return cannot(
            policy, "(always on)", _ON, why, "fill models.fallback with another model", level="note"
        )
    rules = setup.config.fallback_rules
    if not rules.on_error or rules.max_retries == 0:
        why = "a failure leads to no other model: fallbackRules.onError or maxRetries"
        return cannot(policy, "(always on)", _ON, why, "switch the rule on", level="note")

    def judge(seen: Seen) -> Saw:
        sent = [told.models.count(first) for told in seen.told]
        answers = sum(told.result is not None for told in seen.told)
        text = f"of {len(sent)} tasks {sum(sent)} reached {short(first)} first; {answers} were answered"
        if sum(sent[:FAILURES_TO_OPEN]) < FAILURES_TO_OPEN:
            return Saw(text=text, fault=f"{short(first)} was not asked first")
        if any(sent[FAILURES_TO_OPEN:]):
            return Saw(text=text, fault=f"{short(first)} was asked while its breaker was open")
        return Saw(text=text, fault="" if seen.told[-1].result is not None else "nobody answered instead")

    asks = tuple(Ask(task=varied(parts.task, number)) for number in range(FAILURES_TO_OPEN + 2))
    return Drill(
        policy=policy,
        setting="(always on)",
        value=_ON,
        provoked=f"500 always, from {short(first)}",
        steps=(Scene(faults=(Fault(kind="server_error", model=first),)), *asks),
        judge=judge,
        remedy=_REPORT,
    )


def _by_provider(setup: Setup, parts: Scenes) -> Planned:
    policy, first, wished = "breaker of one provider", parts.first, setup.config.provider
    lacking = ""
    if not setup.at_main(first):
        lacking = f"{first} has one server, not several providers"
    elif not setup.config.upstream.stream:
        lacking = "upstream.stream is false: a broken reply does not name its provider"
    elif setup.config.fallback_rules.max_retries == 0:
        lacking = "maxRetries is 0: no provider is asked after another"
    elif wished.only is not None or wished.allow_fallbacks is False:
        lacking = "provider.only or provider.allowFallbacks leaves no other provider"
    if lacking:
        return cannot(policy, "(always on)", _ON, lacking, "nothing, if that is meant", level="note")

    def judge(seen: Seen) -> Saw:
        tried = [one for told in seen.told for one in told.attempts]
        asked = [one for told in seen.told for one in told.asked]
        cut = [at for at, one in enumerate(tried) if one.reason.startswith("cut") and one.provider == _SICK]
        text = f"{len(cut)} calls of {len(tried)} were cut by {_SICK}"
        if len(cut) < FAILURES_TO_OPEN or len(asked) != len(tried):
            return Saw(text=f"{text}; {received_in_words(asked)}", fault="too few met that provider")
        later = asked[cut[FAILURES_TO_OPEN - 1] + 1 :]
        without = sum(_SICK in one.ignore for one in later)
        text += f"; of {len(later)} later ones {without} left it out"
        if len(cut) > FAILURES_TO_OPEN or without != len(later):
            return Saw(text=text, fault="it was asked after five failures in a row")
        return Saw(text=text)

    asks = tuple(Ask(task=varied(parts.task, number)) for number in range(_TASKS))
    return Drill(
        policy=policy,
        setting="(always on)",
        value=_ON,
        provoked=f"every stream of {_SICK} is cut",
        steps=(Scene(faults=(Fault(kind="cut", provider=_SICK),)), *asks),
        judge=judge,
        remedy=_REPORT,
    )
