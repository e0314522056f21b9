"""What comes next in a task: tables of every condition, and laws that hold for any history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from farthing.config.schema import FallbackRules
from farthing.result import Candidate
from farthing.routing.fallback import (
    Accept,
    Ending,
    GiveUp,
    Invalid,
    Send,
    Situation,
    Step,
    Tried,
    next_step,
    why,
)
from farthing.spend.budget import AccountKey, Balance, Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion
from farthing.upstream.failure import Failure, FailureKind

K = FailureKind
STOPS = {K.credits, K.key_limit, K.authentication, K.tls, K.cancelled, K.queue_full, K.queue_timeout}
NEXT_ONLY = {
    *(K.oversized, K.not_found, K.price_refused, K.context_length, K.content_policy),
    *(K.permission, K.payload_too_large, K.invalid_request),
}
NAMES = ("a", "b", "c")
DENIED = Denied(
    key=AccountKey("deployment", "month:2026-11"),
    limit=1_000_000,
    balance=Balance(settled=900_000),
    wanted=200_000,
    fits=100_000,
    transient=False,
)


def candidate(name: str) -> Candidate:
    return Candidate(model=name, slot="primary", reason="", expected_cost=None, quality=None)


CANDIDATES = tuple(map(candidate, NAMES))


def completion(text: str = "ok") -> Completion:
    return Completion(generation_id="gen-1", model="a", provider=None, text=text, finish_reason="stop")


def failed(
    kind: FailureKind, retry_after_s: float | None = None, *, retryable: bool | None = None
) -> Failure:
    return Failure(kind=kind, message="…", retry_after_s=retry_after_s, retryable=retryable)


def tried(*endings: tuple[str, Ending], at: float = 0.0) -> list[Tried]:
    return [Tried(candidate=candidate(name), ending=ending, at=at) for name, ending in endings]


def decide(
    history: Sequence[Tried],
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    rules: FallbackRules | None = None,
    now: float = 0.0,
    deadline: float = 1000.0,
    **circumstances: object,
) -> Step:
    situation = Situation(now=now, deadline=deadline, **circumstances)  # pyright: ignore[reportArgumentType]
    return next_step(candidates, history, rules=rules or FallbackRules(), situation=situation)


def sends_to(step: Step) -> str | None:
    return step.candidate.model if isinstance(step, Send) else None


@pytest.mark.parametrize("kind", FailureKind)
def test_the_step_after_one_failure(kind: FailureKind) -> None:
    step = decide(tried(("a", failed(kind))))
    if kind in STOPS:
        assert isinstance(step, GiveUp)
        assert kind.value in step.reason
    elif kind is K.in_flight_budget:  # the account's: the same model, later
        assert isinstance(step, Send)
        assert (step.candidate.model, step.after_s) == ("a", 2.0)
    else:
        assert isinstance(step, Send)
        assert (step.candidate.model, step.after_s) == ("b", 0.0)
        assert step.reason == f"fallback after {kind.value} of a"


@pytest.mark.parametrize("kind", FailureKind)
def test_the_step_when_no_other_model_is_left(kind: FailureKind) -> None:
    step = decide(tried(("a", failed(kind))), candidates=CANDIDATES[:1])
    if kind in STOPS | NEXT_ONLY:
        assert isinstance(step, GiveUp)
    else:
        assert isinstance(step, Send)
        assert (step.candidate.model, step.after_s) == ("a", 2.0)


@pytest.mark.parametrize("kind", FailureKind)
def test_what_upstream_calls_not_retryable_is_not_tried_on_the_same_model(kind: FailureKind) -> None:
    alone = decide(tried(("a", failed(kind, retryable=False))), candidates=CANDIDATES[:1])
    assert isinstance(alone, GiveUp)
    others = decide(tried(("a", failed(kind, retryable=False))))
    assert sends_to(others) == (None if kind in STOPS | {K.in_flight_budget} else "b")


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("on_rate_limit", K.rate_limited),
        ("on_rate_limit", K.overloaded),
        ("on_timeout", K.timeout),
        ("on_timeout", K.stalled),
        ("on_error", K.server_error),
        ("on_error", K.cut),
        ("on_error", K.connect),
    ],
)
def test_a_rule_that_is_off_keeps_the_model(rule: str, kind: FailureKind) -> None:
    history = tried(("a", failed(kind)))
    assert sends_to(decide(history)) == "b"
    assert sends_to(decide(history, rules=FallbackRules.model_validate({rule: False}))) == "a"


def test_an_invalid_answer_goes_to_another_model_unless_the_rules_forbid_it() -> None:
    history = tried(("a", Invalid(problem="no JSON")))
    assert sends_to(decide(history)) == "b"
    assert sends_to(decide(history, rules=FallbackRules(on_invalid_output=False))) == "a"


@pytest.mark.parametrize("ending", [DENIED, Unbounded(reason="its price is not known")])
def test_a_refusal_looks_for_a_cheaper_model_and_never_repeats_itself(ending: Denied | Unbounded) -> None:
    forbidding = FallbackRules(on_error=False, on_rate_limit=False, on_timeout=False, on_invalid_output=False)
    assert sends_to(decide(tried(("a", ending)), rules=forbidding)) == "b"
    step = decide(tried(*((name, ending) for name in NAMES)))
    assert isinstance(step, GiveUp)
    assert step.ending is ending


def test_refusals_are_no_retries() -> None:
    history = tried(("a", DENIED), ("b", DENIED))
    assert sends_to(decide(history, rules=FallbackRules(max_retries=0))) == "c"
    assert isinstance(decide(tried(("a", failed(K.cut))), rules=FallbackRules(max_retries=0)), GiveUp)


def test_an_answer_is_accepted_and_the_first_choice_is_the_first_candidate() -> None:
    answer = completion()
    assert decide(tried(("a", failed(K.cut)), ("b", answer))) == Accept(completion=answer)
    assert (sends_to(decide([])), cast("Send", decide([])).after_s) == ("a", 0.0)


def test_after_tokens_reached_the_caller_nothing_is_sent_unless_it_may_go_on() -> None:
    step = decide(tried(("a", failed(K.cut))), delivered=True)
    assert isinstance(step, GiveUp)
    assert "reached the caller" in step.reason
    going_on = decide(
        tried(("a", failed(K.cut))), delivered=True, rules=FallbackRules(on_broken_stream="continue")
    )
    assert isinstance(going_on, Send)
    assert going_on.continues
    assert not cast("Send", decide(tried(("a", failed(K.cut))))).continues


def test_another_provider_of_the_same_model_is_asked_once() -> None:
    broken = Failure(kind=K.cut, message="…", provider="Shaky")
    step = decide(tried(("a", broken)))
    assert isinstance(step, Send)
    assert (step.candidate.model, step.after_s, step.avoid) == ("a", 0.0, ("Shaky",))
    assert sends_to(decide(tried(("a", broken), ("a", broken)))) == "b"
    assert sends_to(decide(tried(("a", broken)), elsewhere=False)) == "b"
    later = decide(tried(("a", broken), ("a", broken)), candidates=CANDIDATES[:1])
    assert isinstance(later, Send)
    assert (later.after_s, later.avoid) == (4.0, ("Shaky",))


def test_a_prompt_that_is_too_long_is_compressed_once_where_that_is_allowed() -> None:
    history = tried(("a", failed(K.context_length)))
    step = decide(history, compresses=True)
    assert isinstance(step, Send)
    assert (step.candidate.model, step.compress) == ("a", True)
    assert sends_to(decide(history)) == "b"
    assert sends_to(decide(history * 2, compresses=True)) == "b"


def test_an_invalid_answer_is_sent_back_once_where_a_schema_was_asked_for() -> None:
    answer = Invalid(problem="no JSON", text="Bern")
    step = decide(tried(("a", answer)), repairs=True)
    assert isinstance(step, Send)
    assert (step.candidate.model, step.repair) == ("a", answer)
    assert sends_to(decide(tried(("a", answer), ("a", answer)), repairs=True)) == "b"
    assert sends_to(decide(tried(("a", Invalid(problem="empty"))), repairs=True)) == "b"


def test_a_model_that_rests_is_left_alone_while_another_can_be_asked_sooner() -> None:
    assert sends_to(decide([], ready={"a": 5.0})) == "b"
    assert sends_to(decide(tried(("c", failed(K.server_error))), ready={"a": 5.0, "b": 3.0})) == "c"
    first = decide([], ready={"a": 5.0, "b": 3.0, "c": 4.0})
    assert isinstance(first, Send)
    assert (first.candidate.model, first.after_s) == ("b", 3.0)
    assert isinstance(decide([], ready={"a": 5.0}, candidates=CANDIDATES[:1], deadline=4.0), GiveUp)


def test_without_a_retry_budget_only_other_models_are_asked() -> None:
    assert sends_to(decide(tried(("a", failed(K.server_error))), may_retry=False)) == "b"
    alone = decide(tried(("a", failed(K.server_error))), may_retry=False, candidates=CANDIDATES[:1])
    assert isinstance(alone, GiveUp)
    assert "retry budget is spent" in alone.reason


def test_a_backoff_is_waited_in_part_and_a_retry_after_in_full() -> None:
    for ending, waited in ((failed(K.server_error), 0.5), (failed(K.rate_limited, 7), 7.0)):
        step = decide(tried(("a", ending)), candidates=CANDIDATES[:1], jitter=0.25)
        assert isinstance(step, Send)
        assert step.after_s == waited


def test_the_soonest_is_waited_for() -> None:
    history = [
        Tried(candidate=candidate("a"), ending=failed(K.rate_limited, 30), at=0.0),
        Tried(candidate=candidate("b"), ending=failed(K.rate_limited, 5), at=1.0),
        Tried(candidate=candidate("c"), ending=failed(K.rate_limited, 20), at=2.0),
    ]
    step = decide(history, now=2.5)
    assert isinstance(step, Send)
    assert (step.candidate.model, step.after_s) == ("b", 3.5)


def test_backoff_doubles_with_each_try_of_the_same_model() -> None:
    rules = FallbackRules(retry_delay=100, max_retries=10)
    history: list[Tried] = []
    waits: list[float] = []
    for _ in range(4):
        history += tried(("a", failed(K.server_error)))
        step = decide(history, candidates=CANDIDATES[:1], rules=rules)
        assert isinstance(step, Send)
        waits.append(step.after_s)
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_a_wait_that_passes_the_deadline_is_not_begun() -> None:
    history = tried(("a", failed(K.rate_limited, 60)))
    step = decide(history, candidates=CANDIDATES[:1], deadline=60.0)
    assert isinstance(step, GiveUp)
    assert "deadline" in step.reason
    assert isinstance(decide(history, candidates=CANDIDATES[:1], deadline=60.1), Send)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (completion(), "ok"),
        (Invalid(problem="the answer is empty"), "invalid: the answer is empty"),
        (failed(K.cut), "cut"),
        (
            Failure(kind=K.rate_limited, message="…", status=429, retry_after_s=2.5),
            "rate_limited 429, retry after 2.5 s",
        ),
        (Unbounded(reason="its price is not known"), "unbounded: its price is not known"),
        (DENIED, f"budget: {DENIED}"),
    ],
)
def test_endings_in_words(ending: Ending, words: str) -> None:
    assert why(ending) == words


# Laws, for any conversation between the pipeline and the decision.

endings = st.one_of(
    st.builds(
        failed,
        st.sampled_from(FailureKind),
        st.none() | st.floats(0, 100),
        retryable=st.none() | st.booleans(),
    ),
    st.just(Invalid(problem="no JSON")),
    st.just(DENIED),
    st.just(Unbounded(reason="no price")),
    st.just(completion()),
)
any_rules = st.builds(
    FallbackRules,
    on_rate_limit=st.booleans(),
    on_error=st.booleans(),
    on_timeout=st.booleans(),
    on_invalid_output=st.booleans(),
    max_retries=st.integers(0, 6),
    retry_delay=st.integers(0, 5_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A task played to its end: the history, each step with the moment it was decided at, and the last."""

    history: list[Tried]
    sends: list[tuple[float, Send]]
    last: Step


def play(script: Sequence[tuple[Ending, float]], count: int, rules: FallbackRules, deadline: float) -> Played:
    """Plays until the decision ends it or the script does; each attempt takes its stated seconds."""
    now = 0.0
    history: list[Tried] = []
    sends: list[tuple[float, Send]] = []
    step = decide(history, candidates=CANDIDATES[:count], rules=rules, deadline=deadline)
    for ending, took in script:
        if not isinstance(step, Send):
            break
        sends.append((now, step))
        now += step.after_s + took
        history.append(Tried(candidate=step.candidate, ending=ending, at=now))
        step = decide(history, candidates=CANDIDATES[:count], rules=rules, now=now, deadline=deadline)
    return Played(history=history, sends=sends, last=step)


scripts = st.lists(st.tuples(endings, st.floats(0, 20)), min_size=1, max_size=12)
played = st.builds(play, scripts, st.integers(1, 3), any_rules, st.floats(1, 200))


@given(scripts, st.integers(1, 3), any_rules, st.floats(1, 200))
def test_no_more_is_sent_than_the_rules_allow(
    script: list[tuple[Ending, float]], count: int, rules: FallbackRules, deadline: float
) -> None:
    end = play(script, count, rules, deadline)
    sent = [entry for entry in end.history if not isinstance(entry.ending, Denied | Unbounded)]
    assert len(sent) <= 1 + rules.max_retries


@given(scripts, st.integers(1, 3), any_rules, st.floats(1, 200))
def test_no_wait_passes_the_deadline(
    script: list[tuple[Ending, float]], count: int, rules: FallbackRules, deadline: float
) -> None:
    for now, step in play(script, count, rules, deadline).sends[1:]:
        assert step.after_s >= 0
        assert now + step.after_s < deadline


@given(played)
def test_nothing_follows_an_answer_or_what_no_model_mends(end: Played) -> None:
    for entry in end.history[:-1]:
        assert not isinstance(entry.ending, Completion)
        assert not (isinstance(entry.ending, Failure) and entry.ending.kind in STOPS)


@given(played)
def test_a_model_is_not_asked_again_before_its_retry_after(end: Played) -> None:
    last_asked: dict[str, Tried] = {}
    for (now, step), entry in zip(end.sends, end.history, strict=True):
        before = last_asked.get(step.candidate.model)
        if (
            before is not None
            and isinstance(before.ending, Failure)
            and before.ending.retry_after_s is not None
        ):
            assert now + step.after_s >= before.at + before.ending.retry_after_s - 1e-9
        last_asked[step.candidate.model] = entry


@given(played)
def test_no_model_repeats_what_only_another_can_mend(end: Played) -> None:
    spent: set[str] = set()
    for entry in end.history:
        assert entry.candidate.model not in spent
        ending = entry.ending
        if isinstance(ending, Denied | Unbounded) or (
            isinstance(ending, Failure) and (ending.kind in NEXT_ONLY or ending.retryable is False)
        ):
            spent.add(entry.candidate.model)


@given(played)
def test_fallbacks_come_at_once_and_in_the_routes_order(end: Played) -> None:
    first_asked = list(dict.fromkeys(entry.candidate.model for entry in end.history))
    assert first_asked == list(NAMES[: len(first_asked)])
    asked: set[str] = set()
    for _, step in end.sends:
        if step.candidate.model not in asked:
            assert step.after_s == 0.0
        asked.add(step.candidate.model)


@given(scripts, st.integers(1, 3))
def test_giving_up_says_why_and_keeps_the_last_ending(script: list[tuple[Ending, float]], count: int) -> None:
    end = play(script, count, FallbackRules(), 200.0)
    assume(isinstance(end.last, GiveUp))
    assert isinstance(end.last, GiveUp)
    assert end.last.ending is end.history[-1].ending
    assert why(end.history[-1].ending) in end.last.reason
