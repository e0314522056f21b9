"""The drill of hedging: a first candidate that is late to begin, and who answers beside it. Pure values."""

from farthing.policies.cast import Scenes
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
)
from farthing.policies.finding import Findings, finding
from farthing.policies.setup import Setup
from farthing.result import Candidate
from farthing.routing.fallback import Send
from farthing.routing.hedging import hedge_after_s
from farthing.spend.targets import targets_by_id
from farthing.task import TASK_TYPES, Task

_POLICY, _SETTING = "hedging", "hedging.enabled"


def hedging_drill(setup: Setup, parts: Scenes) -> Planned:
    """Comments and no token from the first, so that the next is asked beside it."""
    if not setup.config.hedging.enabled:
        return off(_POLICY, _SETTING, False, "it is switched off")
    lacking = _lacks(setup, parts.candidates, parts.task)
    if lacking is not None:
        return cannot(_POLICY, _SETTING, True, *lacking)
    return Drill(
        policy=_POLICY,
        setting=_SETTING,
        value="true",
        provoked=f"comments and no token from {short(parts.first)}",
        steps=(Scene(faults=(Fault(kind="comments", model=parts.first),)), Ask(task=parts.task)),
        judge=_overtaken(parts.first),
        remedy="see `farthing explain`: another model must be able to take the task",
    )


def hedging_findings(setup: Setup) -> Findings:
    """Hedging that can never act."""
    if not setup.config.hedging.enabled:
        return
    tasks = [Task(description="Name a river.", type=kind) for kind in TASK_TYPES]
    lacking = [_lacks(setup, setup.candidates(task), task) for task in tasks]
    if all(lacking) and lacking[0] is not None:
        yield finding(_SETTING, *lacking[0])


def without_hedging(setup: Setup) -> tuple[Change, ...]:
    """Switched off for all drills but its own: on a virtual clock everybody is late at once."""
    why = "on a virtual clock every first token is late"
    return (Change(setting=_SETTING, value=False, why=why),) if setup.config.hedging.enabled else ()


def _lacks(setup: Setup, candidates: tuple[Candidate, ...], task: Task) -> tuple[str, str] | None:
    """Why nobody is ever asked beside the first, and what to do."""
    config = setup.config
    if not config.upstream.stream:
        return (
            "never acts: with upstream.stream false an exchange that is left goes on",
            "set upstream.stream to true",
        )
    if len(candidates) < 2:
        return "never acts: every task has one candidate alone", "fill models.fallback with another model"
    target = targets_by_id(config, setup.catalog).get(candidates[0].model)
    step = Send(candidate=candidates[0], after_s=0.0, reason="")
    if hedge_after_s(config.hedging, task, step, streamed=True, target=target) is None:
        whom = short(candidates[0].model)
        return f"never acts: hedging.after is not set, and {whom} has no latency target", "set hedging.after"
    return None


def _overtaken(first: str) -> Judge:
    """The first is left for another that answers."""

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if not told.models or told.models[0] != first:
            return Saw(text=text, fault=not_first(first, told))
        left = [one for one in told.attempts if one.model == first and one.reason == "overtaken"]
        if not left or told.result is None or told.result.model == first:
            return Saw(text=text, fault="nobody was asked beside it")
        return Saw(text=text)

    return judge
