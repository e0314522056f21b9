"""Which texts of a journey are kept where a configuration keeps content: the prompt, and how it was answered.

They stand under the call that was accepted, or under the last one where none was. Keeping is
`content/keeper.py`'s; a span, a metric or a log line never gets them.
"""

from farthing.content.keeper import Keeper
from farthing.errors import StreamBrokenError
from farthing.result import AttemptFinished, AttemptStarted, TaskFinished
from farthing.swarm.events import LoopEvent
from farthing.task import Message, Task
from farthing.telemetry.watch import Watch


class TaskContent(Watch):
    """Hands one journey's texts to the keeper when it has ended."""

    def __init__(self, keeper: Keeper, task: Task) -> None:
        self._keeper, self._asked = keeper, task
        self._call_id: str | None = None
        self._answer = ""

    def on_event(self, event: LoopEvent) -> None:
        if isinstance(event, AttemptStarted):
            self._call_id = event.call_id
        elif isinstance(event, AttemptFinished) and event.attempt.status == "accepted":
            self._call_id = event.attempt.call_id  # of two at once it may be the earlier one
        elif isinstance(event, TaskFinished):
            calls = [f"{call.name}({call.arguments})" for call in event.result.tool_calls]
            self._answer = "\n".join([event.result.output, *calls] if calls else [event.result.output])

    def on_end(self, error: BaseException | None) -> None:
        if isinstance(error, StreamBrokenError):
            self._answer = error.received
        if self._call_id is not None:
            self._keeper.keep(self._call_id, prompt_text(self._asked), self._answer)


def prompt_text(task: Task) -> str:
    """The conversation as it was given: a single user message bare, else each message under its role."""
    messages = task.conversation
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].text
    return "\n\n".join(f"[{message.role}]\n{_said(message)}" for message in messages)


def _said(message: Message) -> str:
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(part for part in (message.text, *calls) if part)
