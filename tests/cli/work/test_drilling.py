"""Drills against real simulators: what works fires, and a deployment broken in one place is found out."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal

import pytest
from msgspec import structs
from tests.policies.made import RICH, made, made_of

from farthing import pipeline, verdict
from farthing.catalog.models import Catalog
from farthing.catalog.successors import Gone, Replaced, Standing, standing
from farthing.cli.work.drilling import carried_out, in_order
from farthing.cli.work.stage import Stage, midmonth, open_stage
from farthing.config.schema import FallbackRules
from farthing.fit import Fitted
from farthing.journey import Journey
from farthing.limits.permits import Permits
from farthing.policies.drill import Asked, Drill, Fault, Planned, Row
from farthing.policies.plan import plan_for
from farthing.policies.setup import Setup
from farthing.result import Attempt, Candidate, Route
from farthing.routing import eligible
from farthing.routing.fallback import GiveUp, Send, Situation, Step, Tried, next_step
from farthing.routing.healthbook import HealthBook
from farthing.routing.memo import RouteMemo
from farthing.routing.retries import RetryBudget
from farthing.routing.route import NoRoute
from farthing.routing.validate import Valid
from farthing.spend.budget import Admitted
from farthing.spend.lookout import Lookout
from farthing.spend.notify import Alarm
from farthing.upstream.keyring import Key, KeyRing

RICH_SETUP = made_of("balanced", RICH)
CONTINUING = made(fallbackRules__onBrokenStream="continue")
FREE = made(environment="development", models__primary="google/gemma-4-26b-a4b-it:free")
REPLACED = made("budget")
ADMIT = "farthing.spend.budget.admit"


def _unheard(_: Planned) -> None:
    """Progress that nobody looks at."""


async def drilled(setup: Setup, policies: Iterable[str]) -> list[Row]:
    """The lines of the policies that begin so."""
    wanted = tuple(policies)
    plan = [one for one in plan_for(setup) if isinstance(one, Drill) and one.policy.startswith(wanted)]
    assert {one.policy for one in plan if one.policy.startswith(wanted)}
    async with open_stage(setup, book="snapshot") as stage:
        return [row async for row in carried_out(stage, setup, plan, began=_unheard)]


def always(value: object) -> Callable[..., object]:
    """A function that does nothing and gives this."""

    def answer(*_: object, **__: object) -> object:
        return value

    return answer


def _decided(
    patch: pytest.MonkeyPatch, change: Callable[[Step, Sequence[Tried], FallbackRules], Step]
) -> None:
    """The pipeline's next step, changed."""

    def mutant(
        candidates: Sequence[Candidate],
        tried: Sequence[Tried],
        *,
        rules: FallbackRules,
        situation: Situation,
    ) -> Step:
        return change(next_step(candidates, tried, rules=rules, situation=situation), tried, rules)

    patch.setattr(pipeline, "next_step", mutant)


def _no_fallback(patch: pytest.MonkeyPatch) -> None:
    """A failure is the end: no retry, no fallback, no repair."""

    def once(step: Step, tried: Sequence[Tried], _: FallbackRules) -> Step:
        again = bool(tried) and isinstance(step, Send)
        return GiveUp(reason="mutant", ending=tried[-1].ending) if again else step

    _decided(patch, once)


def _no_hedge(patch: pytest.MonkeyPatch) -> None:
    """Who is late is waited for."""
    patch.setattr(pipeline, "hedge_after_s", always(None))


def _no_waits(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits: a retry is sent at once."""

    def at_once(step: Step, _tried: Sequence[Tried], _rules: FallbackRules) -> Step:
        return structs.replace(step, after_s=0.0) if isinstance(step, Send) else step

    _decided(patch, at_once)


def _endless(patch: pytest.MonkeyPatch) -> None:
    """One attempt more than allowed."""

    def more(step: Step, tried: Sequence[Tried], rules: FallbackRules) -> Step:
        again = isinstance(step, GiveUp) and len(tried) == 1 + rules.max_retries
        return Send(candidate=tried[0].candidate, after_s=0.0, reason="mutant") if again else step

    _decided(patch, more)


def _no_deadline(patch: pytest.MonkeyPatch) -> None:
    """The task's deadline is forgotten when a wait is decided."""

    def patient(
        candidates: Sequence[Candidate],
        tried: Sequence[Tried],
        *,
        rules: FallbackRules,
        situation: Situation,
    ) -> Step:
        asked = structs.replace(situation, deadline=float("inf"))
        return next_step(candidates, tried, rules=rules, situation=asked)

    patch.setattr(pipeline, "next_step", patient)


def _no_health(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HealthBook, "note", always(None))


def _no_permits(patch: pytest.MonkeyPatch) -> None:
    async def enter(self: Permits, *_: object, **__: object) -> None:
        self.in_flight += 1

    patch.setattr(Permits, "enter", enter)
    patch.setattr(Permits, "busy", always({}))


def _admits_all(patch: pytest.MonkeyPatch) -> None:
    def admit(*_: object, worst: int, floor: int) -> Admitted:
        return Admitted(granted=max(worst, floor))

    patch.setattr(ADMIT, admit)


def _silent_alarm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alarm, "on_alert", always(None))


def _blind_lookout(patch: pytest.MonkeyPatch) -> None:
    async def look(_: Lookout) -> bool:
        return False

    patch.setattr(Lookout, "look", look)


def _one_key(patch: pytest.MonkeyPatch) -> None:
    """The first key serves for ever."""

    def choose(self: KeyRing, upstream: str, _: float) -> Key:
        return min(self.of(upstream), key=lambda key: key.name)

    patch.setattr(KeyRing, "choose", choose)
    patch.setattr(KeyRing, "can_serve", always(False))


def _all_valid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "validate", always(Valid()))


def _nothing_mended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "repaired", always(None))


def _backwards(patch: pytest.MonkeyPatch) -> None:
    """The last candidate first."""
    decide: Callable[..., Route | NoRoute] = RouteMemo.decide

    def backwards(*given: object, **named: object) -> Route | NoRoute:
        route = decide(*given, **named)
        return (
            structs.replace(route, candidates=route.candidates[::-1]) if isinstance(route, Route) else route
        )

    patch.setattr(RouteMemo, "decide", backwards)


def _no_compression(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("farthing.fit._compressing", always({}))


def _nothing_told_by_prompt(patch: pytest.MonkeyPatch) -> None:
    def untold(messages: object, *_: object) -> object:
        return messages

    patch.setattr("farthing.fit.emulated_messages", untold)
    patch.setattr("farthing.fit.schema_messages", untold)


def _not_clamped(patch: pytest.MonkeyPatch) -> None:
    def whole(fitted: Fitted, _: int) -> tuple[int, bytes]:
        return fitted.request.max_tokens, fitted.body

    patch.setattr("farthing.attempt.clamped", whole)


def _pays_in_development(patch: pytest.MonkeyPatch) -> None:
    def any_kind(_: object, entry: object) -> tuple[object, None]:
        return entry, None

    patch.setattr(eligible, "_affordable_kind", any_kind)
    patch.setattr("farthing.spend.claims._is_free_only", always(False))


def _endless_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RetryBudget, "has_room", always(True))


def _text_taken_back(patch: pytest.MonkeyPatch) -> None:
    """The pipeline forgets that text has reached the caller."""
    patch.setattr(Journey, "delivered", property(always(False)))


def _no_successors(patch: pytest.MonkeyPatch) -> None:
    def gone(catalog: Catalog, name: str, today: date) -> Standing:
        found = standing(catalog, name, today)
        return Gone(model=found.model, reason="mutant") if isinstance(found, Replaced) else found

    def kept(config: object, *_: object) -> tuple[object, tuple[()]]:
        return config, ()

    patch.setattr(eligible, "standing", gone)
    patch.setattr("farthing.running.replace_gone", kept)


def _no_bound_for_media(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("farthing.spend.reservation.media_parts", always(0))


MUTANTS: list[tuple[Callable[[pytest.MonkeyPatch], None], Setup, tuple[str, ...]]] = [
    (
        _no_fallback,
        RICH_SETUP,
        ("fallback on", "overflow", "backoff", "repair", "a stream that falls", "another"),
    ),
    (_no_hedge, RICH_SETUP, ("hedging",)),
    (_no_waits, RICH_SETUP, ("backoff", "Retry-After")),
    (_no_deadline, RICH_SETUP, ("no wait past",)),
    (_endless, RICH_SETUP, ("attempts after",)),
    (_no_health, RICH_SETUP, ("breaker",)),
    (
        _no_permits,
        RICH_SETUP,
        ("so many at once", "fewer at once", "a full queue", "requests in", "tokens in"),
    ),
    (_admits_all, RICH_SETUP, ("refusal", "clamping", "unknown price")),
    (_silent_alarm, RICH_SETUP, ("alert", "soft limit", "fewer at once")),
    (_blind_lookout, RICH_SETUP, ("alert runaway",)),
    (_one_key, RICH_SETUP, ("another key", "another upstream")),
    (_all_valid, RICH_SETUP, ("fallback on an unusable", "repair", "JSON that")),
    (_nothing_mended, RICH_SETUP, ("JSON that",)),
    (_backwards, RICH_SETUP, ("coding tasks", "analysis tasks", "general tasks", "structured tasks")),
    (_no_compression, RICH_SETUP, ("overflow",)),
    (_nothing_told_by_prompt, RICH_SETUP, ("tools by prompt", "forms by prompt")),
    (_not_clamped, RICH_SETUP, ("clamping",)),
    (_pays_in_development, FREE, ("free models only",)),
    (_endless_budget, RICH_SETUP, ("retry budget",)),
    (_text_taken_back, RICH_SETUP, ("a stream that breaks",)),
    (_no_fallback, CONTINUING, ("a stream that breaks",)),
    (_no_successors, REPLACED, ("successor",)),
    (_no_bound_for_media, REPLACED, ("image",)),
]


@pytest.mark.parametrize(
    ("mutate", "setup", "policies"), MUTANTS, ids=lambda value: getattr(value, "__name__", "")
)
async def test_a_deployment_that_is_broken_in_one_place_is_found_out(
    mutate: Callable[[pytest.MonkeyPatch], None],
    setup: Setup,
    policies: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    rows = await drilled(setup, policies)
    assert [(row.policy, row.setting) for row in rows if row.verdict != "does not fire"] == []
    assert all(row.why and row.remedy for row in rows)


async def test_what_upstream_does_not_do_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that never fails: what a failure should bring about is not seen."""
    whole = Stage.set_scene

    async def healthy(self: Stage, _: Iterable[Fault]) -> None:
        await whole(self, ())

    monkeypatch.setattr(Stage, "set_scene", healthy)
    policies = ("fallback on", "overflow", "attempts", "backoff", "Retry-After", "retry budget", "a stream")
    rows = await drilled(RICH_SETUP, (*policies, "repair", "JSON that", "breaker of one", "another upstream"))
    assert [row.policy for row in rows if row.verdict != "does not fire"] == []


async def test_a_configuration_with_everything_fires_altogether() -> None:
    async with open_stage(RICH_SETUP, book="snapshot") as stage:
        began: list[str] = []
        plan = plan_for(RICH_SETUP)

        def hear(planned: Planned) -> None:
            began.append(planned.policy)

        rows = [row async for row in carried_out(stage, RICH_SETUP, plan, began=hear)]
    assert [(row.policy, row.setting, row.why) for row in rows if row.is_finding] == []
    assert began == [row.policy for row in rows]
    assert {row.verdict for row in rows} == {"fires"}


async def test_a_drill_that_breaks_off_is_told_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clear = Stage.clear
    calls: list[int] = []

    async def fails_once(self: Stage) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("no such simulator")
        await clear(self)

    monkeypatch.setattr(Stage, "clear", fails_once)
    rows = await drilled(REPLACED, ("coding tasks", "analysis tasks"))
    assert [row.verdict for row in rows] == ["does not fire", "fires"]
    assert "no such simulator" in rows[0].why


def test_requests_of_several_simulators_are_put_in_the_order_of_the_attempts() -> None:
    def attempt(model: str) -> Attempt:
        return Attempt(
            call_id="c",
            model=model,
            status="failed",
            reason="",
            cost=Decimal(0),
            cost_basis="reported",
            latency_ms=0,
        )

    received = (Asked(model="b"), Asked(model="b"), Asked(model="a"))
    ordered = in_order(received, (attempt("b"), attempt("a"), attempt("gone")))
    assert [one.model for one in ordered] == ["b", "a", "b"]


def test_no_wait_of_a_drill_passes_the_end_of_a_month() -> None:
    assert midmonth(RICH_SETUP.now.replace(day=30, hour=23)).day == 20
    assert midmonth(RICH_SETUP.now.replace(day=3, hour=23)).day == 3
