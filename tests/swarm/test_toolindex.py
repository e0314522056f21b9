"""Which tools fit a text: by their words and others for them, their source, and their meaning."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.toolindex import ToolIndex, properties_of, tool_text
from farthing.swarm.toolwords import ALIKE, SHORT, written_out
from farthing.task import Tool

NO_PARAMETERS: Mapping[str, object] = {"type": "object", "properties": {}}


def tool(name: str, description: str = "", *, source: str = "", **parameters: str) -> Tool:
    said = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    return Tool(
        name=name, description=description, parameters={"type": "object", "properties": said}, source=source
    )


TOOLS = (
    tool("readTextFile", "Read the contents of a document."),
    tool("remove_entry", "Take something away."),
    tool("create-folder", "Make a place for files.", parent="The directory it lies in"),
    tool("translate", "Say it in another language.", language="Into which language, as an ISO code"),
    tool("weather_now", "Tells how warm it is outside."),
)


def best(text: str, tools: tuple[Tool, ...] = TOOLS, limit: int = 1) -> list[str]:
    return [tools[place].name for place in ToolIndex(tools).ranked({text: 1.0}, limit=limit)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("read it", "readTextFile"),  # camel case is taken apart
        ("two entries", "remove_entry"),  # and a word has its forms
        ("a new folder", "create-folder"),
        ("put it into a directory", "create-folder"),  # its parameter says so
        ("as ISO, please", "translate"),
        ("delete that", "remove_entry"),  # only another word for it is in the name
        ("is it warm", "weather_now"),
    ],
)
def test_a_tool_is_found_by_any_of_its_words(text: str, name: str) -> None:
    assert best(text) == [name]


def test_nothing_fits_what_shares_no_word() -> None:
    assert best("quantum") == []
    assert best("") == []


def test_what_is_written_short_is_read_as_what_it_stands_for() -> None:
    tools = (tool("add_note", "Add a note to a Word document."), tool("add_row", "Add a row to a CSV file."))
    assert best("add to letter.docx", tools) == ["add_note"]
    assert written_out("PR 7") == "PR 7 (pull request)"
    assert written_out("nothing short") == "nothing short"


def test_tools_of_a_source_that_fits_go_before_others() -> None:
    tools = (
        tool("list_a", "List all.", source="mcp:alpha"),
        tool("list_b", "List all.", source="mcp:beta"),
        tool("chess", "Moves of a chess game.", source="mcp:beta"),
    )
    assert best("list the chess games", tools, limit=3)[:2] == ["chess", "list_b"]


def test_meaning_finds_what_no_word_does() -> None:
    places = ToolIndex(TOOLS).ranked({"temperature": 1.0}, limit=1, nearness=[0.1, 0.1, 0.1, 0.2, 0.9])
    assert [TOOLS[place].name for place in places] == ["weather_now"]


def test_a_weightier_text_counts_more() -> None:
    index = ToolIndex(TOOLS)
    for weights, name in (((1.0, 0.2), "translate"), ((0.2, 1.0), "weather_now")):
        topic: dict[str, float] = dict(zip(("language", "warm"), weights, strict=True))
        assert TOOLS[index.ranked(topic, limit=1)[0]].name == name


@given(st.text(max_size=200), st.permutations(TOOLS))
def test_the_order_of_tools_does_not_decide(text: str, shuffled: list[Tool]) -> None:
    again = ToolIndex(shuffled)
    assert best(text, limit=5) == [shuffled[place].name for place in again.ranked({text: 1.0}, limit=5)]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
    st.text(max_size=80),
)
def test_no_schema_is_too_odd_to_be_indexed(properties: object, description: str) -> None:
    odd = Tool(name="odd", description=description, parameters={"properties": properties})
    assert ToolIndex([odd]).ranked({"odd": 1.0}, limit=5) == [0]
    assert tool_text(odd).startswith("odd: ")
    assert all(isinstance(value, Mapping) for value in properties_of(odd.parameters).values())


def test_an_index_of_nothing_answers_nothing() -> None:
    assert ToolIndex([]).ranked({"anything": 1.0}, limit=5) == []


def test_the_tables_are_words_that_can_be_met() -> None:
    assert all(word == word.lower() and word.isalnum() for word in (*ALIKE, *SHORT))
    assert all(word in ALIKE[other] for word, others in ALIKE.items() for other in others)
