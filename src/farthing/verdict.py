"""Whether a whole answer can be used, and as what: tool calls told by prompt, JSON put right, a schema met.

Pure. Undoes what `fit.py` did to the request. What an unusable answer leads to is `routing/fallback.py`'s.
"""

from typing import NamedTuple, assert_never

from msgspec import structs

from farthing.fit import Way
from farthing.prompt.emulate import EmulatedCalls, MalformedCalls, PlainAnswer, parse_emulated
from farthing.prompt.seam import joined
from farthing.prompt.structured import unfenced
from farthing.result import Candidate
from farthing.routing.fallback import Invalid
from farthing.routing.validate import Valid, repaired, validate
from farthing.task import Completion, Task


class Verdict(NamedTuple):
    """An answer as the caller gets it, or what is wrong with it. `data` is its JSON or typed value."""

    ending: Completion | Invalid
    data: object = None
    repaired: bool = False


def judge(task: Task, candidate: Candidate, way: Way, completion: Completion, *, salt: str) -> Verdict:
    """`salt` makes the ids of emulated tool calls differ between attempts."""
    if task.tools and not candidate.native_tools and not completion.tool_calls:
        parsed = parse_emulated(completion.text, task.tools, salt=salt)
        match parsed:
            case MalformedCalls():
                return Verdict(Invalid(problem=parsed.problem))
            case EmulatedCalls():
                completion = structs.replace(
                    completion, text="", tool_calls=parsed.calls, finish_reason="tool_calls"
                )
            case PlainAnswer():
                completion = structs.replace(completion, text=parsed.text)
            case _:
                assert_never(parsed)
    if way.continues:
        completion = structs.replace(completion, text=joined(way.continues, completion.text))
    if task.wants_json and not candidate.native_schema:
        completion = structs.replace(completion, text=unfenced(completion.text))
    found = validate(completion, task.response_format, task.output_type)
    return Verdict(completion, found.data) if isinstance(found, Valid) else _repaired(task, completion, found)


def _repaired(task: Task, completion: Completion, fault: Invalid) -> Verdict:
    """Put right where that needs no guess. A text that was cut short is not mended by asking for it again
    within the same bound, so only a whole one is kept for that."""
    if not task.wants_json or completion.finish_reason != "stop":
        return Verdict(fault)
    text = repaired(completion.text)
    if text is not None:
        mended = structs.replace(completion, text=text)
        found = validate(mended, task.response_format, task.output_type)
        if isinstance(found, Valid):
            return Verdict(mended, found.data, repaired=True)
    return Verdict(structs.replace(fault, text=completion.text))
