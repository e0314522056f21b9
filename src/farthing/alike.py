"""Where a task's answer may come from before a model is asked: the same task, or the same question in other
words. And what is kept when a model has answered.

The exact cache goes first (`reuse.py`), the semantic one after it has missed. A semantic hit that is drawn to
be rechecked is asked anew, with the purpose `recheck`; if that fails, its kept answer is given after all.
"""

import asyncio

from msgspec import structs

from farthing.attempt import Call, Means
from farthing.cache.answer import Asked, may_be_kept
from farthing.cache.flight import Hit
from farthing.cache.key import PolicyMemo, question_key
from farthing.cache.meaning import question_in
from farthing.cache.questions import encode
from farthing.cache.semantic import NoMatch, Question
from farthing.journey import Journey
from farthing.reuse import asked_of, land
from farthing.task import Completion


async def recall(means: Means, journey: Journey, policies: PolicyMemo) -> Hit | None:
    """An earlier answer; None where there is none: then this journey may lead those who ask for it."""
    asked = asked_of(means, journey, policies)
    if asked is None:
        return None
    if journey.plan is not None and (journey.awaits_hour or journey.plan.in_batch):
        asked = structs.replace(asked, flies=False)  # nobody is to wait for one that may wait itself
    question = _question_of(means, journey, asked, policies)
    if question is not None and question.setting is not None:
        asked = structs.replace(asked, setting=question.setting, question=encode(question.text))
    found = await means.answers.take(asked, until=journey.deadline)
    if isinstance(found, Hit):
        # Another process may have kept it, or an earlier start.
        if question is not None and not means.semantic.knows(asked.key):
            means.semantic.remember(question, most=asked.max_size)
        return found
    journey.lead = found
    if question is None:
        return None
    try:
        hit = await _reworded(means, journey, asked, question)
    except BaseException:
        if found is not None:
            found.end()
        raise
    if hit is not None and found is not None:
        found.end()
        journey.lead = None
    return hit


def keep(means: Means, journey: Journey, call: Call, completion: Completion) -> None:
    """What a model answered, for those who ask the same; and what that says of a hit that was rechecked."""
    if journey.lead is not None:
        land(means, journey.lead, call, completion, cut=journey.cut)
        if journey.question is not None and may_be_kept(completion, clamped=call.clamped):
            means.semantic.remember(journey.question, most=journey.lead.asked.max_size)
    if journey.kept is not None:
        settings = means.config.optimization.caching.semantic
        compared = means.semantic.rechecked(
            journey.route.task_type, journey.kept.answer.text, completion.text, settings
        )
        means.under_way.own(asyncio.ensure_future(compared))


def _question_of(means: Means, journey: Journey, asked: Asked, policies: PolicyMemo) -> Question | None:
    if not means.config.optimization.caching.semantic.enabled:
        return None
    text = question_in(journey.task, asked.task_type)
    if text is None:
        return None
    setting = question_key(journey.task, policy=policies.of(means.config))
    return Question(
        frame=f"{asked.task_type} {setting}",
        key=asked.key,
        text=text,
        setting=setting if asked.shared else None,
    )


async def _reworded(means: Means, journey: Journey, asked: Asked, question: Question) -> Hit | None:
    """The answer to the same question in other words, unless it is drawn to be asked anew."""
    semantic, settings = means.semantic, means.config.optimization.caching.semantic
    journey.question = question
    found = await semantic.find(question, asked.task_type, settings, most=asked.max_size)
    if isinstance(found, NoMatch):
        return None
    other = structs.replace(asked, key=found.key, flies=False)
    kept = await means.answers.take(other, until=journey.deadline)
    if not isinstance(kept, Hit):
        semantic.forget(found.key)
        return None
    hit = Hit(kept.answer, "semantic")
    if semantic.draws(asked.task_type, settings, chance=means.rng.random()):
        journey.kept = hit
        journey.task = structs.replace(journey.task, purpose="recheck")
        return None
    return hit
