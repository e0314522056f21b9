"""Drills of keys and further upstreams: whoever is refused is replaced by another. Pure values."""

from collections.abc import Iterator

from farthing.config.upstreams import place_of
from farthing.policies.cast import Scenes
from farthing.policies.drill import (
    Ask,
    Drill,
    Fault,
    Judge,
    Planned,
    Saw,
    Scene,
    Seen,
    cannot,
    evidence,
    off,
    received_in_words,
    short,
)
from farthing.policies.setup import SHORT, Filled, Setup
from farthing.task import TASK_TYPES, Task

_NONE_FOLLOWS = "maxRetries is 0: no attempt follows the first"
_MORE = "set fallbackRules.maxRetries to 1 or more"


def keying_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """`upstream.apiKeyEnv` with several names, and `upstreams`."""
    yield from _keys(setup, parts)
    yield from _upstreams(setup)


def _keys(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    names, policy, setting = setup.config.upstream.api_key_env, "another key takes over", "upstream.apiKeyEnv"
    value = ", ".join(names)
    ours = [filled for filled in setup.slots if setup.at_main(filled.id) and _reaches(setup, filled)]
    if len(names) < 2:
        yield off(policy, setting, value, "there is one key")
        return
    if not ours:
        yield cannot(policy, setting, value, "no slot's model is asked by it", "put one into a slot")
        return
    if setup.config.fallback_rules.max_retries == 0:
        yield cannot(policy, setting, value, _NONE_FOLLOWS, _MORE)
        return
    task = Task(description=SHORT, model=ours[0].id)
    for words, faults, refused in (
        (f"401 for {names[0]}", (), (names[0],)),
        (f"402, no credit, for {names[0]}", (Fault(kind="credits", model=ours[0].id, times=1),), ()),
    ):
        yield Drill(
            policy=policy,
            setting=setting,
            value=value,
            provoked=words,
            steps=(Scene(faults=faults), Ask(task=task)),
            judge=_taken_over(names[0], ours[0].id),
            remedy="set every variable that it names",
            refused_keys=refused,
        )


def _reaches(setup: Setup, filled: Filled) -> bool:
    candidates = setup.candidates(Task(description=SHORT, model=filled.id))
    return bool(candidates) and candidates[0].model == filled.id


def _taken_over(first: str, model: str) -> Judge:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        keys = [one.key for one in told.attempts]
        text = f"{evidence(told)}; by {', '.join(keys) or 'no key'}"
        if not keys or keys[0] != first or told.attempts[0].status != "failed":
            return Saw(text=text, fault=f"{first} was not refused first")
        if told.result is None or len(keys) < 2 or keys[1] == first or told.attempts[1].model != model:
            return Saw(text=text, fault="no other key asked the same model")
        return Saw(text=text)

    return judge


def _upstreams(setup: Setup) -> Iterator[Planned]:
    if not setup.config.upstreams:
        yield off("another upstream takes over", "upstreams", None, "there is one upstream")
    for name in setup.config.upstreams:
        yield _serves(setup, name)
        yield _takes_over(setup, name)


def _of(setup: Setup, name: str) -> Filled | None:
    """The slot's model at an upstream, if one may be asked."""
    there = [one for one in setup.slots if place_of(one.id, setup.config.upstreams).upstream == name]
    return next((one for one in there if _reaches(setup, one)), None)


def _serves(setup: Setup, name: str) -> Planned:
    filled, policy, setting = _of(setup, name), f"upstream {name} serves", f"upstreams.{name}"
    if filled is None:
        return cannot(policy, setting, name, "no slot's model is asked there", "put one into a slot")

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = f"{evidence(told)} (a plain simulator in its place)"
        served = told.result is not None and told.models == (filled.id,)
        return Saw(text=text, fault="" if served else f"it did not serve: {told.error}")

    return Drill(
        policy=policy,
        setting=setting,
        value=filled.id,
        provoked=f"a task for {filled.id}",
        steps=(Scene(), Ask(task=Task(description=SHORT, model=filled.id))),
        judge=judge,
        remedy="see docs/guides/reliability.md, Several keys, several upstreams",
    )


def _takes_over(setup: Setup, name: str) -> Planned:
    """OpenRouter refuses the account, and a task that went there first is answered by this upstream."""
    filled, policy, setting = _of(setup, name), "another upstream takes over", f"upstreams.{name}"
    task = next((task for kind in TASK_TYPES if _at_main_first(setup, task := _plain(kind), name)), None)
    if filled is None or task is None:
        why = "no task type has a model of OpenRouter first and one of it after that"
        return cannot(policy, setting, name, why, "put it into models.fallback", level="note")
    if setup.config.fallback_rules.max_retries == 0 or not setup.config.fallback_rules.on_error:
        why = "maxRetries is 0, or onError false"
        return cannot(policy, setting, name, why, "switch them on")
    main = [one.id for one in setup.slots if setup.at_main(one.id)]
    faults = tuple(Fault(kind="authentication", model=model) for model in main)

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = f"{evidence(told)} (a plain simulator in its place)"
        answered = told.result is not None and not setup.at_main(told.attempts[-1].model)
        return Saw(text=text, fault="" if answered else f"it was not asked: {received_in_words(told.asked)}")

    return Drill(
        policy=policy,
        setting=setting,
        value=filled.id,
        provoked=f"401 for every key, first from {short(setup.candidates(task)[0].model)}",
        steps=(Scene(faults=faults), Ask(task=task)),
        judge=judge,
        remedy="raise maxRetries: each key is tried first",
    )


def _plain(kind: str) -> Task:
    return Task(description=SHORT, type=kind)  # pyright: ignore[reportArgumentType] - of TASK_TYPES


def _at_main_first(setup: Setup, task: Task, name: str) -> bool:
    candidates = setup.candidates(task)
    places = [place_of(one.model, setup.config.upstreams).upstream for one in candidates]
    return bool(places) and not places[0] and name in places
