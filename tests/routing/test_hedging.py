"""Whether, when and whom to ask beside the first."""

import pytest

from farthing.config.schema import Hedging, LatencyTarget
from farthing.result import Candidate
from farthing.routing.fallback import Invalid, Send, Tried
from farthing.routing.hedging import hedge_after_s, rival_to
from farthing.task import Task, Tool

TARGET = LatencyTarget(first_token=400, average=2500, p95=4000, p99=6000)
ON = Hedging(enabled=True)
LOOK = Tool(name="look", description="", parameters={})
PLAIN = Task(description="Why?")


def candidate(model: str) -> Candidate:
    return Candidate(model=model, slot="primary", reason="", expected_cost=None, quality=None)


FIRST, SECOND, THIRD = (candidate(model) for model in ("a", "b", "c"))
SEND = Send(candidate=FIRST, after_s=0, reason="")


def test_the_setting_or_the_target_says_when() -> None:
    assert hedge_after_s(ON, PLAIN, SEND, streamed=True, target=TARGET) == 4
    own = Hedging(enabled=True, after=250)
    assert hedge_after_s(own, PLAIN, SEND, streamed=True, target=TARGET) == 0.25
    assert hedge_after_s(own, PLAIN, SEND, streamed=True, target=None) == 0.25
    assert hedge_after_s(ON, PLAIN, SEND, streamed=True, target=None) is None


@pytest.mark.parametrize(
    ("hedging", "task", "step", "streamed"),
    [
        pytest.param(Hedging(after=250), PLAIN, SEND, True, id="off"),
        pytest.param(ON, PLAIN, SEND, False, id="not streamed"),
        pytest.param(
            ON,
            Task(description="Why?", tools=(LOOK,)),
            SEND,
            True,
            id="with tools",
        ),
        pytest.param(
            ON,
            PLAIN,
            Send(candidate=FIRST, after_s=0, reason="", repair=Invalid(problem="?")),
            True,
            id="repair",
        ),
        pytest.param(
            ON, PLAIN, Send(candidate=FIRST, after_s=0, reason="", continues=True), True, id="continuation"
        ),
    ],
)
def test_what_is_never_hedged(hedging: Hedging, task: Task, step: Send, streamed: bool) -> None:
    assert hedge_after_s(hedging, task, step, streamed=streamed, target=TARGET) is None


def test_the_next_that_was_not_asked_and_does_not_rest() -> None:
    route = [FIRST, SECOND, THIRD]
    assert rival_to(FIRST, route, [], {}) == SECOND
    assert rival_to(FIRST, route, [], {"b": 9.0}) == THIRD
    asked = Tried(candidate=SECOND, ending=Invalid(problem="?"), at=0)
    assert rival_to(FIRST, route, [asked], {"c": 9.0}) is None
    assert rival_to(FIRST, [FIRST], [], {}) is None
