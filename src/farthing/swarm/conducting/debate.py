"""Runs a debate: rounds of arguments, then a judge. Who does not argue in a round may do so in the next."""

from farthing.config.patterns import Debate
from farthing.swarm.brief import Earlier
from farthing.swarm.casting import Cast
from farthing.swarm.conducting.rounds import concluded, do_round, too_few
from farthing.swarm.parts import argument_piece, judge_piece
from farthing.swarm.plan import RunFrame
from farthing.swarm.stages import Conducted, read
from farthing.swarm.work import Means


async def conduct_debate(pattern: Debate, cast: Cast, frame: RunFrame, means: Means) -> Conducted:
    """The judge's conclusion; stops where a round has no quorum."""
    last: dict[str, Earlier] = {}
    for number in range(1, pattern.rounds + 1):
        pieces = [
            argument_piece(agent, pattern, frame, number, list(last.values()), voices=len(cast.members))
            for agent in cast.members
        ]
        title = f"round {number} of {pattern.rounds}"
        results = await do_round(pieces, frame, means, title=title, number=number, rounds=pattern.rounds + 1)
        if stopped := too_few(results, pattern.quorum, where=f"round {number}"):
            return Conducted(output="", stopped=stopped)
        last |= {result.agent_id: read(result) for result in results if result.ok}
        last = {agent.id: last[agent.id] for agent in cast.members if agent.id in last}
    return await concluded(judge_piece(cast, pattern, frame, list(last.values())), means, who="the judge")
