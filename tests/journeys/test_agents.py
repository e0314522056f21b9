"""Agents with tools, people and each other through the whole pipeline: money, cancellation, restarts."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CoroutineType
from typing import Literal, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.journeys.books import read_ledger

from farthing.config.packaged import book_rows
from farthing.money import from_nano, nano_half_even
from farthing.routing.route import NoRoute
from farthing.spend.budget import AccountKey
from farthing.storage.database import Database, sqlite_url
from farthing.swarm.agent import AgentSpec
from farthing.swarm.approvals import decide, read
from farthing.swarm.company import Approved, PendingApproval
from farthing.swarm.events import ApprovalAsked, LoopNoticed, SwarmFinished, ToolRan
from farthing.swarm.run import Swarm
from farthing.swarm.tools import tool_from
from farthing.task import Task, Tool
from farthing.testing import Reply, ScriptedUpstream, VirtualClock, answer, deployment_on, failure, hang

Request = Mapping[str, object]


class Played(ScriptedUpstream):
    """An upstream that answers each chat request by what is in it."""

    def __init__(
        self, play: Callable[[Request], Reply], models: "list[dict[str, object]] | None" = None
    ) -> None:
        super().__init__(models=models)
        self._play = play
        self._count = 0

    def _reply(self, url: str, body: bytes | None) -> Reply:
        if body is not None:
            self._count += 1
            self.script = [self._play(cast(Request, msgspec.json.decode(body)))]
        return super()._reply(url, body)

    def number(self) -> str:
        return f"gen-{self._count}"


def messages_of(request: Request) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", request["messages"])


def system_of(request: Request) -> str:
    return str(messages_of(request)[0]["content"])


def has_results(request: Request) -> bool:
    return any(message["role"] == "tool" for message in messages_of(request))


def calls(*named: tuple[str, str], cost: str = "0.00001", number: str = "gen-1") -> Reply:
    wire = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(named)
    ]
    return answer("", tool_calls=wire, cost=cost, generation_id=number)


async def test_agents_that_are_asked_at_once_cannot_together_pass_what_is_left(tmp_path: Path) -> None:
    cap = Decimal("0.002")

    def play(request: Request) -> Reply:
        number = upstream.number()
        if "You are a coder" in system_of(request) and not has_results(request):
            asked = [("ask_researcher", f'{{"task": "part {n}"}}') for n in range(12)]
            return calls(*asked, number=number)
        cost = "0.0002" if "You are a researcher" in system_of(request) else "0.00001"
        return answer("done", cost=cost, generation_id=number)

    upstream = Played(play)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="coder", delegates=["researcher"])])
        task = Task(description="build it", role="coder", max_cost_usd=cap)
        (done,) = [done async for done in swarm.map([task])]
        run_id = swarm.run_id
    assert done.error is None
    book = read_ledger(tmp_path / "ledger.db")
    assert from_nano(book.total().settled) == done.work.cost <= cap
    fund = book.balances()[AccountKey(f"agent:{run_id}/item-0#1", "total")]
    assert 0 < fund.settled <= nano_half_even(cap)
    asked = [one for one in upstream.requests if "You are a researcher" in system_of(one)]
    assert 0 < len(asked) < 12  # the others were refused before they were sent, and the model was told
    last = upstream.requests[-1]
    assert "error: the researcher failed: the total limit of" in str(messages_of(last))


@settings(max_examples=20, deadline=None)
@given(moment=st.integers(1, 400) | st.integers(400, 3000), way=st.sampled_from(["cancel", "leave"]))
def test_whenever_a_run_is_left_nothing_is_left_behind(moment: int, way: Literal["cancel", "leave"]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_left_at(moment, way, Path(folder)))


def look() -> str:
    """Looks."""
    return "seen"


async def waits() -> str:
    """Waits."""
    await asyncio.sleep(30)
    return "late"


def busy_team(released: threading.Event) -> AgentSpec:
    """Agents of whose calls one blocks a thread, one waits, one waits for a person, and one asks an agent."""

    def blocks() -> str:
        """Blocks its thread."""
        released.wait(30)
        return "late"

    writing = Tool(name="write", description="", parameters={"type": "object"}, run=look, effects=True)
    helper = AgentSpec(type="researcher", tools=[look])
    return AgentSpec(type="coder", count=2, tools=[blocks, waits, writing], delegates=[helper])


def busy_play(request: Request, number: str) -> Reply:
    if "synthesis" in system_of(request) or has_results(request):
        return hang("half an ans", generation_id=number)
    if "You are a coder" in system_of(request):
        asks = ("ask_researcher", '{"task": "x"}')
        return calls(asks, ("blocks", "{}"), ("waits", "{}"), ("write", "{}"), number=number)
    return calls(("look", "{}"), number=number)


async def _left_at(moment: int, way: str, folder: Path) -> None:
    released, outer = threading.Event(), asyncio.all_tasks()
    upstream = Played(lambda request: busy_play(request, upstream.number()))
    async with deployment_on(upstream, folder, clock=VirtualClock()) as deployment:
        before = asyncio.all_tasks()
        swarm = deployment.prepare_swarm([busy_team(released)])
        following = asyncio.create_task(followed(swarm))
        for _ in range(moment):
            await asyncio.sleep(0)
        if way == "cancel":
            swarm.cancel()
        else:
            following.cancel()
        await asyncio.wait({following})
        for _ in range(5):
            await asyncio.sleep(0)
        # What the deployment owns may still settle what was on the wire; nothing of the swarm is there.
        left = {task for task in asyncio.all_tasks() - before if "/swarm/" in file_of(task)}
        assert not left, left
        assert swarm.pending_approvals == ()
    assert upstream.open_exchanges == 0
    assert asyncio.all_tasks() == outer
    released.set()
    assert read_ledger(folder / "ledger.db").total().held == 0


def file_of(task: "asyncio.Task[object]") -> str:
    """Where the code of a task stands."""
    coroutine = task.get_coro()
    return coroutine.cr_code.co_filename if isinstance(coroutine, CoroutineType) else ""


async def followed(swarm: Swarm) -> None:
    async with aclosing(swarm.stream("goal")) as events:
        async for _ in events:
            pass


async def test_an_approval_outlives_the_process_that_asked(tmp_path: Path) -> None:
    written: list[str] = []

    def write(text: str) -> str:
        """Writes."""
        written.append(text)
        return "written"

    tool = Tool(
        name="write",
        description="Writes.",
        parameters=tool_from(write).parameters,
        run=tool_from(write).run,
        effects=True,
    )

    def play(request: Request) -> Reply:
        number = upstream.number()
        if has_results(request) or "You are a coder" not in system_of(request):
            return answer("done", generation_id=number)
        return calls(("write", '{"text": "x"}'), number=number)

    spec = AgentSpec(type="coder", tools=[tool])
    upstream = Played(play)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        swarm = deployment.prepare_swarm([spec], on_pause="stop")
        paused = await swarm.run("goal")
        assert (paused.paused, written) == (True, [])
        again: list[PendingApproval] = []
        waiting = deployment.prepare_swarm([spec])
        async for event in waiting.stream("goal"):
            if isinstance(event, ApprovalAsked):
                again.append(event.approval)
                # Somebody else, who has nothing but the database.
                other = Database(sqlite_url(tmp_path / "ledger.db"))
                decide(other, event.approval, Approved(), now_us=1)
                other.close()
    assert (len(again), written) == (1, ["x"])


class City(BaseModel):
    name: str
    people: int


def count_people(city: str) -> str:
    """Counts people."""
    return f"{city}: 3"


async def test_a_typed_answer_beside_tools_goes_by_models_that_cannot_do_both(tmp_path: Path) -> None:
    def play(request: Request) -> Reply:
        number = upstream.number()
        if "tools" in request and "response_format" in request:
            return failure(400, "tools and response_format cannot be used together")
        if "tools" in request:
            return (
                answer("three", generation_id=number)
                if has_results(request)
                else calls(("count_people", '{"city": "Rome"}'), number=number)
            )
        return answer('{"name": "Rome", "people": 3}', generation_id=number)

    upstream = Played(play)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task("Rome?", tools=[count_people], output_type=City)
    assert result.data == City(name="Rome", people=3)
    assert [attempt.status for attempt in result.attempts] == ["accepted"] * 3
    assert len(upstream.requests) == 3


async def test_a_stuck_agent_ends_with_what_it_has_and_says_why(tmp_path: Path) -> None:
    def play(request: Request) -> Reply:
        number = upstream.number()
        if request.get("tool_choice") == "none":
            return answer("nothing was found", generation_id=number)
        return calls(("count_people", '{"city": "Rome"}'), number=number)

    upstream = Played(play)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        events = [e async for e in deployment.stream_task("Rome?", tools=[count_people])]
    assert [event.goes_on for event in events if isinstance(event, LoopNoticed)] == [False, True]
    assert len([event for event in events if isinstance(event, ToolRan)]) == 4
    assert len(upstream.requests) == 5


async def test_a_whole_run_with_a_hand_off(tmp_path: Path) -> None:
    def play(request: Request) -> Reply:
        number = upstream.number()
        if "You are a researcher" in system_of(request):
            return calls(("hand_off_to_writer", '{"reason": "found"}'), number=number)
        return answer("the text", generation_id=number)

    upstream = Played(play)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="researcher", handoffs=["writer"])])
        events = [event async for event in swarm.stream("goal")]
    assert isinstance(events[-1], SwarmFinished)
    assert events[-1].result.results[0].result is not None
    sent = [system_of(request).partition(" who")[0] for request in upstream.requests]
    assert sent[:2] == ["You are a researcher", "You are a writer"]
    book = read_ledger(tmp_path / "ledger.db")
    assert len({call.intent.agent_id for call in book.calls.values()}) == 2  # researcher-1 and the synthesis


def asking_play(request: Request, number: str) -> Reply:
    """A planner that asks a coder, which writes."""
    if has_results(request) or "synthesis" in system_of(request):
        return answer("done", generation_id=number)
    asks = ("ask_coder", '{"task": "write x"}')
    first = asks if "You are a planner" in system_of(request) else ("write", '{"text": "x"}')
    return calls(first, number=number)


async def test_an_asked_agent_that_waits_for_a_person_pauses_who_asked_it_and_both_go_on(
    tmp_path: Path,
) -> None:
    written: list[str] = []

    def write(text: str) -> str:
        """Writes."""
        written.append(text)
        return "written"

    writing = replace(tool_from(write), effects=True)

    spec = AgentSpec(type="planner", delegates=[AgentSpec(type="coder", tools=[writing])])
    upstream = Played(lambda request: asking_play(request, upstream.number()))
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm([spec], on_pause="stop")
        paused = await swarm.run("goal")
    assert (paused.paused, written, len(upstream.requests)) == (True, [], 2)
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        (asked,) = read(connection, run_id=swarm.run_id)
    assert asked.approval.piece == "planner-1/ask_coder-1"
    decide(database, asked.approval, Approved(), now_us=1)
    database.close()
    upstream = Played(lambda request: asking_play(request, upstream.number()))
    async with deployment_on(upstream, tmp_path) as deployment:
        again = await deployment.resume_swarm(swarm.run_id, tools=[writing])
        result = await again.resume()
    assert (result.stopped, written) == (None, ["x"])
    assert (
        len(upstream.requests) == 3
    )  # the coder's answer, the planner's, the synthesis: no first step again
    book = read_ledger(tmp_path / "ledger.db")
    assert from_nano(book.total().settled) == result.total_cost


async def test_in_the_middle_of_native_calls_a_model_without_them_is_told_them_in_words(
    tmp_path: Path,
) -> None:
    async with deployment_on(ScriptedUpstream(), tmp_path, clock=VirtualClock()) as deployment:
        route = deployment.explain("Rome?", tools=[count_people])
    assert not isinstance(route, NoRoute)
    native = route.candidates[0].model

    def play(request: Request) -> Reply:
        number = upstream.number()
        if request["model"] != native:
            assert "tools" not in request
            assert not has_results(request)
            assert "Rome: 3" in str(messages_of(request))
            return answer("three", generation_id=number)
        if has_results(request):
            return failure(503, "gone")
        return calls(("count_people", '{"city": "Rome"}'), number=number)

    rows = cast("list[dict[str, object]]", book_rows("tutorial")["data"])
    plain = [row if row["id"] == native else {**row, "supported_parameters": ["max_tokens"]} for row in rows]
    upstream = Played(play, plain)
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task("Rome?", tools=[count_people])
    assert (result.output, result.emulated_tools) == ("three", True)
