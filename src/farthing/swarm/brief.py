"""What an agent is told: its system prompt, its share of the goal, and a digest of earlier results.

Decides wording and what is cut to keep the digest within its bound; whatever is cut is said in the prompt.
Who the agents are is `agent.py`'s.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from farthing.swarm.agent import SYNTHESIS, Agent
from farthing.task import Message

DIGEST_CHARS = 24_000
"""Default bound of a digest: about 6,000 tokens of English."""
_LEAST_CHARS = 400
"""A result that would get less room than this is left out, and named."""
_RELEVANCE_CHARS = 4_000
_WORD = re.compile(r"[a-z]{4,}")

_SYNTHESIS_ORDERS = (
    "You write the synthesis of a team's work. Draw one complete answer to the goal from the parts below. "
    "Keep what is agreed, decide where parts contradict each other and say so, keep code whole, and name "
    "what is still open. Add no facts of your own."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A finished piece of work that later ones read. `stage` counts from 1."""

    agent_id: str
    stage: int
    title: str
    text: str


def system_prompt(agent: Agent) -> str:
    """What the agent is, its orders, and which of its capabilities have no tool behind them."""
    article = "an" if agent.role[:1].lower() in "aeiou" else "a"
    lines = [f"You are {article} {agent.role} {_clause(agent.description)}", agent.instructions]
    if agent.capabilities:
        lines.append(f"You are here for: {', '.join(agent.capabilities)}.")
    if agent.untooled:
        lines.append(
            f"You have no tool for: {', '.join(agent.untooled)}. Work from what you know and the text "
            "you are given, and never claim to have looked something up or run something."
        )
    return "\n".join(line for line in lines if line)


def stage_messages(
    agent: Agent, goal: str, earlier: Sequence[Earlier], *, digest_chars: int = DIGEST_CHARS
) -> tuple[Message, ...]:
    """The conversation that opens an agent's share of a stage."""
    lines = [f"Goal: {goal}", f"Your part: {agent.part}"]
    if agent.shares > 1:
        lines.append(
            f"You are number {agent.share} of {agent.shares} at this stage; the others take the other parts, "
            "so keep to yours."
        )
    body = "\n".join(lines)
    if earlier:
        body += "\n\n" + digest(earlier, about=f"{agent.role} {agent.part} {goal}", bound=digest_chars)
    return (Message(role="system", content=system_prompt(agent)), Message(role="user", content=body))


def synthesis_messages(
    goal: str, earlier: Sequence[Earlier], *, digest_chars: int = DIGEST_CHARS
) -> tuple[Message, ...]:
    """The conversation that asks for the one answer of the whole run."""
    body = f"Goal: {goal}\n\n" + digest(earlier, about=f"{SYNTHESIS} {goal}", bound=digest_chars)
    return (Message(role="system", content=_SYNTHESIS_ORDERS), Message(role="user", content=body))


def asked_messages(agent: Agent, asker: str, task: str) -> tuple[Message, ...]:
    """The conversation that opens an agent's work for another one, which asked for it."""
    body = f"{asker} asks you for this, and reads your answer:\n\n{task}"
    return (Message(role="system", content=system_prompt(agent)), Message(role="user", content=body))


def handed_messages(
    agent: Agent,
    conversation: Sequence[Message],
    giver: str,
    reason: str,
    *,
    digest_chars: int = DIGEST_CHARS,
) -> tuple[Message, ...]:
    """The conversation as another role goes on with it: what was asked stays word for word, what was done
    since is told in at most `digest_chars` characters, the newest in full."""
    opening = [message for message in _opening(conversation) if message.role != "system"]
    done = conversation[len(_opening(conversation)) :]
    lines: list[str] = []
    for message in reversed(done):
        room = digest_chars - sum(map(len, lines))
        said = _told(message)
        if room < _LEAST_CHARS and said:
            lines.append("[Earlier steps are left out.]")
            break
        lines.extend([said[:room] + (" […]" if len(said) > room else "")] if said else [])
    told = "\n\n".join(["What was done so far, oldest first:", *reversed(lines)]) if lines else ""
    note = f"The {giver} worked on this before you and hands it over to you: {reason}"
    return (
        Message(role="system", content=system_prompt(agent)),
        *opening,
        Message(role="user", content="\n\n".join(filter(None, (note, told)))),
    )


def _opening(conversation: Sequence[Message]) -> Sequence[Message]:
    """What came before the first answer."""
    first = next((at for at, one in enumerate(conversation) if one.role == "assistant"), len(conversation))
    return conversation[:first]


def _told(message: Message) -> str:
    """A message of a conversation as a line of a digest."""
    if message.role == "tool":
        return f"- {message.name}: {message.text}"
    calls = ", ".join(f"{call.name} {call.arguments}" for call in message.tool_calls)
    return "\n".join(filter(None, (message.text, f"- calls {calls}" if calls else "")))


def digest(earlier: Sequence[Earlier], *, about: str, bound: int) -> str:
    """Earlier results, newest stage and most relevant first, in at most `bound` characters of their text.

    Relevance is the number of words (four letters or more) shared with `about`. Short results stay whole and
    long ones share the room that is left; the last lines say what was cut or left out.
    """
    wanted = frozenset(_words(about))
    ordered = sorted(earlier, key=lambda piece: (-piece.stage, -_relevance(piece, wanted)))
    kept = ordered[: max(1, bound // _LEAST_CHARS)]
    room = _share_out([len(piece.text) for piece in kept], bound)
    blocks = ["Results so far, newest first:"]
    for piece, size in zip(kept, room, strict=True):
        shown = piece.text if size >= len(piece.text) else f"{piece.text[:size]} […]"
        blocks.append(f"## {piece.agent_id} ({piece.title})\n{shown}")
    cut = [p.agent_id for p, size in zip(kept, room, strict=True) if size < len(p.text)]
    blocks.extend(_said(cut, [piece.agent_id for piece in ordered[len(kept) :]], earlier, bound))
    return "\n\n".join(blocks)


def _said(cut: list[str], left: list[str], earlier: Sequence[Earlier], bound: int) -> list[str]:
    if not cut and not left:
        return []
    parts = [f"shortened: {', '.join(cut)}"] if cut else []
    parts += [f"left out: {', '.join(left)}"] if left else []
    total = sum(len(piece.text) for piece in earlier)
    return [f"[These results were cut to {bound:,} of {total:,} characters; {'; '.join(parts)}.]"]


def _share_out(sizes: Sequence[int], bound: int) -> list[int]:
    """How much of each fits: equal shares, where what a short one leaves goes to the longer ones."""
    room = [0] * len(sizes)
    left = bound
    for done, at in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        room[at] = min(sizes[at], left // (len(sizes) - done))
        left -= room[at]
    return room


def _relevance(piece: Earlier, wanted: frozenset[str]) -> int:
    return len(wanted & set(_words(f"{piece.title} {piece.text[:_RELEVANCE_CHARS]}")))


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(text.lower())


def _clause(description: str) -> str:
    """The description as it goes on after "You are a coder": a clause stays, anything else gets a colon."""
    text = description.strip()
    if not text:
        return "in a team."
    joined = text if text.startswith(("who ", "in ", "for ")) else f"in a team: {text}"
    return joined if joined.endswith((".", "!", "?")) else f"{joined}."
