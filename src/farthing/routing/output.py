"""How many tokens an answer may take: what the task says, what its answers are known to need, or the most.

Pure. What the ledger knows of lengths is `lengths.py`'s. A task's own `max_tokens` is its own affair; with
tools, a schema or reasoning the configured most holds, for there an answer that is cut is lost.
"""

from farthing.config.optimizing import Optimization
from farthing.result import OutputLimit
from farthing.task import Task

EXPLORED = 0.02
"""The share of answers that are not held to a learned limit, so that longer ones go on being seen."""

_OWN_BOUNDS = ("reasoning", "reasoning_effort")


def is_plain(task: Task) -> bool:
    """Whether the answer is text whose length nobody set: half of it is still of use."""
    return not (
        task.max_tokens
        or (task.tools and task.tool_choice != "none")
        or task.response_format is not None
        or any(name in task.options for name in _OWN_BOUNDS)
    )


def limit_of(task: Task, settings: Optimization, *, needed: int | None, draw: float) -> OutputLimit:
    """The limit of one attempt's answer. `needed`: what fewer than 1 % of such answers exceed, where that is
    known; `draw`: 0–1, at random."""
    most = settings.max_output_tokens
    if task.max_tokens:
        return OutputLimit(max_tokens=task.max_tokens, basis="task", reason="the task sets it")
    if not is_plain(task):
        why = "with tools, a schema or reasoning a cut answer is lost, so the most is allowed"
        return OutputLimit(max_tokens=most, basis="configured", reason=why)
    if not settings.output_control.learned_limits:
        return OutputLimit(max_tokens=most, basis="default", reason="optimization.maxOutputTokens")
    if needed is None:
        why = "too few answers of this model and type are known to learn a limit from"
        return OutputLimit(max_tokens=most, basis="default", reason=why)
    limit = max(needed, settings.min_output_tokens)
    if limit >= most:
        return OutputLimit(max_tokens=most, basis="default", reason="its answers need as much")
    if draw < EXPLORED:
        why = f"left open, as one answer in {1 / EXPLORED:.0f} is, to go on seeing the long ones"
        return OutputLimit(max_tokens=most, basis="default", reason=why)
    why = "of the answers of this model and type in the ledger, fewer than 1 % are longer"
    return OutputLimit(max_tokens=limit, basis="learned", reason=why)
