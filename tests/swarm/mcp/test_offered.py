"""Names of tools, and lists of them that are told wrongly."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from farthing.swarm.mcp.mending import TOLD, mended_list
from farthing.swarm.mcp.offered import told, tool_name

SERVERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True)
TOOLS = st.text(min_size=1, max_size=80) | st.from_regex(r"[a-z_]{1,70}", fullmatch=True)


def test_a_plain_name_is_server_and_tool() -> None:
    assert tool_name("git", "git_log") == "git__git_log"
    assert tool_name("git", "_private") == "git___private"


def test_other_names_end_in_a_digest_that_stays_the_same() -> None:
    assert tool_name("files", "read/file") == "files__read_file_3e69995b45"
    assert tool_name("s", "t" * 100) == f"s__{'t' * 50}_{tool_name('s', 't' * 100)[-10:]}"


@given(SERVERS, TOOLS)
def test_every_name_is_one_that_providers_take(server: str, tool: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool_name(server, tool))


@given(st.sets(st.tuples(SERVERS | st.sampled_from(["a", "a_", "a__b"]), TOOLS), min_size=2, max_size=6))
@example({("a", "b__c"), ("a__b", "c")})
@example({("a", "_b"), ("a_", "b")})
@example({("a", "x/y"), ("a", "x y"), ("a", "x_y")})
def test_no_two_tools_share_a_name(pairs: set[tuple[str, str]]) -> None:
    assert len({tool_name(*pair) for pair in pairs}) == len(pairs)


ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "inputSchema", "description", "annotations", "readOnlyHint", "icons"]),
            inner,
        )
    ),
    max_leaves=10,
)


@given(st.lists(ENTRIES, max_size=4))
def test_a_list_with_anything_in_it_becomes_one_that_the_sdk_takes(entries: list[object]) -> None:
    from mcp_types import ListToolsResult

    good = {"name": "good", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
    mended = mended_list({"tools": [*entries, good], "nextCursor": 7})
    page = ListToolsResult.model_validate(mended, by_name=False)
    assert page.tools[-1].name == "good"
    assert page.tools[-1].input_schema[TOLD] == {"type": "object"}
    assert page.tools[-1].annotations is not None
    assert page.tools[-1].annotations.read_only_hint is True
    assert page.next_cursor is None


def test_a_result_without_anything_to_tell_is_done() -> None:
    assert told([], None) == "done"
    assert told([{"type": "text", "text": ""}], None) == "done"


def test_a_result_of_unknown_kind_is_noted() -> None:
    blob = {"uri": "u:1", "blob": "AAAA", "mimeType": "application/pdf"}
    assert told([{"type": "resource", "resource": blob}, {"type": "hologram"}], None) == (
        "[resource u:1, application/pdf, 3 bytes, not shown]\n[content of type hologram, not shown]"
    )


def test_a_structured_value_is_told_only_where_no_text_says_it() -> None:
    assert told([{"type": "text", "text": "21.5 degrees"}], {"degrees": 21.5}) == "21.5 degrees"
    assert told([], {"degrees": 21.5}) == '{"degrees":21.5}'
