"""The plan of drills: a line for every policy, and judges that no dead deployment pleases."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest
from tests.policies.made import RICH, made, made_of

from farthing.policies.drill import (
    Ask,
    Asked,
    Begin,
    Drill,
    Finish,
    Look,
    Row,
    Seen,
    Told,
    failed,
    judged,
)
from farthing.policies.plan import plan_for
from farthing.policies.setup import Setup
from farthing.result import Attempt, Metrics, Route, TaskResult
from farthing.routing.route import NoRoute
from farthing.task import Task, Usage

Settings = Mapping[str, object]
World = Callable[[Setup, Task], Told]
"""A deployment in which no policy acts, told by what it does with a task."""


class Case(NamedTuple):
    """A drill of a configuration."""

    setup: Setup
    drill: Drill


def cases() -> Iterator[Case]:
    free = {"environment": "development", "models.primary": "google/gemma-4-26b-a4b-it:free"}
    for setup in (
        made_of("balanced", RICH),
        made_of("balanced", free | {"routing.strategy": "cheapest_good_enough"}),
        made(fallbackRules__onBrokenStream="continue", upstream__stream=True),
        made("budget"),
        made(upstream__stream=False),
    ):
        yield from (Case(setup, one) for one in plan_for(setup) if isinstance(one, Drill))


CASES = list(cases())
NO_ROUTE = NoRoute(message="no model", reasons={}, hint="")
ANYWHERE = Route(
    task_type="general", complexity="low", confidence=1, strategy="", reason="", candidates=(), excluded=()
)


def untroubled(setup: Setup, task: Task) -> Told:
    """The first candidate answers, whatever upstream was told to do."""
    candidates = setup.candidates(task)
    model = candidates[0].model if candidates else "nobody"
    nothing = Decimal(0)
    attempt = Attempt(
        call_id="call",
        model=model,
        status="accepted",
        reason="ok",
        cost=nothing,
        cost_basis="reported",
        latency_ms=0,
    )
    metrics = Metrics(
        cost=nothing,
        cost_basis="reported",
        baseline_cost=None,
        baseline_model="",
        tokens=Usage(),
        latency_ms=0,
        first_token_ms=None,
    )
    result = TaskResult(
        task_id="task",
        output="text",
        model=model,
        route=ANYWHERE,
        metrics=metrics,
        attempts=(attempt,),
        finish_reason="stop",
    )
    asked = Asked(model=model, max_tokens=1024, tools=len(task.tools), response_format="json_schema")
    return Told(result=result, attempts=(attempt,), text="text", asked=(asked,), route=ANYWHERE)


def mute(_setup: Setup, _task: Task) -> Told:
    """Everything is refused before it is sent."""
    return Told(error="NoCandidateError", message="no model", route=NO_ROUTE)


def careless(_setup: Setup, task: Task) -> Told:
    """Everything is sent, to whoever is named or to a paid model, again and again, and nothing comes back."""
    model = task.model or "openai/gpt-5.1"
    return Told(error="TaskFailedError", message="failed", asked=(Asked(model=model),) * 50, route=ANYWHERE)


def seen_in(world: World, case: Case) -> Seen:
    told: list[Told] = []
    begun: tuple[Task, ...] = ()
    for step in case.drill.steps:
        match step:
            case Ask(task=task) | Look(task=task):
                told.append(world(case.setup, task))
            case Begin():
                begun = step.tasks
                told.append(Told(asked=(Asked(model="x"),) * 99, most_at_once=99))
            case Finish():
                told += [world(case.setup, task) for task in begun]
            case _:
                pass
    return Seen(told=tuple(told))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.drill.policy}: {case.drill.setting}")
def test_no_judge_is_pleased_by_every_dead_deployment(case: Case) -> None:
    rows = [judged(case.drill, seen_in(world, case)) for world in (untroubled, mute, careless)]
    silent = [row for row in rows if row.verdict == "does not fire"]
    assert silent
    assert all(row.why and row.remedy for row in silent)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.drill.policy}: {case.drill.setting}")
def test_a_drill_that_breaks_off_proves_nothing(case: Case) -> None:
    row = failed(case.drill, "OSError: gone")
    assert row.is_finding
    assert "OSError: gone" in row.why


def verdict_of(setup: Setup, policy: str) -> Row | Drill:
    return next(one for one in plan_for(setup) if one.policy == policy)


CANNOT: list[tuple[str, Settings]] = [
    (
        "fallback on a rate limit",
        {"models.secondary": None, "models.fallback": None, "routing.taskTypeMapping": {}},
    ),
    ("fallback on an error", {"fallbackRules.maxRetries": 0}),
    (
        "overflow of a context",
        {"fallbackRules.maxRetries": 0, "optimization.promptOptimization.contextCompression": True},
    ),
    ("backoff before a retry", {"fallbackRules.maxRetries": 0}),
    ("retry budget of all tasks", {"fallbackRules.retryBudget": 9}),
    ("a stream that breaks", {"upstream.stream": False, "fallbackRules.onBrokenStream": "continue"}),
    ("a stream that breaks", {"fallbackRules.maxRetries": 0, "fallbackRules.onBrokenStream": "continue"}),
    ("clamping to what is left", {"optimization.minOutputTokens": 1024}),
    ("unknown price", {"budget.unknownPriceCeiling": 0}),
    ("another key takes over", {"upstream.apiKeyEnv": ["A", "B"], "fallbackRules.maxRetries": 0}),
    ("upstream local serves", {"upstreams": RICH["upstreams"]}),
    (
        "general tasks",
        {"routing.complexityMapping": {"low": "primary", "medium": "primary", "high": "fallback"}},
    ),
    ("everything", {"routing.qualityThreshold": 1.0}),
]

NOTED: list[tuple[str, Settings]] = [
    ("Retry-After is kept", {"fallbackRules.maxRetries": 0}),
    ("a stream that falls silent", {"fallbackRules.maxRetries": 0}),
    ("overflow of a context", {"fallbackRules.maxRetries": 0}),
    ("a stream that breaks", {"upstream.stream": False}),
    ("breaker of one provider", {"upstream.stream": False}),
    ("breaker of one provider", {"provider.only": ["A"]}),
    ("breaker among others", {"fallbackRules.onError": False}),
    ("retry budget of all tasks", {"fallbackRules.maxRetries": 1}),
    ("alert runaway", {"budget.monthlyLimit": None}),
    ("fewer at once after critical", {"scaling.maxConcurrency": 2}),
]

OFF: list[tuple[str, Settings]] = [
    ("fallback on a rate limit", {"fallbackRules.onRateLimit": False}),
    ("fallback on an error", {"fallbackRules.onError": False}),
    ("fallback on a timeout", {"fallbackRules.onTimeout": False}),
    ("fallback on an unusable answer", {"fallbackRules.onInvalidOutput": False}),
    ("overflow of a context", {"fallbackRules.onError": False}),
    ("refusal by a limit", {"budget.monthlyLimit": None}),
    ("alerts", {"monitoring.costTracking": False}),
    ("alerts at thresholds", {"budget.monthlyLimit": None}),
    ("alert runaway", {"alerts.runaway.enabled": False}),
    ("fewer at once after critical", {"budget.monthlyLimit": None}),
    ("so many at once", {}),
    ("a full queue", {}),
    ("requests in a minute", {}),
    ("quality threshold", {}),
    ("most dollars for a request", {}),
    ("another key takes over", {}),
    ("another upstream takes over", {}),
    (
        "unknown price",
        {
            "environment": "development",
            "models.primary": "google/gemma-4-26b-a4b-it:free",
            "budget.unknownPriceCeiling": 1,
        },
    ),
]


@pytest.mark.parametrize(("policy", "settings"), CANNOT, ids=lambda value: str(value)[:50])
def test_what_no_task_can_bring_about_is_a_finding(policy: str, settings: Settings) -> None:
    row = verdict_of(made_of("balanced", settings), policy)
    assert isinstance(row, Row)
    assert (row.verdict, row.is_finding) == ("cannot fire", True)
    assert row.why
    assert row.remedy


@pytest.mark.parametrize(("policy", "settings"), NOTED, ids=lambda value: str(value)[:50])
def test_what_nobody_asked_for_is_a_note(policy: str, settings: Settings) -> None:
    row = verdict_of(made_of("balanced", settings), policy)
    assert isinstance(row, Row)
    assert (row.verdict, row.is_finding) == ("cannot fire", False)


@pytest.mark.parametrize(("policy", "settings"), OFF, ids=lambda value: str(value)[:50])
def test_what_is_switched_off_is_not_configured(policy: str, settings: Settings) -> None:
    row = verdict_of(made_of("balanced", settings), policy)
    assert isinstance(row, Row)
    assert (row.verdict, row.is_finding) == ("not configured", False)


def test_every_limit_threshold_and_rate_has_a_line() -> None:
    settings = {one.setting for one in plan_for(made_of("balanced", RICH)) if isinstance(one, Drill)}
    assert settings >= {
        *(f"budget.{name}Limit" for name in ("monthly", "weekly", "daily", "swarm", "agent", "task")),
        "budget.limits.0",
        "budget.limits.1",
        "alerts.warningThreshold",
        "alerts.criticalThreshold",
        "alerts.thresholds.50 %",
        "alerts.scopes.key",
        "alerts.scopes.task",
        "limits.requestsPerMinute",
        "limits.tokensPerMinute",
        "limits.perKey.requestsPerMinute",
        "limits.perKey.tokensPerMinute",
        "limits.models.deepseek-v3.requestsPerMinute",
        "limits.whenFull",
        "scaling.maxConcurrency",
        "alerts.criticalConcurrency",
        *(f"routing.taskTypeMapping.{kind}" for kind in ("coding", "analysis", "general", "structured")),
        "routing.complexityMapping.low",
    }


def test_what_is_made_small_is_said() -> None:
    setup = made(scaling__maxConcurrency=500, limits__requestsPerMinute=6000, budget__taskLimit=1)
    changed = {
        (one.setting, change.setting)
        for one in plan_for(setup)
        if isinstance(one, Drill)
        for change in one.changes
        if change.why
    }
    assert ("scaling.maxConcurrency", "scaling.maxConcurrency") in changed
    assert ("limits.requestsPerMinute", "limits.requestsPerMinute") in changed
    assert ("budget.taskLimit", "budget.taskLimit") in changed
    assert ("fallbackRules.onTimeout", "upstream.firstTokenTimeout") in changed


def test_rates_are_out_of_the_way_of_all_drills_but_their_own() -> None:
    setup = made(limits__requestsPerMinute=1, limits__models={"deepseek-v3": {"tokensPerMinute": 9}})
    for one in plan_for(setup):
        if isinstance(one, Drill) and any(step for step in one.steps if not isinstance(step, Look)):
            changed = {change.setting: change.value for change in one.changes}
            if not one.setting.startswith("limits."):
                assert changed["limits.requestsPerMinute"] is None
                assert changed["limits.models"] == {}
            elif one.setting == "limits.requestsPerMinute":
                assert "limits.requestsPerMinute" not in changed
                assert changed["limits.models"] == {}


def test_a_month_of_no_dollars_has_no_alerts() -> None:
    plan = plan_for(made(budget__monthlyLimit=0))
    assert not [one for one in plan if one.policy.startswith(("alert warning", "alert critical"))]
    assert isinstance(verdict_of(made(budget__monthlyLimit=0), "fewer at once after critical"), Row)
