"""What agents are told in each pattern, and the forms in which they answer. Pure: texts and schemas.

What changes least comes first, so that a provider's prompt cache stays warm from piece to piece.
"""

from collections.abc import Mapping, Sequence

from farthing.swarm.agent import Agent
from farthing.swarm.brief import Earlier, digest

ResponseFormat = Mapping[str, object]


def formed(name: str, schema: Mapping[str, object], *, strict: bool = True) -> ResponseFormat:
    """The `response_format` of a JSON Schema."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": schema}}


def _object(**properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def parts_form(most: int) -> ResponseFormat:
    """The parts that a splitter makes."""
    parts = {"type": "array", "minItems": 1, "maxItems": most, "items": {"type": "string"}}
    return formed("parts", _object(parts=parts), strict=False)


def assignments_form(agent_ids: Sequence[str], most: int) -> ResponseFormat:
    """What a supervisor decides: whether the goal is reached, and who does what."""
    one = _object(agent={"type": "string", "enum": list(agent_ids)}, task={"type": "string"})
    assignments = {"type": "array", "maxItems": most, "items": one}
    return formed("plan", _object(done={"type": "boolean"}, assignments=assignments), strict=False)


def ballot_form(choices: Sequence[str]) -> ResponseFormat:
    """A vote with what it rests on; the reason first, so that it is thought of before the choice."""
    choice = {"type": "string", "enum": list(choices)}
    return formed("ballot", _object(reason={"type": "string"}, choice=choice))


def split_order(goal: str, most: int) -> str:
    return f"Goal: {goal}\n\nDivide the work on this goal into at most {most} parts, each told in full."


def map_order(goal: str, item: str) -> str:
    return (
        f"Goal: {goal}\n\n"
        "A team works towards it, each of you on one item. Work on this item alone, and be brief: what you "
        f"write is read together with the results of others.\n\nItem:\n{item}"
    )


def reduce_order(goal: str, parts: Sequence[Earlier], *, final: bool, failed: str, bound: int) -> str:
    """`failed` tells of items that have no result."""
    asked = (
        "Draw the one complete answer to the goal from the results below."
        if final
        else "Draw one text from the results below, with all in it that the goal needs. Others do the same "
        "with other results, and one of you will read all of your texts."
    )
    lines = [f"Goal: {goal}", asked]
    if failed:
        lines.append(f"{failed} Say so where it matters.")
    return "\n\n".join([*lines, digest(parts, about=goal, bound=bound)])


def plan_order(
    goal: str,
    team: Sequence[Agent],
    done: Sequence[Earlier],
    notes: Sequence[str],
    *,
    rounds_left: int,
    most: int,
    bound: int,
) -> str:
    """`notes` are what the supervisor should know of the rounds before: failures, what was not done."""
    lines = [f"Goal: {goal}", "Your team:\n" + "\n".join(_member(agent) for agent in team)]
    if done:
        lines.append(digest(done, about=goal, bound=bound))
    if notes:
        lines.append("\n".join(notes))
    left = "this is the last time" if rounds_left == 1 else f"{rounds_left} times in all, this one included"
    lines.append(
        f"You may assign {left}, at most {most} assignments at once; those of one round are done side by "
        "side. Set `done` when the results suffice for the goal, else assign what is still needed."
    )
    return "\n\n".join(lines)


def _member(agent: Agent) -> str:
    has = f"; tools: {', '.join(tool.name for tool in agent.tools[:12])}" if agent.tools else ""
    can = f"; here for {', '.join(agent.capabilities)}" if agent.capabilities else ""
    return f"- {agent.id}: {agent.role}, {agent.description.rstrip('.')}{can}{has}"


def assignment_order(goal: str, text: str, done: Sequence[Earlier], *, bound: int) -> str:
    lines = [f"The goal of the team: {goal}"]
    if done:
        lines.append(digest(done, about=text, bound=bound))
    return "\n\n".join([*lines, f"Your assignment, and nothing else:\n{text[:bound]}"])


def conclusion_order(goal: str, done: Sequence[Earlier], notes: Sequence[str], *, bound: int) -> str:
    lines = [f"Goal: {goal}", "Draw the one complete answer to the goal from your team's results."]
    return "\n\n".join([*lines, *notes, digest(done, about=goal, bound=bound)])


def argument_order(
    agent: Agent,
    goal: str,
    last: Sequence[Earlier],
    *,
    number: int,
    rounds: int,
    voices: int,
    bound: int,
) -> str:
    """`last` are the arguments of the round before, this agent's own among them."""
    lines = [f"Question: {goal}", f"You are one of {voices} who debate it over {rounds} rounds."]
    if agent.shares > 1 and not agent.part.startswith("share "):
        lines.append(f"Look at it from this side: {agent.part}.")
    if not last:
        return "\n\n".join([*lines, "Round 1: take a position, and argue for it in a few paragraphs."])
    others = [piece for piece in last if piece.agent_id != agent.id]
    own = [piece for piece in last if piece.agent_id == agent.id]
    if others:
        lines.append(f"The others' arguments. {digest(others, about=goal, bound=bound)}")
    if own:
        lines.append(f"Your own argument of the round before:\n{own[0].text[:bound]}")
    asked = "answer the strongest of the others' points, and say plainly where they have changed your mind."
    return "\n\n".join([*lines, f"Round {number} of {rounds}: {asked}"])


def judge_order(goal: str, last: Sequence[Earlier], *, rounds: int, bound: int) -> str:
    return "\n\n".join(
        [
            f"Question: {goal}",
            f"It was debated over {rounds} rounds. These are the last arguments; conclude, with reasons.",
            digest(last, about=goal, bound=bound),
        ]
    )


def vote_order(agent: Agent, goal: str, choices: Sequence[str], *, number: int, voters: int) -> str:
    lines = [f"Question: {goal}", f"You are number {number} of {voters} who answer it independently."]
    if agent.shares > 1 and not agent.part.startswith("share "):
        lines.append(f"Look at it from this side: {agent.part}.")
    if choices:
        lines.append("Choose one of these:\n" + "\n".join(f"- {choice}" for choice in choices))
    return "\n\n".join([*lines, "Answer for yourself, and give your reason."])


def decide_order(goal: str, answers: Sequence[Earlier], choices: Sequence[str], *, bound: int) -> str:
    """The judge's part of a vote. `choices` are those that are left to decide between."""
    asked = "Decide between: " + "; ".join(choices) + "." if choices else "Conclude from them, with reasons."
    lines = [f"Question: {goal}", f"{len(answers)} answered it independently of each other. {asked}"]
    return "\n\n".join([*lines, digest(answers, about=goal, bound=bound)])
