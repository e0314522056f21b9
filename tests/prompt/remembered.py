"""How many planted facts are still there after compression: `python -m tests.prompt.remembered` prints the
table.

Three ways: compressed for the question that is asked; compressed once, and asked later; in steps, as the
pipeline does it turn by turn. Each on the tuning and on the held-out conversations, as they are, without
anything that is read or run twice, and with chatter whose words stand nowhere else.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import msgspec
from tests.prompt.conversations import HELD_OUT, TUNING, Conversation, Fact, asked, conversation, kept

from farthing.prompt.compress import compressed
from farthing.prompt.settled import settle, stretches_of
from farthing.prompt.tokens import estimate_conversation
from farthing.task import Message

SHARE = 0.4


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Facts kept of those asked for, and the share of tokens that was left: the median and the largest."""

    asked: int
    lost: tuple[Fact, ...]
    share: float
    largest_share: float

    @property
    def kept_percent(self) -> float:
        return 100 * (1 - len(self.lost) / self.asked)


def for_the_question(messages: Sequence[Message], fact: Fact, share: float = SHARE) -> tuple[Message, ...]:
    long = asked(messages, fact.question)
    return compressed(long, target_tokens=int(estimate_conversation(long) * share)).messages


def before_the_question(messages: Sequence[Message], share: float = SHARE) -> tuple[Message, ...]:
    target = int(estimate_conversation(messages) * share)
    return compressed(messages, target_tokens=target, question="").messages


def in_steps(messages: Sequence[Message]) -> tuple[Message, ...]:
    """All closed stretches compressed, the rest as it is."""
    stretches = stretches_of(messages)
    head = [one for stretch in stretches for one in settle(messages, *stretch).messages]
    return (*head, *messages[stretches[-1][1] :])


def measure_questions(talks: Sequence[Conversation], *, each: int, share: float = SHARE) -> Measured:
    """The conversation compressed anew for each of so many questions."""
    lost: list[Fact] = []
    shares: list[float] = []
    for talk in talks:
        for fact in talk.facts[:each]:
            made = for_the_question(talk.messages, fact, share)
            shares.append(_share(made, asked(talk.messages, fact.question)))
            lost += [] if kept(fact, made) else [fact]
    return Measured(asked=len(shares), lost=tuple(lost), share=median(shares), largest_share=max(shares))


def measure_once(
    talks: Sequence[Conversation], made_by: Callable[[Sequence[Message]], tuple[Message, ...]]
) -> Measured:
    """The conversation compressed once; then all its facts are looked for."""
    made = [made_by(talk.messages) for talk in talks]
    shares = [_share(short, talk.messages) for short, talk in zip(made, talks, strict=True)]
    lost = [
        fact for short, talk in zip(made, talks, strict=True) for fact in talk.facts if not kept(fact, short)
    ]
    count = sum(len(talk.facts) for talk in talks)
    return Measured(asked=count, lost=tuple(lost), share=median(shares), largest_share=max(shares))


def _share(made: Sequence[Message], given: Sequence[Message]) -> float:
    return estimate_conversation(made) / estimate_conversation(given)


def table(*, each: int = 50) -> str:
    """The figures as `docs/guides/context.md` shows them. `each`: questions asked of each conversation."""
    lines = [
        "| Conversations | Way | Facts | Kept, tuning | Kept, held out | Tokens left (median, most) |",
        "|---|---|---|---|---|---|",
    ]
    kinds = {
        "as they are": {},
        "nothing read or run twice": {"repeats": False},
        "rare words in the chatter": {"rare_words": True},
    }
    for name, flags in kinds.items():
        halves = [[conversation(seed, **flags) for seed in seeds] for seeds in (TUNING, HELD_OUT)]
        ways: dict[str, Callable[[Sequence[Conversation]], Measured]] = {
            "for the question": lambda talks: measure_questions(talks, each=each),
            "before any question": lambda talks: measure_once(talks, before_the_question),
            "before, to 20 %": lambda talks: measure_once(talks, partial(before_the_question, share=0.2)),
            "before, to 10 %": lambda talks: measure_once(talks, partial(before_the_question, share=0.1)),
            "in steps": lambda talks: measure_once(talks, in_steps),
        }
        for way, measure in ways.items():
            one, other = (measure(half) for half in halves)
            most = max(one.largest_share, other.largest_share)
            lines.append(
                f"| {name} | {way} | {one.asked + other.asked} | {one.kept_percent:.1f} % |"
                f" {other.kept_percent:.1f} % | {median([one.share, other.share]):.1%}, {most:.1%} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(each=int(sys.argv[1]) if len(sys.argv) > 1 else 50) + "\n")
