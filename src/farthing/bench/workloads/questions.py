"""Questions to a shop's support: repeated by Zipf's law, in other words, and look-alikes. Pure.

Two in five are of the tail, with a number of their own, and asked once. The others are of `QUESTIONS`, the
n-th drawn in proportion to 1/n^1.1: 65 % in the usual words, 18 % in others, 17 % are the look-alike.
"""

from collections.abc import Sequence
from random import Random

from farthing.bench.workloads.question_texts import QUESTIONS, TAIL
from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Message, Task

_SYSTEM = """\
You answer for the support of Halden & Quay, a shop for outdoor clothes and boats.
Parcels leave on working days before 15:00. Delivery takes two working days inland and five abroad.
Goods may be sent back within 30 days, unworn; boats within 14 days. Sending back is free inland.
Money comes back in the way it was paid, within five working days of the parcel's arrival.
Members collect a point for each euro and pay no postage above 40 euro; others pay none above 60.
The workshop mends zips and seams for three years after purchase. Answer in at most five sentences.
If something is not said here, tell the customer who can answer it. Never promise a date."""
_TAIL_SHARE, _EXPONENT = 0.40, 1.1


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many questions, each a unit of its own."""
    weights = [1 / (rank + 1) ** _EXPONENT for rank in range(len(QUESTIONS))]
    order = rng.sample(range(len(QUESTIONS)), len(QUESTIONS))
    return [_one(rng, number, order, weights) for number in range(size)]


def _one(rng: Random, number: int, order: Sequence[int], weights: Sequence[float]) -> Work:
    if rng.random() < _TAIL_SHARE:
        code = f"{rng.choice('ABDFHKMR')}{10_000 + number * 7 + rng.randrange(7)}"
        return _work(number, f"tail-{number}", rng.choice(TAIL).format(code=code), (code,))
    place = rng.choices(order, weights)[0]
    question = QUESTIONS[place]
    drawn = rng.random()
    if drawn < 0.65:
        return _work(number, f"q{place}", question.usual)
    if drawn < 0.83:
        return _work(number, f"q{place}", rng.choice(question.others))
    return _work(number, f"q{place}-not", question.lookalike)


def _work(number: int, answer: str, asked: str, sent: tuple[str, ...] = ()) -> Work:
    messages = (Message(role="system", content=_SYSTEM), Message(role="user", content=asked))
    return Work(
        unit=f"question-{number}",
        answer=answer,
        task=Task(messages=messages, type="general"),
        expects=Expectation(sent=sent),
    )
