"""Runs a vote: independent answers, then a count, or a judge where the count does not decide."""

from collections.abc import Sequence

from farthing.config.patterns import Vote
from farthing.swarm.casting import Cast
from farthing.swarm.conducting.rounds import concluded, do_round, stopped_at, too_few
from farthing.swarm.parts import decide_piece, vote_piece
from farthing.swarm.plan import RunFrame
from farthing.swarm.readings import Ballot, counted, read_ballot
from farthing.swarm.results import WorkResult
from farthing.swarm.stages import Conducted, read, run_piece
from farthing.swarm.work import Means


async def conduct_vote(pattern: Vote, cast: Cast, frame: RunFrame, means: Means) -> Conducted:
    """What was chosen, with the votes and reasons; or the judge's conclusion."""
    pieces = [vote_piece(cast, pattern, frame, number) for number in range(1, len(cast.members) + 1)]
    results = await do_round(pieces, frame, means, title="vote", number=1, rounds=2)
    if stopped := too_few(results, pattern.quorum, where="the vote"):
        return Conducted(output="", stopped=stopped)
    answers = [read(result) for result in results if result.ok]
    if not pattern.choices:
        return await concluded(decide_piece(cast, frame, answers, ()), means, who="the judge")
    ballots = _ballots(results, pattern.choices)
    tally = counted([ballot for _, ballot in ballots], pattern.choices)
    reasons = [f"- {agent_id}, for {ballot.choice}: {ballot.reason}" for agent_id, ballot in ballots]
    if pattern.decide == "majority" and len(tally.leaders) == 1:
        return Conducted(output="\n\n".join([tally.leaders[0], tally.text, "\n".join(reasons)]))
    left = tally.leaders if pattern.decide == "majority" and tally.leaders else pattern.choices
    ended = await run_piece(decide_piece(cast, frame, answers, left), means)
    decided = None if ended.result is None else read_ballot(ended.result.output, left)
    if ended.result is None:
        return stopped_at(ended, "the judge")
    if decided is None:
        return Conducted(output="", stopped=f"the judge chose none of {', '.join(left)}")
    said = f"{tally.text} The judge decided: {decided.reason}"
    return Conducted(output="\n\n".join([decided.choice, said, "\n".join(reasons)]))


def _ballots(results: Sequence[WorkResult], choices: Sequence[str]) -> list[tuple[str, Ballot]]:
    """The votes that choose something, with who cast them."""
    read_ = [
        (result.agent_id, read_ballot(result.result.output, choices))
        for result in results
        if result.result is not None
    ]
    return [(agent_id, ballot) for agent_id, ballot in read_ if ballot is not None]
