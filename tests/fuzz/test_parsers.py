"""Hypothesis makes what nobody should send, and our readers keep their promises."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz import nearly, promises, sockets, wild, wild_pages
from tests.fuzz.found import FOUND, Found
from tests.fuzz.promises import LIMITS, TIGHT
from tests.fuzz.targets import TARGETS

from farthing.task import Completion
from farthing.upstream.sse import ReplyLimits

thorough = settings(
    max_examples=wild.EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@thorough
@given(wild.STREAMS, wild.CUTS, st.sampled_from([LIMITS, TIGHT]))
def test_a_stream_is_one_outcome_however_it_is_cut(
    stream: bytes, cuts: list[int], limits: ReplyLimits
) -> None:
    promises.stream_is_read(stream, cuts, limits)


@thorough
@given(wild.REPLIES)
def test_a_body_under_any_status_is_an_answer_or_a_failure(made: wild.Made) -> None:
    promises.body_is_read(made.status, made.headers, made.body)


@thorough
@given(wild_pages.ACCOUNTS)
def test_what_an_account_says_is_read_or_refused(body: bytes) -> None:
    promises.bills_are_read(body)


@thorough
@given(wild_pages.MODEL_PAGES, st.integers(0, 10**6))
def test_a_page_of_models_makes_a_catalogue_that_can_be_counted_with(body: bytes, offset: int) -> None:
    promises.models_are_read(body, offset)


@thorough
@given(nearly.ANSWERS)
def test_a_call_by_prompt_is_one_or_a_problem(text: str) -> None:
    promises.calls_by_prompt_are_read(text)


@thorough
@given(nearly.NEARLY_JSON)
def test_a_repair_ends_and_completes_nothing(text: str) -> None:
    promises.json_is_repaired(text)


@thorough
@given(nearly.HTTP, wild.CUTS)
def test_a_reply_on_the_wire_is_its_own_however_it_is_cut(wire: bytes, cuts: list[int]) -> None:
    sockets.reply_is_read(wire, cuts)


@thorough
@given(nearly.CALLS_IN_PIECES, wild.CUTS)
def test_tool_calls_come_together_from_any_pieces(made: nearly.CallsInPieces, cuts: list[int]) -> None:
    """Several at once, with or without an index, their arguments split anywhere."""
    outcome = promises.stream_is_read(made.stream, cuts)
    assert isinstance(outcome, Completion)
    assert [(call.name, call.arguments) for call in outcome.tool_calls] == [*made.calls]


@pytest.mark.parametrize("word", [word for word in wild.WORDS if len(word) > 800], ids=len)
def test_what_is_nested_or_long_beyond_all_bounds_is_refused_by_every_reader(word: str) -> None:
    for start in ("", '{"choices":', '{"error":', '{"data":', '{"x":', '{"data":[{"pricing":'):
        body = (start + word).encode() + b"}" * start.count("{")
        for name in ("body", "bills", "models"):
            TARGETS[name].take(b"\x00\n" + body)
        promises.stream_is_read(b"data: " + body + b"\n\n", [7])
    promises.calls_by_prompt_are_read(f'```tool_call\n{{"name": "any", "arguments": {word}}}\n```')


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.what)
def test_what_fuzzing_found_stays_mended(found: Found) -> None:
    TARGETS[found.target].take(found.data)


def test_a_promise_can_be_broken() -> None:
    """The oracles are no decoration: each of these would be a defect."""
    with pytest.raises(AssertionError, match="two calls with one id"):
        promises.outcome_holds(promises.answer_of(ids=("a", "a")))
    with pytest.raises(AssertionError, match="do not fit"):
        promises.outcome_holds(promises.answer_of(cost="1e30"))
