"""The pieces of work of the patterns: their names, who does them, and their tasks. Pure.

A piece's name says its place in the pattern, is unique in the run and the same when the run goes on: results
alone decide what is made here. The same pieces are made for a plan, with texts that stand in for results.
"""

from collections.abc import Sequence

from farthing.config.patterns import Debate, MapReduce, Supervisor, Vote
from farthing.swarm import orders
from farthing.swarm.agent import Agent, limits_of
from farthing.swarm.brief import Earlier, system_prompt
from farthing.swarm.casting import Cast
from farthing.swarm.orders import ResponseFormat
from farthing.swarm.plan import Piece, RunFrame, response_format_of, session_of
from farthing.task import Message, Purpose, Task

SPLIT = "split"
REDUCE = "reduce"
CONCLUSION = "conclusion"
JUDGE = "judge"


def split_piece(cast: Cast, pattern: MapReduce, frame: RunFrame) -> Piece:
    """The division of the goal into items."""
    return _coordinating(
        SPLIT,
        cast.splitter,
        frame,
        orders.split_order(frame.goal, pattern.max_items),
        title="divides the goal",
        stage=1,
        form=orders.parts_form(pattern.max_items),
    )


def map_piece(cast: Cast, frame: RunFrame, number: int, item: str) -> Piece:
    """The work on one item; `number` counts from 1."""
    agent = cast.members[(number - 1) % len(cast.members)]
    text = orders.map_order(frame.goal, item)
    return _working(f"map/{number}", agent, frame, text, title=f"item {number}", stage=1)


def reduce_piece(
    cast: Cast, frame: RunFrame, place: str, parts: Sequence[Earlier], *, final: bool, failed: str = ""
) -> Piece:
    """One reduction. `place` is its level and number, as `1/3`; the final one has none."""
    name = REDUCE if final else f"{REDUCE}/{place}"
    text = orders.reduce_order(frame.goal, parts, final=final, failed=failed, bound=frame.digest_chars)
    title = "one answer from all results" if final else f"one text from {len(parts)} results"
    return _coordinating(name, cast.lead, frame, text, title=title, stage=3 if final else 2)


def plan_piece(
    cast: Cast,
    pattern: Supervisor,
    frame: RunFrame,
    number: int,
    done: Sequence[Earlier],
    notes: Sequence[str],
) -> Piece:
    """What the supervisor decides at the beginning of a round; `number` counts from 1."""
    text = orders.plan_order(
        frame.goal,
        cast.members,
        done,
        notes,
        rounds_left=pattern.rounds - number + 1,
        most=pattern.assignments,
        bound=frame.digest_chars,
    )
    form = orders.assignments_form([agent.id for agent in cast.members], pattern.assignments)
    return _coordinating(
        f"round-{number}/plan", cast.lead, frame, text, title="assigns", stage=number, form=form
    )


def assignment_piece(
    agent: Agent, frame: RunFrame, text: str, done: Sequence[Earlier], *, round_number: int, number: int
) -> Piece:
    """One assignment of a round; `number` counts from 1."""
    body = orders.assignment_order(frame.goal, text, done, bound=frame.digest_chars)
    name = f"round-{round_number}/worker-{number}"
    return _working(name, agent, frame, body, title=" ".join(text.split())[:80], stage=round_number)


def conclusion_piece(cast: Cast, frame: RunFrame, done: Sequence[Earlier], notes: Sequence[str]) -> Piece:
    """The supervisor's answer from what was done."""
    text = orders.conclusion_order(frame.goal, done, notes, bound=frame.digest_chars)
    stage = 1 + max((piece.stage for piece in done), default=0)
    return _coordinating(CONCLUSION, cast.lead, frame, text, title="concludes", stage=stage)


def argument_piece(
    agent: Agent, pattern: Debate, frame: RunFrame, number: int, last: Sequence[Earlier], *, voices: int
) -> Piece:
    """One agent's argument in a round."""
    text = orders.argument_order(
        agent,
        frame.goal,
        last,
        number=number,
        rounds=pattern.rounds,
        voices=voices,
        bound=frame.digest_chars,
    )
    return _working(f"round-{number}/{agent.id}", agent, frame, text, title=f"round {number}", stage=number)


def judge_piece(cast: Cast, pattern: Debate, frame: RunFrame, last: Sequence[Earlier]) -> Piece:
    """The conclusion of a debate."""
    text = orders.judge_order(frame.goal, last, rounds=pattern.rounds, bound=frame.digest_chars)
    return _coordinating(JUDGE, cast.lead, frame, text, title="concludes", stage=pattern.rounds + 1)


def vote_piece(cast: Cast, pattern: Vote, frame: RunFrame, number: int) -> Piece:
    """One agent's answer; `number` counts from 1."""
    agent = cast.members[number - 1]
    text = orders.vote_order(agent, frame.goal, pattern.choices, number=number, voters=len(cast.members))
    form = orders.ballot_form(pattern.choices) if pattern.choices else None
    return _working(f"vote/{agent.id}", agent, frame, text, title="answers", stage=1, form=form)


def decide_piece(cast: Cast, frame: RunFrame, answers: Sequence[Earlier], choices: Sequence[str]) -> Piece:
    """What the judge decides of a vote: between choices, or from text."""
    text = orders.decide_order(frame.goal, answers, choices, bound=frame.digest_chars)
    form = orders.ballot_form(choices) if choices else None
    return _coordinating(JUDGE, cast.lead, frame, text, title="decides", stage=2, form=form)


def _working(
    name: str,
    agent: Agent,
    frame: RunFrame,
    text: str,
    *,
    title: str,
    stage: int,
    form: ResponseFormat | None = None,
) -> Piece:
    task = _task(agent, frame, text, title, purpose="task", form=form or response_format_of(agent))
    return Piece(name=name, task=task, stage=stage, title=title)


def _coordinating(
    name: str,
    agent: Agent,
    frame: RunFrame,
    text: str,
    *,
    title: str,
    stage: int,
    form: ResponseFormat | None = None,
) -> Piece:
    """Work on others' work. It is the task's own, not Farthing's, so its purpose is `synthesis`."""
    task = _task(agent, frame, text, title, purpose="synthesis", form=form)
    return Piece(name=name, task=task, stage=stage, title=title)


def _task(
    agent: Agent,
    frame: RunFrame,
    text: str,
    title: str,
    *,
    purpose: Purpose,
    form: ResponseFormat | None,
) -> Task:
    """A form that the pattern needs leaves no room for the agent's own type of output, nor for its tools."""
    coordinates = purpose == "synthesis"
    return Task(
        description=f"{agent.role} {title} of {frame.goal}",
        messages=(
            Message(role="system", content=system_prompt(agent)),
            Message(role="user", content=text),
        ),
        type=agent.task_type,
        tools=() if coordinates else agent.tools,
        response_format=form,
        output_type=agent.output_type if form is None and not coordinates else None,
        model=agent.model,
        limits=limits_of(agent, frame.run_id, swarm_budget_usd=frame.budget_usd),
        session_id=session_of(frame.run_id, agent.id),
        purpose=purpose,
        run_id=frame.run_id,
        agent_id=agent.id,
        role=agent.role,
    )
