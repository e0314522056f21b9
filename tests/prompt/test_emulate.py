"""Tools by prompt: what is told, what is read back, and what is refused."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.prompt.emulate import (
    TOOLS_MARK,
    EmulatedCalls,
    MalformedCalls,
    PlainAnswer,
    check_tools,
    emulated_messages,
    parse_emulated,
)
from farthing.task import Message, Tool, ToolCall

SEARCH = Tool(
    name="search_orders",
    description="Finds orders.",
    parameters={
        "type": "object",
        "properties": {"customer": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
        "required": ["customer"],
        "additionalProperties": False,
    },
)
CLOCK = Tool(name="clock", description="Tells the time.", parameters={})
TOOLS = (SEARCH, CLOCK)
USER = Message(role="user", content="Where is my order?")


def block(body: object) -> str:
    return f"```tool_call\n{body if isinstance(body, str) else json.dumps(body)}\n```"


GOOD = block({"name": "search_orders", "arguments": {"customer": "C-77", "limit": 2}})


# --- what is told


def test_instructions_become_a_system_message() -> None:
    told = emulated_messages([USER], TOOLS)
    assert [message.role for message in told] == ["system", "user"]
    assert told[1] == USER
    line = next(line for line in told[0].text.splitlines() if line.startswith(TOOLS_MARK))
    rows = cast("list[dict[str, object]]", json.loads(line.removeprefix(TOOLS_MARK)))
    assert [set(row) for row in rows] == [{"name", "description", "parameters"}] * 2
    assert rows[0]["parameters"] == SEARCH.parameters
    assert "```tool_call\n" in told[0].text


def test_instructions_join_the_first_system_message() -> None:
    told = emulated_messages([Message(role="system", content="Be brief."), USER], TOOLS)
    assert [message.role for message in told] == ["system", "user"]
    assert told[0].text.startswith("Be brief.\n\n")
    assert TOOLS_MARK in told[0].text


def test_instructions_join_content_parts() -> None:
    part: Mapping[str, object] = {"type": "text", "text": "Be brief."}
    told = emulated_messages([Message(role="system", content=(part,)), USER], TOOLS)
    assert isinstance(told[0].content, tuple)
    assert told[0].content[0] == part
    assert TOOLS_MARK in told[0].text


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("required", "must use at least one tool"),
        ("none", "must not use any tool"),
        ({"type": "function", "function": {"name": "clock"}}, "must use the tool clock"),
    ],
)
def test_tool_choice_is_told(choice: object, words: str) -> None:
    told = emulated_messages([USER], TOOLS, choice)
    assert told[1].text.startswith(f"{USER.text}\n\n")
    assert words in told[1].text
    assert told[0] == emulated_messages([USER], TOOLS)[0]  # what is cached of the prompt stays the same
    after_an_answer = emulated_messages([USER, Message(role="assistant", content="Hm.")], TOOLS, choice)
    assert after_an_answer[-1].role == "user"
    assert words in after_an_answer[-1].text
    for free in (None, "auto"):
        assert emulated_messages([USER], TOOLS, free)[1] == USER


def test_history_is_rendered_in_the_format_that_is_asked_for() -> None:
    calls = (
        ToolCall(id="a", name="search_orders", arguments='{"customer":"C-77"}'),
        ToolCall(id="b", name="clock", arguments=""),
    )
    history = [
        USER,
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", tool_call_id="a", content="order 8812\n```tool_call\nfake"),
        Message(role="tool", tool_call_id="b", content="10:00"),
        Message(role="assistant", content="It is on its way."),
    ]
    told = emulated_messages(history, TOOLS)
    assert [message.role for message in told] == ["system", "user", "assistant", "user", "assistant"]
    assert not any(message.tool_calls for message in told)
    read = parse_emulated(told[2].text, TOOLS)
    assert isinstance(read, EmulatedCalls)
    assert [(call.name, json.loads(call.arguments)) for call in read.calls] == [
        ("search_orders", {"customer": "C-77"}),
        ("clock", {}),
    ]
    first, second = (json.loads(line) for line in told[3].text.splitlines() if line.startswith("{"))
    assert first == {"name": "search_orders", "result": "order 8812\n```tool_call\nfake"}
    assert second == {"name": "clock", "result": "10:00"}
    assert parse_emulated(told[3].text, TOOLS) == PlainAnswer(text=told[3].text)


def test_unparsable_arguments_of_history_stay_visible() -> None:
    call = ToolCall(id="a", name="clock", arguments="{broken")
    told = emulated_messages(
        [USER, Message(role="assistant", content="Let me see.", tool_calls=(call,))], TOOLS
    )
    assert told[2].text.startswith("Let me see.\n```tool_call")
    assert '"{broken"' in told[2].text


# --- what is read back


def test_calls_are_read_in_order_with_their_own_text() -> None:
    spaced = block('{"name": "clock",\n "arguments": { } }')
    read = parse_emulated(f"\n{GOOD}\n\n{spaced}\n", TOOLS)
    assert isinstance(read, EmulatedCalls)
    assert [call.name for call in read.calls] == ["search_orders", "clock"]
    assert read.calls[0].arguments == '{"customer": "C-77", "limit": 2}'
    assert read.calls[1].arguments == "{ }"


def test_ids_are_distinct_stable_and_salted() -> None:
    read = parse_emulated(f"{GOOD}\n{GOOD}", TOOLS)
    again = parse_emulated(f"{GOOD}\n{GOOD}", TOOLS)
    salted = parse_emulated(f"{GOOD}\n{GOOD}", TOOLS, salt="second attempt")
    assert isinstance(read, EmulatedCalls)
    assert isinstance(salted, EmulatedCalls)
    assert read == again
    assert len({call.id for call in (*read.calls, *salted.calls)}) == 4


@pytest.mark.parametrize("text", ["", "It is on its way.", "Use ```tool_call``` blocks.", "```json\n{}\n```"])
def test_text_without_a_block_is_the_answer(text: str) -> None:
    assert parse_emulated(text, TOOLS) == PlainAnswer(text=text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"Let me look.\n{GOOD}", "text beside"),
        (f"{GOOD}\nI will wait.", "text beside"),
        ("```tool_call\n{}", "not closed"),
        ('```tool_call {"name": "clock", "arguments": {}}```', "text beside"),
        (block("{'name': 'clock'}"), "not one JSON object"),
        (block("[]"), "not one JSON object"),
        (block({"name": "clock"}), "not one JSON object"),
        (block({"name": "clock", "arguments": {}, "id": 1}), "not one JSON object"),
        (block({"name": "clock", "arguments": {}}).replace("}}", "}} {}"), "not one JSON object"),
        (block('{"name": "clock", "arguments": {"a": NaN}}'), "not one JSON object"),
        (block('{"name": "clock", "arguments": ' + "[" * 50_000 + "]" * 50_000 + "}"), "not one JSON object"),
        (block({"name": "clock", "arguments": []}), "not a JSON object"),
        (block({"name": "clock", "arguments": "{}"}), "not a JSON object"),
        (block({"name": "search_order", "arguments": {}}), "did you mean 'search_orders'"),
        (block({"name": "zzz", "arguments": {}}), "there is search_orders, clock"),
        (block({"name": "search_orders", "arguments": {}}), "customer"),
        (block({"name": "search_orders", "arguments": {"customer": "a", "limit": 0}}), "limit: "),
        (block({"name": "search_orders", "arguments": {"customer": "a", "x": 1}}), "'x'"),
        (f"{GOOD}\n{block({'name': 'search_orders', 'arguments': {}})}", "block 2"),
    ],
)
def test_half_a_call_is_refused_with_the_problem(text: str, problem: str) -> None:
    read = parse_emulated(text, TOOLS)
    assert isinstance(read, MalformedCalls)
    assert problem in read.problem


def test_deeply_nested_arguments_are_refused_not_raised() -> None:
    depth = 400
    nested = '{"a":' * depth + "1" + "}" * depth
    body = '{"name": "search_orders", "arguments": {"customer": ' + nested + "}}"
    assert isinstance(parse_emulated(block(body), TOOLS), MalformedCalls)


def test_a_line_separator_inside_a_string_is_no_line_end() -> None:
    text = block('{"name": "search_orders", "arguments": {"customer": "a\u2028b"}}')
    assert isinstance(parse_emulated(text, TOOLS), EmulatedCalls)


@given(st.text())
def test_any_text_is_read_without_raising(text: str) -> None:
    for candidate in (text, block(text), f"```tool_call\n{text}"):
        assert isinstance(parse_emulated(candidate, TOOLS), EmulatedCalls | PlainAnswer | MalformedCalls)


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_is_rendered_is_read_back(arguments: dict[str, object]) -> None:
    call = ToolCall(id="a", name="clock", arguments=json.dumps(arguments))
    told = emulated_messages([USER, Message(role="assistant", tool_calls=(call,))], TOOLS)
    read = parse_emulated(told[2].text, TOOLS)
    assert isinstance(read, EmulatedCalls)
    assert json.loads(read.calls[0].arguments) == json.loads(json.dumps(arguments).encode("utf-8", "replace"))


# --- schemas


def tool(parameters: Mapping[str, object], name: str = "t") -> Tool:
    return Tool(name=name, description="", parameters=parameters)


def test_schemas_are_normalised() -> None:
    checked = check_tools([tool({}), tool({"properties": {"a": {}}}, "u"), SEARCH])
    assert checked.problems == ()
    assert checked.tools[0].parameters == {"type": "object", "properties": {}}
    assert checked.tools[1].parameters == {"type": "object", "properties": {"a": {}}}
    assert checked.tools[2] == SEARCH


def test_other_mappings_become_plain_data() -> None:
    nothing: Mapping[str, object] = MappingProxyType({})
    checked = check_tools([tool(MappingProxyType({"type": "object", "properties": nothing}))])
    assert checked.problems == ()
    assert type(checked.tools[0].parameters) is dict


def test_a_tool_keeps_its_function() -> None:
    def now() -> str:
        return "10:00"

    checked = check_tools([Tool(name="now", description="", parameters={}, run=now)])
    assert checked.tools[0].run is now


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "dotted.name", "tool\n"])
def test_bad_names_are_named(name: str) -> None:
    checked = check_tools([tool({}, name)])
    assert checked.tools == ()
    assert repr(name) in checked.problems[0]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"type": "array"}, "type 'array'"),
        ({"type": ["object", "null"]}, "only 'object'"),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "no valid JSON Schema"),
        ({"type": "object", "properties": []}, "no valid JSON Schema"),
        ({"type": "object", "required": "a"}, "no valid JSON Schema"),
        ({"properties": {"a": {"pattern": "("}}}, "no valid JSON Schema"),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "no valid JSON Schema"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}, "no valid JSON Schema"),
        ({"$schema": "http://127.0.0.1:9/dialect"}, "no valid JSON Schema"),
        ({"properties": {"a": {"default": object()}}}, "no JSON"),
    ],
)
def test_bad_schemas_are_named(parameters: Mapping[str, object], problem: str) -> None:
    checked = check_tools([tool(parameters, "faulty"), CLOCK])
    assert [t.name for t in checked.tools] == ["clock"]
    assert len(checked.problems) == 1
    assert checked.problems[0].startswith("tool 'faulty': ")
    assert problem in checked.problems[0]


def test_names_are_unique() -> None:
    checked = check_tools([tool({}), tool({})])
    assert len(checked.tools) == 1
    assert "same name" in checked.problems[0]
