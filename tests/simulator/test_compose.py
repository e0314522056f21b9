"""Answers speak of what was asked, in the voice of the role, and call tools as they are offered."""

import json
from random import Random

import jsonschema_rs
import msgspec
import pytest
from tests.simulator.conftest import ROWS

from farthing.simulator.books import Shelf, SimulatedModel, shelf_from
from farthing.simulator.compose import Answer, answer, role_of, topic_of
from farthing.simulator.prose import VOICES
from farthing.simulator.request import ChatBody, ChatMessage

SHELF: Shelf = shelf_from(ROWS, book="rows")
GOAL = "Goal: Design and build a URL shortener service.\nYour part: the storage"
SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


def _model(name: str = "acme/plain") -> SimulatedModel:
    model = SHELF.find(name)
    assert model is not None
    return model


def _body(user: str = GOAL, system: str | None = None, **fields: object) -> ChatBody:
    messages = [{"role": "system", "content": system}] if system else []
    raw = {"model": "acme/plain", "messages": [*messages, {"role": "user", "content": user}], **fields}
    return msgspec.convert(raw, ChatBody)


def _answer(body: ChatBody, *, model: str = "acme/plain", seed: int = 1, bound: int | None = None) -> Answer:
    return answer(body, _model(model), Random(seed), bound=bound)


@pytest.mark.parametrize("role", sorted(set(VOICES) - {"general", "simple", "synthesis"}))
def test_each_role_is_recognised_and_speaks_of_the_goal(role: str) -> None:
    body = _body(system=f"You are a careful {role} in a team.")
    said = _answer(body)
    assert role_of(body) == role
    assert said.text.startswith("[simulated]")
    assert "URL shortener" in said.text or "storage" in said.text
    assert ("```" in said.text) == VOICES[role].code
    assert "{" not in said.text.partition("```")[0]


def test_a_synthesis_is_recognised() -> None:
    assert role_of(_body(system="You write the synthesis of the team's work.")) == "synthesis"


@pytest.mark.parametrize(
    ("asked", "topic"),
    [
        (GOAL, "a URL shortener service"),
        ("Explain how bridges stand. Be short.", "bridges stand"),
        ("## Task: Write a parser", "a parser"),
        ("Please", "Please"),
    ],
)
def test_topics(asked: str, topic: str) -> None:
    assert topic_of(_body(asked)) == topic


def test_seeds_vary_the_text_and_repeat_it() -> None:
    texts = [_answer(_body(), seed=seed).text for seed in range(20)]
    assert texts == [_answer(_body(), seed=seed).text for seed in range(20)]
    assert len(set(texts)) > 15


def test_a_memoised_fibonacci_is_typescript() -> None:
    body = _body("Create a memoized Fibonacci function in TypeScript")
    assert "```typescript" in _answer(body).text


def _tools(count: int) -> list[dict[str, object]]:
    return [
        {"type": "function", "function": {"name": f"tool_{n}", "parameters": SCHEMA}} for n in range(count)
    ]


def test_tools_are_called_on_the_first_turn_only() -> None:
    said = _answer(_body(tools=_tools(218)))
    assert (said.finish_reason, 1 <= len(said.calls) <= 2, said.text) == ("tool_calls", True, "")
    for call in said.calls:
        jsonschema_rs.validate(SCHEMA, json.loads(call.arguments))
    later = _body(tools=_tools(2))
    later.messages += msgspec.convert(
        [
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "function": {"name": "tool_0", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "found"},
        ],
        list[ChatMessage],
    )
    assert _answer(later).calls == ()
    later.tool_choice = "required"
    assert _answer(later).calls != ()


def test_a_model_without_a_response_format_follows_a_schema_in_its_prompt() -> None:
    system = f"Answer with JSON that is valid for this JSON Schema:\n{json.dumps(SCHEMA)}"
    said = _answer(_body(system=system), model="acme/free:free")
    jsonschema_rs.validate(SCHEMA, json.loads(said.text))
    broken = _answer(_body(system="A JSON Schema:\n{broken}"), model="acme/free:free")
    assert not broken.text.startswith("{")


def test_tool_choice_is_honoured() -> None:
    assert _answer(_body(tools=_tools(3), tool_choice="none")).calls == ()
    named = _body(tools=_tools(3), tool_choice={"type": "function", "function": {"name": "tool_2"}})
    assert [call.name for call in _answer(named).calls] == ["tool_2"]
    single = _body(tools=_tools(3), parallel_tool_calls=False)
    assert {len(_answer(single, seed=seed).calls) for seed in range(10)} == {1}


def test_a_model_without_tools_ignores_them_and_follows_the_prompt() -> None:
    offered = json.dumps([{"name": "look_up", "description": "d", "parameters": SCHEMA}])
    system = f"You have tools.\nTOOLS_JSON: {offered}\nAnswer with a block ```tool_call."
    assert _answer(_body(tools=_tools(1)), model="acme/free:free").calls == ()
    body = _body(system=system)
    said = _answer(body, model="acme/free:free")
    assert said.text.startswith("```tool_call\n")
    call = json.loads(said.text.removeprefix("```tool_call\n").removesuffix("\n```"))
    assert call["name"] == "look_up"
    jsonschema_rs.validate(SCHEMA, call["arguments"])
    body.messages += msgspec.convert(
        [{"role": "assistant", "content": said.text}, {"role": "user", "content": "Result: found"}],
        list[ChatMessage],
    )
    assert _answer(body, model="acme/free:free").text.startswith("[simulated]")


def test_a_bound_cuts_calls_too() -> None:
    said = _answer(_body(tools=_tools(1)), bound=3)
    assert (said.finish_reason, said.tokens) == ("length", 3)


def test_asked_to_be_concise_it_writes_less() -> None:
    usual = sum(_answer(_body(), seed=seed).tokens for seed in range(50))
    concise = sum(
        _answer(_body(system="Be concise: no introduction."), seed=seed).tokens for seed in range(50)
    )
    assert 0.4 * usual < concise < 0.9 * usual


def test_a_cut_answer_has_a_rest_and_going_on_gives_it() -> None:
    whole = _answer(_body()).text
    first = _answer(_body(), bound=20)
    assert first.finish_reason == "length"
    assert first.text + first.rest == whole
    body = _body()
    body.messages += [
        ChatMessage(role="assistant", content=first.text),
        ChatMessage(role="user", content="Begin with its last five words, and go on from there."),
    ]
    said = answer(body, _model(), Random(2), bound=None, rest=first.rest)
    repeated = said.text.removesuffix(first.rest)
    assert first.text.endswith(repeated)
    assert len(repeated.split()) == 5
