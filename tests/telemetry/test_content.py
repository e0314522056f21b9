"""Whether a deployment keeps prompts and answers: not unless it is told to, and then redacted and apart."""

from pathlib import Path

import pytest

from farthing import Deployment
from farthing.content.store import Kept, read_content
from farthing.errors import StreamBrokenError, TaskFailedError
from farthing.storage.database import Database, sqlite_url
from farthing.task import Message, Task, ToolCall
from farthing.telemetry.content import prompt_text
from farthing.testing import ScriptedUpstream, VirtualClock, answer, cut, deployment_on, failure

MARKER = "the-word-that-must-not-stay"


def keeping(upstream: ScriptedUpstream, folder: Path, **overrides: object) -> Deployment:
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    settings = {"content.keep": True, **named}
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides=settings)


def kept(folder: Path, call_id: str) -> Kept | None:
    database = Database(sqlite_url(folder / "ledger.db"))
    try:
        with database.read() as connection:
            return read_content(connection, call_id)
    finally:
        database.close()


def on_disk(folder: Path) -> bytes:
    """All bytes that a deployment has left."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_off_no_word_of_a_prompt_or_an_answer_is_on_disk(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([cut(f"half {MARKER}"), answer(f"all {MARKER}"), failure(401, MARKER)])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await deployment.execute_task(type="coding", description=f"Say {MARKER}.", temperature=0.5)
        with pytest.raises(TaskFailedError):
            await deployment.execute_task(description=MARKER, messages=[{"role": "user", "content": MARKER}])
    assert b"meta-llama" in on_disk(tmp_path)  # the ledger's rows are there
    assert MARKER.encode() not in on_disk(tmp_path)


async def test_on_they_stand_under_the_call_that_was_accepted(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(500), answer("write to ann@example.org")])
    async with keeping(upstream, tmp_path) as deployment:
        result = await deployment.execute_task("Who is +1 415 555 0100?")
    refused, accepted = result.attempts
    found = kept(tmp_path, accepted.call_id)
    assert found is not None
    assert (found.prompt, found.answer) == ("Who is [phone]?", "write to [email]")
    assert found.at_us == int(VirtualClock().now().timestamp() * 1_000_000)
    assert kept(tmp_path, refused.call_id) is None


async def test_on_the_ledgers_rows_are_as_without(tmp_path: Path) -> None:
    async with keeping(ScriptedUpstream([f"yes {MARKER}"]), tmp_path) as deployment:
        await deployment.execute_task(f"Say {MARKER}.")
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        tables = ("ledger", "account", "rollup", "alert", "writer", "price", "meta")
        rows = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables]  # noqa: S608
    database.close()
    assert MARKER in on_disk(tmp_path).decode(errors="replace")
    assert MARKER not in repr(rows)


async def test_a_task_that_failed_keeps_what_it_had(tmp_path: Path) -> None:
    async with keeping(ScriptedUpstream([cut("half of it")]), tmp_path) as deployment:
        with pytest.raises(StreamBrokenError) as broken:
            async for _ in deployment.stream_task("Tell it."):
                pass
    (attempt,) = broken.value.attempts
    found = kept(tmp_path, getattr(attempt, "call_id", ""))
    assert found is not None
    assert (found.prompt, found.answer) == ("Tell it.", "half of it")


async def test_own_patterns_and_the_known_key_are_cut_out(tmp_path: Path) -> None:
    settings = {"content__redact": ["/ACME-[0-9]+/"]}
    async with keeping(ScriptedUpstream(["ACME-2, ann@example.org"]), tmp_path, **settings) as deployment:
        result = await deployment.execute_task("ACME-1 and sk-or-no-key-in-tests")
    found = kept(tmp_path, result.attempts[-1].call_id)
    assert found is not None
    assert (found.prompt, found.answer) == ("[redacted] and [key]", "[redacted], ann@example.org")


async def test_a_table_that_is_not_there_fails_no_task(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE content")
    database.close()
    async with keeping(ScriptedUpstream(["four"]), tmp_path) as deployment:
        result = await deployment.execute_task("What is two and two?")
    assert result.output == "four"
    assert "could not be kept" in caplog.text


def test_a_conversation_is_kept_with_its_roles() -> None:
    call = ToolCall(id="1", name="add", arguments='{"a": 1}')
    messages = (
        Message(role="system", content="Be brief."),
        Message(role="user", content=({"type": "text", "text": "Add."}, {"type": "image_url"})),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="2", tool_call_id="1"),
    )
    assert prompt_text(Task(messages=messages)) == (
        '[system]\nBe brief.\n\n[user]\nAdd.\n\n[assistant]\nadd({"a": 1})\n\n[tool]\n2'
    )
    assert prompt_text(Task(description="Add.")) == "Add."
