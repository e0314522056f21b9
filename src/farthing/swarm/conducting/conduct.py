"""Runs a swarm by its pattern. Only the choice."""

from collections.abc import Sequence
from typing import assert_never

from farthing.config.patterns import Debate, MapReduce, Pattern, Stages, Supervisor, Vote
from farthing.swarm.agent import Agent
from farthing.swarm.casting import cast_of
from farthing.swarm.conducting.debate import conduct_debate
from farthing.swarm.conducting.mapreduce import conduct_map_reduce
from farthing.swarm.conducting.supervisor import conduct_supervisor
from farthing.swarm.conducting.vote import conduct_vote
from farthing.swarm.plan import RunFrame
from farthing.swarm.stages import Conducted, conduct_stages
from farthing.swarm.work import Means


async def conduct(agents: Sequence[Agent], pattern: Pattern, frame: RunFrame, means: Means) -> Conducted:
    """Runs the goal to its end. Never raises a piece's failure; what is done depends on results alone."""
    match pattern:
        case Stages():
            return await conduct_stages(agents, frame, means)
        case MapReduce():
            return await conduct_map_reduce(pattern, cast_of(pattern, agents), frame, means)
        case Supervisor():
            return await conduct_supervisor(pattern, cast_of(pattern, agents), frame, means)
        case Debate():
            return await conduct_debate(pattern, cast_of(pattern, agents), frame, means)
        case Vote():
            return await conduct_vote(pattern, cast_of(pattern, agents), frame, means)
        case _:
            assert_never(pattern)
