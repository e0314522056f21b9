"""What kind of task this is, how hard, and how big: by local rules, in microseconds, with a confidence.

Reads the last user message and the description, and of long texts only the head and the tail. Chooses no
model and knows no price; the words it weighs are in `evidence.py`.
"""

from collections.abc import Iterable

import msgspec

from farthing.prompt.tokens import estimate_conversation
from farthing.routing import evidence
from farthing.task import TASK_TYPES, Complexity, Task, TaskType

HEAD_CHARACTERS = 800
TAIL_CHARACTERS = 400
"""Instructions stand at the beginning or the end; what lies between is material."""

_GENERAL_PRIOR = 1.5
_SCHEMA_POINTS = 6.0
_CODE_CEILING = 6.0
_BASE_COMPLEXITY: dict[TaskType, float] = {
    "coding": 2.0,
    "analysis": 2.2,
    "general": 2.0,
    "structured": 0.6,
    "simple": -2.0,
}
_MEDIUM_FROM = 1.5
_HIGH_FROM = 4.5


class Features(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What routing knows of a task. `input_tokens` is an estimate; `reasons` are for people."""

    task_type: TaskType
    complexity: Complexity
    confidence: float
    """0–1; 1.0 when the caller named the type. Comparable between tasks, not a probability."""
    input_tokens: int
    needs_tools: bool
    needs_schema: bool
    reasons: tuple[str, ...] = ()


class _Prompt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The bounded text in the forms that the rules read."""

    lowered: str
    words: list[str]
    distinct: frozenset[str]
    length: int
    """Characters of the whole text, before it was bounded."""


def classify(task: Task) -> Features:
    """Type, complexity and needs of a task. A type or complexity that the caller gave is taken as it is."""
    conversation = task.conversation
    needs_schema = task.wants_json
    needs_tools = bool(task.tools) or any(m.tool_calls or m.role == "tool" for m in conversation)
    prompt: _Prompt | None = None
    task_type, confidence, reasons = task.type, 1.0, ("the caller named the type",)
    if task_type is None:
        prompt = _prompt_of(task)
        task_type, confidence, reasons = _type_of(prompt, needs_schema=needs_schema)
    complexity = task.complexity
    if complexity is None:
        complexity = _complexity_of(prompt or _prompt_of(task), task_type)
    return Features(
        task_type=task_type,
        complexity=complexity,
        confidence=confidence,
        input_tokens=estimate_conversation(conversation, task.tools),
        needs_tools=needs_tools,
        needs_schema=needs_schema,
        reasons=reasons,
    )


def _prompt_of(task: Task) -> _Prompt:
    text = next((m.text for m in reversed(task.messages) if m.role == "user"), "")
    if task.description:
        text = f"{task.description[:HEAD_CHARACTERS]}\n{text}" if text else task.description
    length = len(text)
    if length > HEAD_CHARACTERS + TAIL_CHARACTERS:
        text = f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"
    lowered = text.lower()
    words = _words(lowered)
    return _Prompt(lowered=lowered, words=words, distinct=frozenset(words), length=length)


def _words(lowered: str) -> list[str]:
    return lowered.encode("utf-8", "replace").translate(_SEPARATORS).decode("utf-8").split()


def _type_of(prompt: _Prompt, *, needs_schema: bool) -> tuple[TaskType, float, tuple[str, ...]]:
    points: dict[TaskType, float] = dict.fromkeys(TASK_TYPES, 0.0)
    points["general"] = _GENERAL_PRIOR
    words = sorted(prompt.distinct & _KNOWN_WORDS)
    for word in words:
        for task_type, weight in _WEIGHTS[word]:
            points[task_type] += weight
    _add_marks(points, prompt)
    short = _short_request(prompt)
    points["simple"] += short
    if needs_schema:
        points["structured"] += _SCHEMA_POINTS
    best, second = sorted(points, key=points.__getitem__, reverse=True)[:2]
    return best, _confidence(points[best], points[second]), tuple(_reasons(best, words, short, needs_schema))


def _add_marks(points: dict[TaskType, float], prompt: _Prompt) -> None:
    """Code counts up to a ceiling: a long paste says no more than a short one."""
    lowered = prompt.lowered
    code = 0.0
    for character, marks in _MARKS:
        if character in lowered:  # one look spares several: plain prose has none of them
            for mark, weight in marks:
                if mark in lowered:
                    code += weight
    for word in prompt.distinct & _MARK_WORDS:
        if f"{word} " in lowered:
            code += evidence.CODE_WORDS[word]
    points["coding"] += min(code, _CODE_CEILING)
    for word in prompt.distinct & _PHRASE_WORDS:
        for phrase, task_type, weight in _PHRASES[word]:
            if phrase in lowered:
                points[task_type] += weight


def _short_request(prompt: _Prompt) -> float:
    """Points for one short question of fact: few words, an opener, nothing about the asker's own affairs."""
    words = prompt.words
    if not words or len(words) > 14 or prompt.length > 90:
        return 0.0
    points = 1.0 if len(words) <= 4 else 0.0
    if words[0] in evidence.FACT_OPENERS and not prompt.distinct & evidence.ADVICE:
        points += 3.0 if len(words) <= 10 else 2.0
    return points


def _confidence(best: float, second: float) -> float:
    """How far the best type leads, damped while there is little evidence at all."""
    lead = (best - second) / (best + second) if best + second > 0 else 0.0
    strength = min(1.0, best / 4.0)
    return round(max(0.0, min(0.99, (0.5 + 0.5 * lead) * (0.4 + 0.6 * strength))), 2)


def _reasons(best: TaskType, words: Iterable[str], short: float, needs_schema: bool) -> list[str]:
    reasons: list[str] = []
    telling = [word for word in words if word in evidence.WORDS[best]]
    if telling:
        reasons.append(f"words of {best}: {', '.join(telling[:6])}")
    if best == "structured" and needs_schema:
        reasons.append("a response format is asked for")
    if best == "simple" and short:
        reasons.append("one short question")
    return reasons or [f"nothing points away from {best}" if best == "general" else f"the form of {best}"]


def _complexity_of(prompt: _Prompt, task_type: TaskType) -> Complexity:
    score = _BASE_COMPLEXITY[task_type] + _size_points(prompt) + _demand_points(prompt)
    if score >= _HIGH_FROM:
        return "high"
    return "medium" if score >= _MEDIUM_FROM else "low"


def _size_points(prompt: _Prompt) -> float:
    length = prompt.length
    points = (length > 150) * 0.5 + (length > 400) * 0.5 + (length > 1500) * 0.5 + (length > 6000) * 1.0
    return points + min(1.0, 0.5 * max(0, prompt.lowered.count("?") - 1))


def _demand_points(prompt: _Prompt) -> float:
    distinct = prompt.distinct
    heavy = min(3.0, sum(evidence.HEAVY[word] for word in distinct & _HEAVY_WORDS))
    rules = min(1.5, 0.5 * len(distinct & evidence.CONSTRAINTS))
    steps = min(1.5, 0.5 * len(distinct & evidence.STEPS))
    light = 1.25 if distinct & evidence.LIGHT else 0.0
    return heavy + rules + steps - light


def _weights() -> dict[str, tuple[tuple[TaskType, float], ...]]:
    weights: dict[str, tuple[tuple[TaskType, float], ...]] = {}
    for task_type, table in evidence.WORDS.items():
        for word, points in table.items():
            weights[word] = (*weights.get(word, ()), (task_type, points))
    return weights


def _phrases() -> dict[str, tuple[tuple[str, TaskType, float], ...]]:
    """The phrases by their first word, as `_prompt_of` splits words."""
    phrases: dict[str, tuple[tuple[str, TaskType, float], ...]] = {}
    for entry in evidence.PHRASES:
        first = _words(entry[0])[0]
        phrases[first] = (*phrases.get(first, ()), entry)
    return phrases


def _marks() -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """The marks of code by the rarest character that each must have."""
    marks: dict[str, tuple[tuple[str, float], ...]] = {}
    for mark, weight in evidence.CODE_MARKS:
        rarest = next(character for character in "`{>#[=(" if character in mark)
        marks[rarest] = (*marks.get(rarest, ()), (mark, weight))
    return tuple(marks.items())


_SEPARATORS = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or chr(byte) in "+#" else 0x20 for byte in range(256)
)
"""Everything that ends a word becomes a space; `c++` and `c#` stay whole."""
_WEIGHTS = _weights()
_PHRASES = _phrases()
_MARKS = _marks()
_MARK_WORDS = frozenset(evidence.CODE_WORDS)
_KNOWN_WORDS = frozenset(_WEIGHTS)
_HEAVY_WORDS = frozenset(evidence.HEAVY)
_PHRASE_WORDS = frozenset(_PHRASES)
