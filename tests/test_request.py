"""What callers write, made into tasks: a prompt, a Task, or keywords; slips are refused, options kept."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from farthing.errors import InvalidTaskError
from farthing.request import task_of
from farthing.task import Message, Task


def look_up(word: str) -> str:
    """Looks a word up.

    Args:
        word: What to look up.
    """
    return word


def test_a_prompt_a_task_and_keywords_mean_the_same() -> None:
    wanted = Task(description="Explain it.")
    assert (
        task_of("Explain it.", {})
        == task_of(wanted, {})
        == task_of(None, {"description": "Explain it."})
        == wanted
    )


def test_keywords_change_a_given_task() -> None:
    task = Task(description="Explain it.", type="general", options={"seed": 1})
    changed = task_of(task, {"type": "coding", "temperature": 0.2})
    assert (changed.type, changed.description) == ("coding", "Explain it.")
    assert changed.options == {"seed": 1, "temperature": 0.2}
    assert task.options == {"seed": 1}


def test_unknown_keywords_are_request_options() -> None:
    task = task_of("Explain it.", {"temperature": 0, "stop": ["END"], "options": {"seed": 7}})
    assert task.options == {"seed": 7, "temperature": 0, "stop": ["END"]}


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("max_token", "max_tokens"), ("mesages", "messages"), ("response_fromat", "response_format")],
)
def test_a_keyword_that_is_nearly_a_field_is_a_slip(slip: str, meant: str) -> None:
    with pytest.raises(InvalidTaskError, match=f"did you mean '{meant}'"):
        task_of("Explain it.", {slip: 5})


def test_none_means_not_given() -> None:
    assert task_of("Explain it.", {"type": None, "max_tokens": None}) == Task(description="Explain it.")


def test_messages_and_tools_are_converted() -> None:
    task = task_of(None, {"messages": [{"role": "user", "content": "Hi"}], "tools": [look_up]})
    assert task.messages == (Message(role="user", content="Hi"),)
    (tool,) = task.tools
    assert (tool.name, tool.description) == ("look_up", "Looks a word up.")
    assert tool.run is not None
    assert tool.run(word="bee") == "bee"
    assert tool.parameters["required"] == ["word"]


@pytest.mark.parametrize("amount", ["0.01", Decimal("0.01")])
def test_money_is_read_exactly(amount: str | Decimal) -> None:
    assert task_of("Explain it.", {"max_cost_usd": amount}).max_cost_usd == Decimal("0.01")


@pytest.mark.parametrize("amount", ["a cent", "NaN", [1]])
def test_what_is_no_money_is_the_callers_mistake(amount: object) -> None:
    with pytest.raises(InvalidTaskError, match="max_cost_usd"):
        task_of("Explain it.", {"max_cost_usd": amount})


def test_a_float_is_no_money() -> None:
    """0.1 in floating point is not a tenth of a dollar."""
    with pytest.raises(InvalidTaskError, match="max_cost_usd"):
        task_of("Explain it.", {"max_cost_usd": 0.1})


def test_a_deadline_may_be_written() -> None:
    written = task_of("Explain it.", {"deadline": "2026-11-30T18:00:00Z"})
    assert written == task_of("Explain it.", {"deadline": datetime(2026, 11, 30, 18, tzinfo=UTC)})


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-30", "2026-11-30T18:00:00", ""])
def test_a_deadline_without_a_zone_or_a_time_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InvalidTaskError, match="2026-11-30T18:00:00Z"):
        task_of("Explain it.", {"deadline": text})


def test_what_is_no_time_is_no_deadline() -> None:
    with pytest.raises(InvalidTaskError, match="no time zone"):
        task_of("Explain it.", {"deadline": 1_800_000_000})
