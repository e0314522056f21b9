"""What looking at the meaning of pieces keeps, beside their words alone, at strong compression.

python -m tests.prompt.meant [QUESTIONS]     so many of each conversation; needs the extra `semantic`
"""

import asyncio
import sys
from collections.abc import Sequence

from tests.prompt.conversations import Conversation, Fact, conversation
from tests.prompt.remembered import HELD_OUT, TUNING, asked, kept

from farthing.cache.embed import Embedder
from farthing.prompt.compress import compressed
from farthing.prompt.nearness import Nearness
from farthing.prompt.tokens import estimate_conversation
from farthing.task import Message

SHARES = (0.2, 0.1, 0.05)
TALKS = 2


async def main(each: int) -> None:
    embedder, nearness = Embedder(), Nearness()
    sys.stdout.write("| Conversations | Tokens left | Facts | Kept by words | Kept by words and meaning |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for name, seeds in (("tuning", TUNING), ("held out", HELD_OUT)):
        talks = [conversation(seed, rare_words=True) for seed in list(seeds)[:TALKS]]
        for share in SHARES:
            questions = [(talk, fact) for talk in talks for fact in talk.facts[:each]]
            words = sum(kept(fact, short(talk, fact, share)) for talk, fact in questions)
            both = 0
            for talk, fact in questions:
                short(talk, fact, share, nearness)  # notes what it lacks
                for text in nearness.wanted():
                    nearness.learn(text, await embedder.gist(text))
                both += kept(fact, short(talk, fact, share, nearness))
            count = len(questions)
            sys.stdout.write(
                f"| {name} | {share:.0%} | {count} | {words / count:.0%} | {both / count:.0%} |\n"
            )
            sys.stdout.flush()
    embedder.close()


def short(
    talk: Conversation, fact: Fact, share: float, nearness: Nearness | None = None
) -> Sequence[Message]:
    long = asked(talk.messages, fact.question)
    target = int(estimate_conversation(long) * share)
    scores = None if nearness is None else nearness.scores
    return compressed(long, target_tokens=target, scores=scores).messages


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
