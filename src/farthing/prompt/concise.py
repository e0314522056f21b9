"""Asks for a concise answer, where nothing in the conversation says how long or in which form it shall be.

Pure. The words stand at the end of the system message and are always the same for a type of task, and within
a conversation, so that the provider's prompt cache goes on finding the prefix. What the caller or a schema
says of length or form is left to stand alone; and a prompt that is not English is not answered to in English.
"""

import re
from collections.abc import Mapping

from msgspec import structs

from farthing.task import Message, Purpose, Task, TaskType

INSTRUCTIONS: Mapping[TaskType, str] = {
    "simple": "Answer in as few words as are clear.",
    "general": "Be concise: give the answer first, then only what is needed to use it. No introduction, no "
    "summary, no repetition of the question.",
    "analysis": "Be concise: state the findings and the reasons that carry them, a sentence for each. No "
    "introduction and no summary.",
    "coding": "Be concise: give the whole code, then only what a reader needs to use it, in at most three "
    "sentences.",
}
"""By type of task. `structured` has none: its form is given."""

_IN_CONVERSATION = INSTRUCTIONS["general"]
"""The type may change from turn to turn; these words may not, or every turn would be a new prefix."""

_PURPOSES: tuple[Purpose, ...] = ("task", "synthesis")

_UNITS = r"(?:words?|sentences?|paragraphs?|pages?|lines?|characters?|tokens?|bullets?|points?|items?|steps?)"
_NUMBERS = r"(?:\d[\d,.]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|a few|several|single)"
_STATED = re.compile(
    rf"\b{_NUMBERS}[ -](?:\w+[ -])?{_UNITS}\b"
    r"|\b(?:in (?:great |full |more |some )?detail|detailed|details|step[- ]by[- ]step|thorough(?:ly)?"
    r"|comprehensive(?:ly)?|exhaustive(?:ly)?|elaborate|in[- ]depth|at length|at least|at most|no more than"
    r"|up to \d+|concise(?:ly)?|brief(?:ly)?|verbose|terse|succinct(?:ly)?|in short|word (?:limit|count)|tldr"
    r"|(?:long|longer|lengthy|short|shorter|full|complete)(?:,? \w+)? (?:answer|text|report|explanation"
    r"|description|summary|response|reply|version|guide|tutorial|list)"
    r"|essay|story|poem|novel|chapter|article|blog post|speech|cover letter"
    r"|(?:as|in|to|into|with) (?:an? |the )?(?:\w+ )?(?:json|ya?ml|xml|csv|html|markdown|latex|table|bullets?"
    r"|bullet points?|list|outline)|format(?:ted)?|word for word|verbatim|show (?:your|all|each|every)"
    r"|explain (?:your|each|every)|translate|rewrite|proofread|transcribe)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:the|what|how|why|which|who|when|this|that|with|and|does|please|explain|write|are)\b", re.IGNORECASE
)


def told_concisely(task: Task, task_type: TaskType) -> Task:
    """The task with the instruction for its type; the task itself where none is due."""
    words = _words(task, task_type)
    if words is None:
        return task
    first, *others = task.conversation
    if first.role == "system" and isinstance(first.content, str):
        told = structs.replace(first, content=f"{first.content}\n\n{words}")
        return structs.replace(task, messages=(told, *others))
    return structs.replace(task, messages=(Message(role="system", content=words), *task.conversation))


def _words(task: Task, task_type: TaskType) -> str | None:
    if task.response_format is not None or task.tools or task.max_tokens is not None:
        return None
    if task.purpose not in _PURPOSES or task_type not in INSTRUCTIONS:
        return None
    conversation = task.conversation
    if any(message.role in ("system", "user") and _STATED.search(message.text) for message in conversation):
        return None
    if not any(message.role == "user" and _ENGLISH.search(message.text) for message in conversation):
        return None
    turns = bool(task.session_id) or any(message.role == "assistant" for message in conversation)
    return _IN_CONVERSATION if turns else INSTRUCTIONS[task_type]
