"""What a deployment learns of models and providers from its calls' endings."""

from farthing.result import Candidate
from farthing.routing.fallback import Invalid
from farthing.routing.health import FAILURES_TO_OPEN, PROBE_S, Healthy, Open, Probing
from farthing.routing.healthbook import MOST_AVOIDED, PROBE_LOOK_S, HealthBook, Subject
from farthing.task import Completion
from farthing.upstream.failure import Failure, FailureKind

ANSWER = Completion(generation_id="gen-1", model="m", provider="Good", text="ok", finish_reason="stop")
CANDIDATE = Candidate(model="m", slot="primary", reason="", expected_cost=None, quality=None)


def failed(provider: str | None = None, kind: FailureKind = FailureKind.server_error) -> Failure:
    return Failure(kind=kind, message="…", provider=provider)


def opened(book: HealthBook, now: float = 100.0) -> HealthBook:
    for _ in range(FAILURES_TO_OPEN):
        book.note("m", failed(), now)
    return book


def test_a_model_that_never_failed_costs_nothing_and_is_no_news() -> None:
    book = HealthBook()
    book.begin("m", 0.0)
    book.note("m", ANSWER, 0.0)
    assert book.ready([CANDIDATE], 0.0) == {}
    assert book.take_changes() == set()
    assert book.states() == {}


def test_an_open_breaker_names_the_moment_and_is_news_once() -> None:
    book = opened(HealthBook())
    assert book.ready([CANDIDATE], 100.5) == {"m": 101.0}
    assert book.ready([CANDIDATE], 101.0) == {}
    assert book.take_changes() == {Subject("m")}
    assert book.take_changes() == set()


def test_one_call_tries_and_the_others_look_again_soon() -> None:
    book = opened(HealthBook())
    book.begin("m", 101.0)
    assert isinstance(book.models["m"], Probing)
    assert book.ready([CANDIDATE], 101.0) == {"m": 101.0 + PROBE_LOOK_S}
    book.note("m", ANSWER, 102.0)
    assert book.models["m"] == Healthy()
    assert book.ready([CANDIDATE], 102.0) == {}


def test_a_probe_that_says_nothing_leaves_the_next_call_to_try() -> None:
    for ending in (None, Invalid(problem="no JSON"), failed(kind=FailureKind.cancelled)):
        book = opened(HealthBook())
        book.begin("m", 101.0)
        book.note("m", ending, 102.0)
        assert isinstance(book.models["m"], Open)
        assert book.ready([CANDIDATE], 102.0) == {}


def test_a_probe_that_never_ends_does_not_hold_the_others_for_ever() -> None:
    book = opened(HealthBook())
    book.begin("m", 101.0)
    assert book.ready([CANDIDATE], 101.0 + PROBE_S) == {}
    book.begin("m", 101.0 + PROBE_S)
    assert book.ready([CANDIDATE], 101.0 + PROBE_S) != {}


def test_a_provider_that_fails_again_and_again_is_left_out_for_that_model_only() -> None:
    book = HealthBook()
    for _ in range(FAILURES_TO_OPEN):
        book.note("m", failed("Shaky"), 100.0)
        book.note("m", ANSWER, 100.0)  # from another provider: the model works
    assert book.avoided("m", 100.0) == ("Shaky",)
    assert book.avoided("other", 100.0) == ()
    assert book.ready([CANDIDATE], 100.0) == {}
    assert book.avoided("m", 101.0) == ()


def test_not_all_providers_are_left_out() -> None:
    book = HealthBook()
    for number in range(MOST_AVOIDED + 3):
        for _ in range(FAILURES_TO_OPEN):
            book.note("m", failed(f"P{number}"), 100.0)
            book.note("m", ANSWER, 100.0)
    assert len(book.avoided("m", 100.0)) == MOST_AVOIDED


def test_what_another_process_found_counts_here() -> None:
    book = HealthBook()
    book.merge(Subject("m"), Open(until=50.0, reason="5 failures in a row", failures=5))
    book.merge(Subject("m", "Shaky"), Open(until=50.0, reason="5 failures in a row", failures=5))
    assert book.ready([CANDIDATE], 10.0) == {"m": 50.0}
    assert book.avoided("m", 10.0) == ("Shaky",)
    assert set(book.states()) == {Subject("m"), Subject("m", "Shaky")}
    assert book.take_changes() == set()
