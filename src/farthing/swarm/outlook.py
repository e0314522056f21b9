"""The pieces a run will have, before there is a result: how many, and the tasks they will send. Pure.

Each is made as the run itself makes it (`parts.py`, `plan.py`), twice: with texts of an assumed length where
earlier results will stand, for what is expected, and with the longest that may stand there, for the worst
case. What they cost is `costing.py`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import assert_never

from farthing.config.patterns import Debate, MapReduce, Pattern, Stages, Supervisor, Vote
from farthing.swarm import parts
from farthing.swarm.agent import SYNTHESIS, Agent
from farthing.swarm.brief import Earlier
from farthing.swarm.casting import Cast, cast_of
from farthing.swarm.plan import Piece, RunFrame, stage_task, synthesis_task
from farthing.task import Task

ASSUMED_RESULT_CHARS = 2_000
"""How long an estimate takes an agent's result to be: about 500 tokens."""
ASSUMED_ROUNDS = 2
"""How often a supervisor is expected to assign, where it may more often."""
WIDEST = "\N{GRINNING FACE}"
"""Four bytes in UTF-8, as many as a character can have: a reservation counts bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What is known of the items of a map before it runs."""

    count: int
    mean_chars: int
    longest: str
    """The item with the most bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Pieces that are alike: `expected` of them, `most` at most. `first`: they begin the run."""

    name: str
    task: Task
    fullest: Task
    """The task with the longest texts that it may have."""
    expected: int
    most: int
    first: bool = False
    pooled: bool = False
    """Whether it is decided on the way which of the pooled pieces there will be: the dearest may be all."""


def facts_of(items: Sequence[str]) -> ItemFacts:
    """The facts of items that are at hand."""
    return ItemFacts(
        count=len(items),
        mean_chars=sum(map(len, items)) // max(1, len(items)),
        longest=max(items, key=lambda item: len(item.encode()), default=""),
    )


def outlook(
    agents: Sequence[Agent], pattern: Pattern, frame: RunFrame, items: ItemFacts | None = None
) -> tuple[Outlook, ...]:
    """All pieces of a run. `items` are the facts of a file's; those of a pattern's own are not needed."""
    match pattern:
        case Stages():
            return _stages(agents, frame)
        case MapReduce():
            return _map_reduce(pattern, cast_of(pattern, agents), frame, items)
        case Supervisor():
            return _supervisor(pattern, cast_of(pattern, agents), frame)
        case Debate():
            return _debate(pattern, cast_of(pattern, agents), frame)
        case Vote():
            return _vote(pattern, cast_of(pattern, agents), frame)
        case _:
            assert_never(pattern)


def _stages(agents: Sequence[Agent], frame: RunFrame) -> tuple[Outlook, ...]:
    made: list[Outlook] = []
    usual: list[Earlier] = []
    full: list[Earlier] = []
    for number in sorted({agent.stage for agent in agents}):
        stage = [agent for agent in agents if agent.stage == number]
        made.extend(
            Outlook(
                name=agent.id,
                task=stage_task(agent, frame, usual),
                fullest=stage_task(agent, frame, full),
                expected=1,
                most=1,
                first=not usual,
            )
            for agent in stage
        )
        usual.extend(_results(stage, number, frame, widest=False))
        full.extend(_results(stage, number, frame, widest=True))
    synthesis = Outlook(
        name=SYNTHESIS,
        task=synthesis_task(frame, usual),
        fullest=synthesis_task(frame, full),
        expected=1,
        most=1,
    )
    return (*made, synthesis)


def _map_reduce(
    pattern: MapReduce, cast: Cast, frame: RunFrame, items: ItemFacts | None
) -> tuple[Outlook, ...]:
    split = not pattern.items and pattern.items_file is None
    if split:
        facts = ItemFacts(
            count=pattern.max_items,
            mean_chars=ASSUMED_RESULT_CHARS // 4,
            longest=WIDEST * frame.digest_chars,
        )
        expected = ceil(pattern.max_items / 2)
    else:
        facts = items or facts_of(pattern.items)
        expected = facts.count
    made: list[Outlook] = []
    if split:
        piece = parts.split_piece(cast, pattern, frame)
        made.append(_once(piece, piece, first=True))
    usual_item = _text(facts.mean_chars)
    for share, _ in enumerate(cast.members, start=1):
        here = _share(expected, len(cast.members), share)
        most = _share(facts.count, len(cast.members), share)
        if most:
            usual = parts.map_piece(cast, frame, share, usual_item)
            full = parts.map_piece(cast, frame, share, facts.longest)
            made.append(
                Outlook(
                    name=usual.name,
                    task=usual.task,
                    fullest=full.task,
                    expected=here,
                    most=most,
                    first=not split,
                )
            )
    return (*made, *_reductions(pattern, cast, frame, expected, facts.count))


def _reductions(
    pattern: MapReduce, cast: Cast, frame: RunFrame, expected: int, most: int
) -> tuple[Outlook, ...]:
    group = min(pattern.fan_in, max(expected, 1))
    usual = [_stand_in(f"item {number}", 1, widest=False, frame=frame) for number in range(group)]
    full = [_stand_in(f"item {number}", 1, widest=True, frame=frame) for number in range(pattern.fan_in)]
    failed = f"{most:,} of {most:,} items have no result."
    last = _once(
        parts.reduce_piece(cast, frame, "", usual, final=True),
        parts.reduce_piece(cast, frame, "", full, final=True, failed=failed),
    )
    inner = _inner(most, pattern.fan_in)
    if not inner:
        return (last,)
    middle = Outlook(
        name=f"{parts.REDUCE}/1/1",
        task=parts.reduce_piece(cast, frame, "1/1", usual, final=False).task,
        fullest=parts.reduce_piece(cast, frame, "1/1", full, final=False, failed=failed).task,
        expected=_inner(expected, pattern.fan_in),
        most=inner,
    )
    return (middle, last)


def _inner(items: int, fan_in: int) -> int:
    """How many reductions there are before the last one, at most."""
    if items <= fan_in:
        return 0
    made = texts = ceil(items / fan_in)
    while texts > fan_in:
        texts = ceil(texts / fan_in)
        made += texts
    return made + 1  # texts of several levels may be left that do not fit the last one at once


def _supervisor(pattern: Supervisor, cast: Cast, frame: RunFrame) -> tuple[Outlook, ...]:
    rounds = min(ASSUMED_ROUNDS, pattern.rounds)
    each = min(pattern.assignments, len(cast.members))
    usual = _results(cast.members, 1, frame, widest=False)
    full = _results(cast.members, 1, frame, widest=True)
    note = f"{WIDEST * 80} failed at: {WIDEST * 80} ({WIDEST * 400})"
    notes = [note] * pattern.assignments
    made = [
        Outlook(
            name="round-1/plan",
            task=parts.plan_piece(cast, pattern, frame, 1, usual, ()).task,
            fullest=parts.plan_piece(cast, pattern, frame, 1, full, notes).task,
            expected=rounds,
            most=pattern.rounds,
            first=True,
        )
    ]
    most = pattern.rounds * pattern.assignments
    workers = len(cast.members)
    for share, agent in enumerate(cast.members, start=1):
        assigned = parts.assignment_piece(
            agent, frame, _text(ASSUMED_RESULT_CHARS // 4), (), round_number=1, number=share
        )
        longest = parts.assignment_piece(
            agent, frame, WIDEST * frame.digest_chars, full, round_number=1, number=share
        )
        made.append(
            Outlook(
                name=f"round-1/{agent.id}",
                task=assigned.task,
                fullest=longest.task,
                expected=_share(rounds * each, workers, share),
                most=_share(most, workers, share),
                pooled=True,
            )
        )
    concluding = parts.conclusion_piece(cast, frame, usual, ())
    return (*made, _once(concluding, parts.conclusion_piece(cast, frame, full, notes)))


def _debate(pattern: Debate, cast: Cast, frame: RunFrame) -> tuple[Outlook, ...]:
    usual = _results(cast.members, 1, frame, widest=False)
    full = _results(cast.members, 1, frame, widest=True)
    made: list[Outlook] = []
    for number in range(1, pattern.rounds + 1):
        for agent in cast.members:
            voices = len(cast.members)
            before = (usual, full) if number > 1 else ((), ())
            made.append(
                _once(
                    parts.argument_piece(agent, pattern, frame, number, before[0], voices=voices),
                    parts.argument_piece(agent, pattern, frame, number, before[1], voices=voices),
                    first=number == 1,
                )
            )
    judged = parts.judge_piece(cast, pattern, frame, usual)
    return (*made, _once(judged, parts.judge_piece(cast, pattern, frame, full)))


def _vote(pattern: Vote, cast: Cast, frame: RunFrame) -> tuple[Outlook, ...]:
    pieces = [parts.vote_piece(cast, pattern, frame, number + 1) for number in range(len(cast.members))]
    usual = _results(cast.members, 1, frame, widest=False)
    full = _results(cast.members, 1, frame, widest=True)
    counted = bool(pattern.choices) and pattern.decide == "majority"
    decided = Outlook(
        name=parts.JUDGE,
        task=parts.decide_piece(cast, frame, usual, pattern.choices).task,
        fullest=parts.decide_piece(cast, frame, full, pattern.choices).task,
        expected=0 if counted else 1,
        most=1,
    )
    return (*(_once(piece, piece, first=True) for piece in pieces), decided)


def _once(usual: Piece, full: Piece, *, first: bool = False) -> Outlook:
    return Outlook(name=usual.name, task=usual.task, fullest=full.task, expected=1, most=1, first=first)


def _share(whole: int, members: int, share: int) -> int:
    return whole // members + (share <= whole % members)


def _results(agents: Sequence[Agent], stage: int, frame: RunFrame, *, widest: bool) -> list[Earlier]:
    return [_stand_in(agent.id, stage, title=agent.title, widest=widest, frame=frame) for agent in agents]


def _stand_in(
    agent_id: str, stage: int, *, widest: bool, frame: RunFrame, title: str | None = None
) -> Earlier:
    """A result that is not there yet. The longest are cut by the digest, as real ones are."""
    text = WIDEST * frame.digest_chars if widest else _text(ASSUMED_RESULT_CHARS)
    named = title or f"{agent_id} of many"
    return Earlier(agent_id=agent_id, stage=stage, title=named + (WIDEST * 80 if widest else ""), text=text)


def _text(chars: int) -> str:
    return "word " * max(1, chars // 5)
