"""An agent with many tools: it is told few, finds the rest, and may call any. By words and by meaning."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.swarm.scripted import Say, Scripted, call, in_turn

from farthing.cache.embed import Embedder
from farthing.cache.meaning import Vector
from farthing.errors import InvalidTaskError
from farthing.result import TaskEvent, TaskFinished, TaskResult
from farthing.swarm.events import LoopEvent, ToolRan
from farthing.swarm.finder import Finder
from farthing.swarm.journal import ToolResult
from farthing.swarm.loop import LoopCaps
from farthing.swarm.offering import SEARCH
from farthing.swarm.toolrun import run_with_tools
from farthing.swarm.tools import tool_from
from farthing.task import StepKey, Task, Tool

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

SUBJECTS = (
    "invoice",
    "parcel",
    "meeting",
    "photo",
    "song",
    "recipe",
    "ticket",
    "contract",
    "plant",
    "planet",
)
VERBS = {"create": "Make a new", "delete": "Remove a", "list": "Show every", "send": "Post a"}


def _made(verb: str, subject: str) -> Tool:
    def run(title: str = "") -> str:
        return f"{verb} {subject} {title}"

    run.__name__, run.__doc__ = f"{verb}_{subject}", f"{VERBS[verb]} {subject}."
    return tool_from(run)


TOOLS = tuple(_made(verb, subject) for subject in SUBJECTS for verb in VERBS)


def work(description: str, tools: tuple[Tool, ...] = TOOLS) -> Task:
    return Task(description=description, tools=tools)


async def events_of(journey: Scripted, task: Task, finder: Finder) -> list[LoopEvent]:
    return [event async for event in run_with_tools(journey, task, caps=LoopCaps(), offer=finder.offer)]


def told(journey: Scripted) -> list[list[str]]:
    return [[tool.name for tool in task.tools] for task in journey.tasks]


async def test_few_are_told_those_that_fit_and_in_the_same_order_for_all_with_that_part() -> None:
    finder = Finder(offered=4, by_meaning=False)
    journeys = [Scripted(script=in_turn([Say(text="done")])) for _ in range(2)]
    for journey in journeys:
        await events_of(journey, work("Submit the contract"), finder)
    (first,) = told(journeys[0])
    assert first[:2] == [SEARCH, "send_contract"]
    assert len(first) == 5
    assert told(journeys[0]) == told(journeys[1])


async def test_what_was_found_is_told_and_run_from_then_on_and_nothing_moves() -> None:
    finder = Finder(offered=4, by_meaning=False)
    steps = [
        Say(calls=(call(SEARCH, '{"query": "get rid of a planet", "limit": 1}', "a"),)),
        Say(calls=(call("delete_planet", '{"title": "Pluto"}', "b"),)),
        Say(text="done"),
    ]
    journey = Scripted(script=in_turn(steps))
    events = await events_of(journey, work("Submit the contract"), finder)
    first, second, third = told(journey)
    assert second == third == [*first, "delete_planet"]
    searched, deleted = (event for event in events if isinstance(event, ToolRan))
    assert json.loads(searched.text)["tools"] == [
        {"name": "delete_planet", "description": "Remove a planet.", "parameters": "title?: string"}
    ]
    assert (deleted.text, deleted.ok) == ("delete planet Pluto", True)


async def test_a_tool_that_was_not_told_is_run_its_arguments_checked_and_told_from_then_on() -> None:
    finder = Finder(offered=4, by_meaning=False)
    steps = [
        Say(calls=(call("list_song", '{"title": {"a": 1}}', "a"),)),
        Say(calls=(call("list_song", '{"title": "all"}', "b"),)),
        Say(text="done"),
    ]
    journey = Scripted(script=in_turn(steps))
    events = await events_of(journey, work("Submit the contract"), finder)
    wrong, right = (event for event in events if isinstance(event, ToolRan))
    assert not wrong.ok
    assert "title" in wrong.text
    assert (right.text, right.ok) == ("list song all", True)
    first, second, third = told(journey)
    assert "list_song" not in first
    assert second == third == [*first, "list_song"]


async def test_a_tool_that_there_is_not_points_to_the_search() -> None:
    finder = Finder(offered=4, by_meaning=False)
    journey = Scripted(script=in_turn([Say(calls=(call("list_songs"),)), Say(text="done")]))
    events = await events_of(journey, work("Submit the contract"), finder)
    (refused,) = (event for event in events if isinstance(event, ToolRan))
    assert "did you mean 'list_song'?" in refused.text
    assert f"{SEARCH} finds others" in refused.text
    assert "list_photo" not in refused.text  # not all forty


async def test_who_has_no_more_than_are_told_has_no_search() -> None:
    finder = Finder(offered=4, by_meaning=False)
    journey = Scripted(script=in_turn([Say(text="done")]))
    await events_of(journey, work("Submit the contract", TOOLS[:4]), finder)
    assert told(journey) == [[tool.name for tool in TOOLS[:4]]]


async def test_our_name_is_ours() -> None:
    finder = Finder(offered=4, by_meaning=False)
    taken = Tool(name=SEARCH, description="", parameters={"type": "object"}, run=print)
    with pytest.raises(InvalidTaskError, match=r"rename it, or raise tools\.offered"):
        await events_of(Scripted(script=in_turn([Say(text="done")])), work("go", (*TOOLS, taken)), finder)


class Kept:
    """Pages of a piece of work: those of an earlier run, and what this one keeps."""

    def __init__(
        self, answers: Mapping[int, TaskResult], results: Mapping[int, Sequence[ToolResult]]
    ) -> None:
        self._answers, self.results = answers, dict(results)

    def key(self, number: int) -> StepKey | None:
        return None

    def answer(self, number: int) -> TaskResult | None:
        return self._answers.get(number)

    def tool_results(self, number: int) -> Sequence[ToolResult] | None:
        return self.results.get(number)

    def keep_tool_results(self, number: int, results: Sequence[ToolResult]) -> None:
        self.results[number] = results


async def test_work_that_is_taken_up_again_is_told_the_same() -> None:
    """Its next step is asked as the first run asked it, though nothing before it is asked or run again."""
    task = work("Submit the contract")
    searching = Say(calls=(call(SEARCH, '{"query": "get rid of a planet", "limit": 1}', "a"),))
    whole, pages = Scripted(script=in_turn([searching, Say(text="done")])), Kept({}, {})
    answers: list[TaskResult] = []

    async def watched(asked: Task) -> AsyncIterator[TaskEvent]:
        async for event in whole(asked):
            if isinstance(event, TaskFinished):
                answers.append(event.result)
            yield event

    again = Scripted(script=in_turn([Say(text="done")]))
    for journey, kept in ((watched, pages), (again, None)):
        known = kept or Kept({0: answers[0]}, {1: pages.results[1]})
        finder = Finder(offered=4, by_meaning=False)
        async for _ in run_with_tools(journey, task, caps=LoopCaps(), pages=known, offer=finder.offer):
            pass
    assert again.tasks[0].tools == whole.tasks[1].tools
    assert "delete_planet" in {tool.name for tool in again.tasks[0].tools}


async def test_by_meaning_what_no_word_leads_to_is_found() -> None:
    words, meaning = Finder(offered=4, by_meaning=False), Finder(offered=4)
    try:
        for finder, found in ((words, False), (meaning, True)):
            journey = Scripted(script=in_turn([Say(text="done")]))
            await events_of(journey, work("Which melodies do I have?"), finder)
            (names,) = told(journey)
            assert ("list_song" in names) is found
    finally:
        meaning.close()


async def test_a_text_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    finder, seen, gist = Finder(offered=4), list[str](), Embedder.gist

    async def counted(embedder: Embedder, text: str) -> Vector:
        seen.append(text)
        return await gist(embedder, text)

    monkeypatch.setattr(Embedder, "gist", counted)
    try:
        for _ in range(2):
            await events_of(Scripted(script=in_turn([Say(text="x")])), work("a song"), finder)
    finally:
        finder.close()
    assert len(seen) == len(frozenset(seen)) == len(TOOLS) + 1
