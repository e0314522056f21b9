"""The form of a final answer where tools are at work too: told in words, read here, asked for once more.

Many models cannot call tools and keep to a schema in one request. So the steps with tools are told the schema
in words, and only an answer that does not fit is asked for again, without tools: there the pipeline's own
schema and repair hold.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import structs

from farthing.prompt.outputs import format_of
from farthing.prompt.structured import schema_messages, unfenced
from farthing.routing.fallback import Invalid
from farthing.routing.validate import repaired, validate
from farthing.task import Completion, FinishReason, Message, Task

_AGAIN = """\
This was answered, by one who could look things up:

{answer}

Give that answer in the form that is asked for, and add nothing to it."""


class Form(NamedTuple):
    """What the final answer must fit."""

    response_format: Mapping[str, object]
    output_type: object


class Fit(NamedTuple):
    """An answer that fits: its JSON, its value, and whether the JSON had to be put right."""

    text: str
    data: object
    repaired: bool


def form_of(task: Task) -> Form | None:
    """The form that a task asks for, if any. Raises `InvalidTaskError` for a type that is none."""
    if task.output_type is not None:
        return Form(format_of(task.output_type), task.output_type)
    if task.response_format is not None and task.wants_json:
        return Form(task.response_format, None)
    return None


def unformed(task: Task) -> Task:
    """The task as its steps with tools send it: the form is told in words."""
    return structs.replace(task, response_format=None, output_type=None)


def told(messages: tuple[Message, ...], form: Form | None) -> tuple[Message, ...]:
    """The conversation with the form told in its system message."""
    return messages if form is None else schema_messages(messages, form.response_format)


def read(text: str, form: Form, finish_reason: FinishReason) -> Fit | None:
    """The answer's value, put right where that needs no guess; None where it does not fit."""
    bare = unfenced(text)
    for tried, mended in ((bare, False), (repaired(bare), True)):
        if not tried:
            continue
        answer = Completion(
            generation_id=None, model="", provider=None, text=tried, finish_reason=finish_reason
        )
        found = validate(answer, form.response_format, form.output_type)
        if not isinstance(found, Invalid):
            return Fit(tried, found.data, mended)
    return None


def again(task: Task, answer: str) -> Task:
    """The task that asks for an answer's form: no tools, the opening of the conversation, and the answer."""
    asked = Message(role="user", content=_AGAIN.format(answer=answer))
    return structs.replace(
        task, messages=(*task.conversation, asked), tools=(), tool_choice=None, purpose="repair"
    )
