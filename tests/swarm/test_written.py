"""Pieces and their results pass between processes as JSON, and nothing of them is lost on the way."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from farthing.errors import (
    BudgetExceededError,
    ConfigError,
    FarthingError,
    LedgerUnavailableError,
    NoCandidateError,
    QueueFullError,
    StreamBrokenError,
    SwarmError,
    TaskFailedError,
)
from farthing.result import Attempt, Metrics, TaskResult
from farthing.spend.budget import AccountKey, Balance, Denied
from farthing.swarm.loop import LoopCaps
from farthing.swarm.results import WorkResult
from farthing.swarm.stages import stop_reason
from farthing.swarm.tools import tool_from
from farthing.swarm.work import Piece
from farthing.swarm.written import modules_of, read_end, read_piece, write_end, write_piece
from farthing.task import Message, Task, Tool, ToolCall, Usage

from .scripted import ROUTE


def look_up(word: str, most: int = 3) -> str:
    """Looks a word up."""
    return word * most


_TASK = Task(
    description="share 1 of the goal",
    messages=(
        Message(role="system", content="You are a coder."),
        Message(role="user", content=({"type": "text", "text": "Begin."},), pinned=True),
        Message(role="assistant", tool_calls=(ToolCall(id="c1", name="look_up", arguments="{}"),)),
    ),
    type="coding",
    tools=(tool_from(look_up), Tool(name="bare", description="", parameters={"type": "object"})),
    tool_choice={"type": "function", "function": {"name": "look_up"}},
    limits=(("swarm:run-1", Decimal("0.0500")), ("agent:run-1/coder-1", Decimal("1E-7"))),
    max_cost_usd=Decimal("0.30"),
    options={"temperature": 0.25, "seed": 7},
    metadata={"team": "blue"},
    run_id="run-1",
    agent_id="coder-1",
    role="coder",
)
_ATTEMPT = Attempt(
    call_id="call-1",
    model="a/b",
    status="failed",
    reason="server_error: 502",
    cost=Decimal("0.000000123"),
    cost_basis="uncertain",
    latency_ms=12.5,
)


def _found(form: object, task: Task) -> Tool:
    name: object = getattr(form, "name", "")
    return next(tool for tool in _TASK.tools if tool.name == name)


def test_a_piece_is_the_same_on_the_other_side() -> None:
    piece = Piece(name="coder-1", task=_TASK, stage=2, title="coder: all of it")
    caps = LoopCaps(max_steps=3, max_cost_usd=Decimal("0.10"))
    assert read_piece(write_piece(piece, caps), _found) == (piece, caps)


def test_a_function_passes_by_its_module_and_name() -> None:
    assert [tool.source for tool in _TASK.tools] == [f"{__name__}:look_up", ""]
    assert modules_of(_TASK.tools) == (__name__,)
    assert modules_of([Tool(name="t", description="", parameters={}, source="mcp:git")]) == ()


def _inner() -> Callable[..., object]:
    def look_up(word: str) -> str:
        return word

    return look_up


class _Object:
    def method(self, word: str) -> str:
        return word


@pytest.mark.parametrize("function", [_inner(), _Object().method], ids=["inner", "method"])
def test_a_function_that_cannot_be_imported_is_refused(function: Callable[..., object]) -> None:
    task = Task(description="t", tools=(tool_from(function),))
    with pytest.raises(SwarmError, match="cannot import"):
        write_piece(Piece(name="a", task=task, stage=1, title="t"), LoopCaps())


def test_an_output_type_is_refused() -> None:
    task = Task(description="t", output_type=dict)
    with pytest.raises(SwarmError, match="output_type"):
        write_piece(Piece(name="a", task=task, stage=1, title="t"), LoopCaps())


def test_what_is_no_piece_says_so() -> None:
    with pytest.raises(SwarmError, match="one version"):
        read_piece('{"name": 3}', _found)


def test_a_result_is_the_same_on_the_other_side() -> None:
    result = TaskResult(
        task_id="task-1",
        output="done",
        model="a/b",
        route=ROUTE,
        metrics=Metrics(
            cost=Decimal("0.0010"),
            cost_basis="reported",
            baseline_cost=None,
            baseline_model="claude",
            tokens=Usage(input_tokens=3),
            latency_ms=1.5,
            first_token_ms=None,
        ),
        attempts=(_ATTEMPT,),
        finish_reason="stop",
        data={"a": [1, None]},
    )
    work = WorkResult(
        agent_id="coder-1", role="coder", stage=2, title="t", result=result, attempts=(_ATTEMPT,), tools_run=3
    )
    assert read_end(write_end(work)) == work


_DENIED = Denied(
    key=AccountKey("agent:run-1/coder-1", "total"),
    limit=5,
    balance=Balance(),
    wanted=9,
    fits=0,
    transient=False,
)


@pytest.mark.parametrize(
    "error",
    [
        BudgetExceededError("over", refusal=_DENIED, hint="raise it"),
        NoCandidateError("none", reasons={"a/b": "no tools"}, hint="another"),
        TaskFailedError("failed", attempts=(_ATTEMPT,), hint="again"),
        QueueFullError("full"),
        StreamBrokenError("broke", received="half", attempts=(_ATTEMPT,)),
        SwarmError("cap", hint="raise the cap"),
        LedgerUnavailableError("away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_class_and_words(error: FarthingError) -> None:
    work = WorkResult(agent_id="a", role="r", stage=1, title="t", error=error, attempts=(_ATTEMPT,))
    read = read_end(write_end(work))
    assert type(read.error) is type(error)
    assert str(read.error) == str(error)
    assert getattr(read.error, "attempts", ()) == getattr(error, "attempts", ())
    assert read.attempts == (_ATTEMPT,)
    assert read.cost == work.cost


def test_an_agents_own_limit_still_stops_only_that_agent() -> None:
    def ended(scope: str) -> WorkResult:
        denied = Denied(
            key=AccountKey(scope, "total"), limit=5, balance=Balance(), wanted=9, fits=0, transient=False
        )
        error = BudgetExceededError("over", refusal=denied)
        work = WorkResult(agent_id="a", role="r", stage=1, title="t", error=error)
        return read_end(write_end(work))

    other = read_end(write_end(WorkResult(agent_id="b", role="r", stage=1, title="t")))
    assert "budget" in (stop_reason([ended("swarm:run-1"), other]) or "")
    assert "all agents" in (stop_reason([ended("agent:run-1/a")]) or "")


def test_a_class_that_cannot_be_made_again_is_a_failed_swarm() -> None:
    work = WorkResult(agent_id="a", role="r", stage=1, title="t", error=ConfigError("x", []))
    assert isinstance(read_end(write_end(work)).error, SwarmError)


def test_a_result_that_cannot_be_read_has_failed() -> None:
    assert isinstance(read_end("{").error, SwarmError)
