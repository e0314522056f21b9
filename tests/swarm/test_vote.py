"""Votes: counted where they are typed, decided by a judge where they are not or where they tie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.swarm.patterned import ballot, form_of, run, swarm_of, told
from tests.swarm.scripted import Answer, Say, refused

from farthing.config.patterns import Vote
from farthing.errors import TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.readings import Ballot, counted, is_quorate, read_ballot
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

FOUR = AgentSpec(type="analyst", count=4)
CHOICES = ("yes", "no", "later")


def votes(*choices: str, judge: Answer | None = None):
    def script(task: Task) -> Answer:
        if task.role == "judge":
            return judge or TaskFailedError("nobody asked the judge")
        return ballot(choices[int(str(task.agent_id)[-1]) - 1], f"reason of {task.agent_id}")

    return script


async def test_the_choice_with_most_votes_wins_without_a_judge() -> None:
    swarm, journey = swarm_of(votes("no", "yes", "no", "later"), Vote(choices=CHOICES), FOUR)
    result, _ = await run(swarm)
    assert result.output.startswith("no\n\n4 votes: no 2, yes 1, later 1.")
    assert "- analyst-2, for yes: reason of analyst-2" in result.output
    assert {form_of(task) for task in journey.tasks} == {"ballot"}
    assert len(journey.tasks) == 4


async def test_nobody_reads_anothers_vote() -> None:
    swarm, journey = swarm_of(votes("no", "yes", "no", "no"), Vote(choices=CHOICES), FOUR)
    await run(swarm)
    assert not any("reason of" in told(task) for task in journey.tasks)
    assert len({told(task) for task in journey.tasks}) == 4


async def test_a_tie_is_decided_between_its_leaders() -> None:
    judged = votes("no", "yes", "no", "yes", judge=ballot("yes", "it is safer"))
    swarm, journey = swarm_of(judged, Vote(choices=CHOICES), FOUR)
    result, _ = await run(swarm)
    assert result.output.startswith("yes\n\n4 votes: yes 2, no 2. The judge decided: it is safer")
    assert "Decide between: yes; no." in told(journey.tasks[-1])


async def test_a_judge_that_decides_always_reads_all_votes() -> None:
    judged = votes("no", "no", "no", "no", judge=ballot("later"))
    result, _ = await run(swarm_of(judged, Vote(choices=CHOICES, decide="judge"), FOUR)[0])
    assert result.output.startswith("later\n\n4 votes: no 4.")


async def test_text_is_concluded_from_by_the_judge() -> None:
    def script(task: Task) -> Answer:
        return Say(text="so be it" if task.role == "judge" else f"answer of {task.agent_id}")

    swarm, journey = swarm_of(script, Vote(), FOUR)
    result, _ = await run(swarm)
    assert result.output == "so be it"
    assert all(f"answer of analyst-{number}" in told(journey.tasks[-1]) for number in range(1, 5))


async def test_without_a_quorum_there_is_no_vote() -> None:
    def script(task: Task) -> Answer:
        return ballot("yes") if task.agent_id == "analyst-1" else TaskFailedError("no")

    result, _ = await run(swarm_of(script, Vote(choices=CHOICES), FOUR)[0])
    assert result.stopped == "only 1 of 4 succeeded in the vote, and the quorum is 50%; analyst-2: no"
    result, _ = await run(swarm_of(script, Vote(choices=CHOICES, quorum=0.25), FOUR)[0])
    assert result.output.startswith("yes\n\n1 votes: yes 1.")


async def test_a_budget_that_is_met_stops_the_vote_though_there_is_a_quorum() -> None:
    def script(task: Task) -> Answer:
        return refused("deployment") if task.agent_id == "analyst-4" else ballot("yes")

    result, _ = await run(swarm_of(script, Vote(choices=CHOICES), FOUR)[0])
    assert result.stopped == "the budget is exhausted: the limit of deployment would be passed"


@given(st.lists(st.sampled_from(CHOICES)))
def test_votes_add_up_and_the_leaders_have_the_most(cast: list[str]) -> None:
    tally = counted([Ballot(choice=choice) for choice in cast], CHOICES)
    assert sum(tally.votes.values()) == len(cast)
    assert set(tally.leaders) == {c for c in cast if cast.count(c) == max(map(cast.count, cast))}


@pytest.mark.parametrize("text", ["", "yes", "[]", '{"choice": "perhaps"}', '{"choice": 1}'])
def test_what_chooses_nothing_is_no_vote(text: str) -> None:
    assert read_ballot(text, CHOICES) is None


@pytest.mark.parametrize(
    ("done", "asked", "quorum", "enough"), [(0, 0, 0.0, False), (1, 10, 0.0, True), (1, 3, 0.34, False)]
)
def test_one_at_least_must_succeed(done: int, asked: int, quorum: float, *, enough: bool) -> None:
    assert is_quorate(done, asked, quorum) == enough


@pytest.mark.parametrize("choices", [("yes",), ("yes", "Yes")])
def test_choices_must_differ(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="choices"):
        Vote(choices=choices)
