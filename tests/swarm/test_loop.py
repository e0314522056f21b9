"""The agent loop's decisions, and its laws: no cap is passed, every call gets a result."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import InvalidTaskError
from farthing.swarm.calls import ReadyCall, RefusedCall, check_call, toolbox
from farthing.swarm.loop import (
    AskModel,
    Finish,
    LoopCaps,
    LoopState,
    Move,
    RunTools,
    Stopped,
    caps_from,
    next_move,
    with_answer,
    with_results,
)
from farthing.task import Message, Tool, ToolCall

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


def forecast(city: str, days: int = 1) -> str:
    return f"{city}: {days} dry days"


WEATHER = Tool(name="weather", description="The weather.", parameters=SCHEMA, run=forecast)
BARE = Tool(name="order", description="Orders.", parameters={"type": "object"})
BOX = toolbox([WEATHER, BARE])
START = LoopState(conversation=(Message(role="user", content="hi"),))


def weather(arguments: str = '{"city": "Rome"}', id: str = "c1") -> ToolCall:  # noqa: A002 - the wire's word
    return ToolCall(id=id, name="weather", arguments=arguments)


def move_of(
    state: LoopState, caps: LoopCaps | None = None, *, elapsed_s: float = 0.0, depth: int = 1
) -> Move:
    return next_move(state, BOX, caps or LoopCaps(), elapsed_s=elapsed_s, depth=depth)


def answered(state: LoopState, *calls: ToolCall, text: str = "", cost: str = "0.01") -> LoopState:
    return with_answer(state, text=text, calls=calls, cost_usd=Decimal(cost), closing=None)


def ran(state: LoopState, texts: list[str]) -> LoopState:
    return with_results(state, texts, [check_call(call, BOX) for call in state.pending])


def test_it_begins_by_asking_with_all_tools() -> None:
    move = move_of(START)
    assert isinstance(move, AskModel)
    assert (move.tools, move.first, move.closing) == ((WEATHER, BARE), True, None)


def test_an_answer_without_calls_ends_it() -> None:
    assert move_of(answered(START, text="done")) == Finish()


def test_calls_are_run_and_their_results_are_sent_back() -> None:
    state = answered(START, weather())
    move = move_of(state)
    assert isinstance(move, RunTools)
    assert isinstance(move.calls[0], ReadyCall)
    ask = move_of(ran(state, ["sunny"]))
    assert isinstance(ask, AskModel)
    assert not ask.first
    assert ask.messages[-1] == Message(role="tool", content="sunny", tool_call_id="c1", name="weather")


def test_a_call_of_a_bare_schema_is_the_callers() -> None:
    assert move_of(answered(START, weather(), ToolCall(id="c2", name="order", arguments="{}"))) == Finish()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (ToolCall(id="1", name="wether", arguments="{}"), "no tool 'wether'; did you mean 'weather'?"),
        (weather("{}"), '"city" is a required property'),
        (weather('{"city": "Rome", "days": "two"}'), 'days: "two" is not of type "integer"'),
        (weather('{"city": 3.5, "days": 1}'), "city: 3.5 is not of type"),
        (weather("[1]"), "no JSON object"),
        (weather('{"city": "Ro'), "no JSON object"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(call: ToolCall, said: str) -> None:
    checked = check_call(call, BOX)
    assert isinstance(checked, RefusedCall)
    assert said in checked.text


def test_no_text_is_no_arguments() -> None:
    box = toolbox([Tool(name="now", description="", parameters={"type": "object"}, run=forecast)])
    assert isinstance(check_call(ToolCall(id="1", name="now", arguments=""), box), ReadyCall)


def test_calls_over_the_fan_out_are_refused_not_dropped() -> None:
    move = move_of(answered(START, *[weather(id=str(n)) for n in range(5)]), LoopCaps(max_fan_out=2))
    assert isinstance(move, RunTools)
    assert [type(call).__name__ for call in move.calls] == ["ReadyCall"] * 2 + ["RefusedCall"] * 3


def test_the_last_step_asks_for_an_answer_without_tools() -> None:
    state = ran(answered(START, weather()), ["sunny"])
    move = move_of(state, LoopCaps(max_steps=2))
    assert isinstance(move, AskModel)
    assert (move.tools, move.closing) == (BOX.tools, "steps")  # told, for the cached prefix; none may be used
    assert "Answer now" in move.messages[-1].text


def test_the_only_step_is_told_no_tools() -> None:
    move = move_of(START, LoopCaps(max_steps=1))
    assert isinstance(move, AskModel)
    assert (move.tools, move.closing) == ((), "steps")


@pytest.mark.parametrize(("text", "end"), [("so far", Finish), ("", Stopped)])
def test_calls_in_the_final_answer_are_not_run(text: str, end: type) -> None:
    state = with_answer(START, text=text, calls=[weather()], cost_usd=Decimal(0), closing="steps")
    assert isinstance(move_of(state), end)


def test_when_the_time_is_over_tools_are_not_run_and_one_answer_is_asked() -> None:
    state = answered(START, weather())
    move = move_of(state, elapsed_s=601)
    assert isinstance(move, RunTools)
    assert isinstance(move.calls[0], RefusedCall)
    ask = move_of(ran(state, ["not run"]), elapsed_s=601)
    assert isinstance(ask, AskModel)
    assert ask.closing == "time"


def test_money_left_for_less_than_two_steps_asks_for_the_final_answer() -> None:
    state = ran(answered(START, weather(), cost="0.04"), ["sunny"])
    roomy, tight = (move_of(state, LoopCaps(max_cost_usd=Decimal(cap))) for cap in ("0.12", "0.11"))
    assert isinstance(roomy, AskModel)
    assert isinstance(tight, AskModel)
    assert (roomy.closing, tight.closing) == (None, "money")
    assert roomy.max_cost_usd == Decimal("0.08")


def test_no_money_left_stops_it() -> None:
    state = ran(answered(START, weather(), cost="0.05"), ["sunny"])
    move = move_of(state, LoopCaps(max_cost_usd=Decimal("0.05")))
    assert isinstance(move, Stopped)
    assert move.reason == "money"


def test_free_models_work_under_a_cap_of_zero() -> None:
    state = ran(answered(START, weather(), cost="0"), ["sunny"])
    assert isinstance(move_of(state, LoopCaps(max_cost_usd=Decimal(0))), AskModel)


def test_too_deep_stops_before_anything_is_asked() -> None:
    move = move_of(START, LoopCaps(max_depth=2), depth=3)
    assert isinstance(move, Stopped)
    assert move.reason == "depth"


def test_calls_without_an_id_or_with_one_twice_get_ids_of_their_own() -> None:
    state = answered(START, weather(id=""), weather(id="a"), weather(id="a"))
    state = answered(ran(state, ["", "", ""]), weather(id="a"))
    ids = [call.id for message in state.conversation for call in message.tool_calls]
    assert len(ids) == len(set(ids)) == 4
    assert all(ids)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([WEATHER, WEATHER], "two tools are named 'weather'"),
        ([Tool(name="a b", description="", parameters={})], "named 'a b'"),
        ([Tool(name="a", description="", parameters={"type": "objct"})], "no usable schema"),
        ([Tool(name="a", description="", parameters={"$ref": "http://127.0.0.1:9/x"})], "outside of it"),
    ],
)
def test_a_tool_that_cannot_be_used_is_refused_at_once(tools: list[Tool], said: str) -> None:
    with pytest.raises(InvalidTaskError, match=said):
        toolbox(tools)


def test_the_caps_come_from_the_configuration() -> None:
    caps = caps_from(SwarmSettings(max_steps=2, max_depth=1, max_fan_out=3, max_seconds=9.0))
    assert (caps.max_steps, caps.max_depth, caps.max_fan_out, caps.max_seconds) == (2, 1, 3, 9.0)


Turn = tuple[int, str, int, float]
TURNS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["", "text"]), st.integers(0, 3), st.floats(0, 20)),
    min_size=1,
    max_size=12,
)
CAPS = st.builds(
    LoopCaps,
    max_steps=st.integers(1, 6),
    max_depth=st.just(3),
    max_fan_out=st.integers(1, 4),
    max_seconds=st.floats(1, 60),
    max_cost_usd=st.none() | st.decimals("0", "0.10", places=2),
)


@given(turns=TURNS, caps=CAPS)
def test_whatever_a_model_does_the_caps_hold_and_every_call_gets_a_result(
    turns: list[Turn], caps: LoopCaps
) -> None:
    state, elapsed_s, asked, ended, closed = START, 0.0, 0, False, False
    for step in range(100):
        move = next_move(state, BOX, caps, elapsed_s=elapsed_s, depth=1)
        if isinstance(move, AskModel):
            assert not closed, "asked again after the final answer"
            assert caps.max_cost_usd is None or state.spent_usd < caps.max_cost_usd or state.spent_usd == 0
            asked, closed = asked + 1, move.closing is not None
            assert bool(move.tools) == (not move.first or not closed)
            calls, text, cents, seconds = turns[step % len(turns)]
            elapsed_s += seconds
            state = with_answer(
                state,
                text=text,
                calls=[weather(id=str(n)) for n in range(calls)],
                cost_usd=Decimal(cents) / 100,
                closing=move.closing,
            )
        elif isinstance(move, RunTools):
            assert len(move.calls) == len(state.pending)
            ready = [call for call in move.calls if isinstance(call, ReadyCall)]
            assert len(ready) <= caps.max_fan_out
            assert not ready or elapsed_s < caps.max_seconds
            state = with_results(state, [str(asked)] * len(move.calls), move.calls)
        else:
            ended = True
            break
    assert ended
    assert 1 <= asked <= caps.max_steps
    called = [call.id for message in state.conversation for call in message.tool_calls]
    results = [message.tool_call_id for message in state.conversation if message.role == "tool"]
    assert len(called) == len(set(called))
    assert results == called[: len(results)]
    assert set(called) - set(results) == {call.id for call in state.pending}
