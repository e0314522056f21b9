"""What coordinating answers say, read from their text: parts, assignments, ballots; and votes counted. Pure.

Read from the text and not from `data`, because a run that goes on has the text from its journal. The pipeline
has checked the form; what is missing all the same reads as nothing said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a splitter made."""

    parts: tuple[str, ...] = ()


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work for one agent, by id."""

    agent: str
    task: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor decided."""

    done: bool = False
    assignments: tuple[Assignment, ...] = ()


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """One vote and what it rests on."""

    choice: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Votes by choice, most first; `leaders` are those with the most: several where there is a tie."""

    votes: Mapping[str, int]
    leaders: tuple[str, ...]

    @property
    def text(self) -> str:
        said = ", ".join(f"{choice} {count}" for choice, count in self.votes.items())
        return f"{sum(self.votes.values())} votes: {said}."


def read_parts(text: str, most: int) -> tuple[str, ...]:
    """The parts that say something, at most so many."""
    try:
        parts = msgspec.json.decode(text, type=Parts).parts
    except msgspec.MsgspecError:
        return ()
    return tuple(part.strip() for part in parts if part.strip())[:most]


def read_plan(text: str, agent_ids: Sequence[str], most: int) -> tuple[Plan, str]:
    """The plan with what may be done of it, and what to tell the supervisor of the rest."""
    try:
        plan = msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError:
        return Plan(), "Your last plan could not be read."
    known = [one for one in plan.assignments if one.agent in agent_ids and one.task.strip()]
    left = len(plan.assignments) - len(known[:most])
    note = f"{left} of your last assignments were not done: too many, empty, or for nobody." if left else ""
    return Plan(done=plan.done, assignments=tuple(known[:most])), note


def read_ballot(text: str, choices: Sequence[str]) -> Ballot | None:
    """The vote; None for one that chooses nothing of what there is."""
    try:
        ballot = msgspec.json.decode(text, type=Ballot)
    except msgspec.MsgspecError:
        return None
    return ballot if ballot.choice in choices else None


def counted(ballots: Sequence[Ballot], choices: Sequence[str]) -> Tally:
    """The votes; choices without one are left out, ties stand in the order of the choices."""
    votes = {choice: sum(ballot.choice == choice for ballot in ballots) for choice in choices}
    cast = sorted((choice for choice in choices if votes[choice]), key=lambda choice: -votes[choice])
    most = max(votes.values(), default=0)
    return Tally(
        votes={choice: votes[choice] for choice in cast},
        leaders=tuple(choice for choice in cast if votes[choice] == most),
    )


def is_quorate(done: int, asked: int, quorum: float) -> bool:
    """Whether enough succeeded: at least one, and at least that share."""
    return done > 0 and done >= quorum * asked
