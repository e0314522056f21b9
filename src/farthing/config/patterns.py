"""How the agents of a swarm work together: the patterns, as a file writes them and code passes them on.

Shapes, defaults and bounds. Who plays which part is `swarm/casting.py`'s, doing it `swarm/conducting/`'s.
Parts are named by role; a part that no role is named for is played by an agent of its own.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from farthing.config.section import Fraction, Section

RoleName = Annotated[str, Field(min_length=1)]
Quorum = Fraction


class Stages(Section):
    """The groups of agents one after the other, each reading the earlier results; then one synthesis."""

    type: Literal["stages"] = "stages"


class MapReduce(Section):
    """Each item worked on by itself, side by side; then one answer from all results, in a tree where they
    are many."""

    type: Literal["mapReduce"] = "mapReduce"
    items: tuple[str, ...] = ()
    """What is worked on. Without `items` and `itemsFile`, the splitter divides the goal."""
    items_file: str | None = None
    """A file with an item a line: JSON Lines, or plain text. It is read as the work goes on."""
    mapper: RoleName | None = None
    """The role that works on the items, as many at once as it has agents; None: all without another part."""
    splitter: RoleName | None = None
    """The role that divides the goal into items."""
    max_items: Annotated[int, Field(ge=1, le=1000)] = 32
    """How many items the splitter may make."""
    reducer: RoleName | None = None
    """The role that draws one text from several."""
    fan_in: Annotated[int, Field(ge=2, le=100)] = 12
    """How many results one reduction reads; where there are more, reductions are reduced again."""
    quorum: Quorum = 0.5
    """The share of the items that must succeed, or the run stops."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "MapReduce":
        given = [bool(self.items), self.items_file is not None, self.splitter is not None]
        if sum(given) > 1:
            raise ValueError("give one of items, itemsFile and splitter")
        return self


class Supervisor(Section):
    """One agent hands out assignments to the others, reads what they did, and assigns anew or concludes."""

    type: Literal["supervisor"] = "supervisor"
    supervisor: RoleName | None = None
    """The role that assigns and concludes."""
    workers: tuple[RoleName, ...] = ()
    """The roles that do assignments; empty: all others."""
    rounds: Annotated[int, Field(ge=1, le=50)] = 3
    """How often it may assign."""
    assignments: Annotated[int, Field(ge=1, le=100)] = 8
    """How many assignments one round may have."""


class Debate(Section):
    """All argue, round by round, each reading the others' last arguments; a judge concludes with reasons."""

    type: Literal["debate"] = "debate"
    rounds: Annotated[int, Field(ge=1, le=20)] = 2
    judge: RoleName | None = None
    """The role that concludes."""
    quorum: Quorum = 0.5
    """The share of the agents that must have argued in a round, or the run stops."""


class Vote(Section):
    """All answer independently of each other; votes on `choices` are counted, a judge decides the rest."""

    type: Literal["vote"] = "vote"
    choices: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What may be voted for; empty: answers are text, and the judge draws the conclusion."""
    decide: Literal["majority", "judge"] = "majority"
    """`majority`: the choice with most votes wins, the judge decides ties only."""
    judge: RoleName | None = None
    """The role that decides ties, and text."""
    quorum: Quorum = 0.5
    """The share of the agents that must have voted, or the run stops."""

    @model_validator(mode="after")
    def _choices_differ(self) -> "Vote":
        if len(self.choices) == 1:
            raise ValueError(f"choices is {self.choices[0]!r} alone; give two or more, or none for text")
        if len({one.casefold() for one in self.choices}) < len(self.choices):
            raise ValueError(f"choices has one twice: {', '.join(self.choices)}")
        return self


Pattern: TypeAlias = Stages | MapReduce | Supervisor | Debate | Vote
PatternSection = Annotated[Pattern, Field(discriminator="type")]
PATTERN_TYPES: tuple[str, ...] = ("stages", "mapReduce", "supervisor", "debate", "vote")
