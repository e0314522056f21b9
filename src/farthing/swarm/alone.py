"""Whom a task outside of any swarm may turn to: the person that its caller asks, and nobody else.

Decides what becomes of a call that needs approval where nobody is asked: it is refused, with what to do.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias, cast

from farthing.errors import InvalidTaskError, SwarmError
from farthing.swarm.company import Approved, Company, Decision, Denied, Errand, PendingApproval, Undecided
from farthing.swarm.confirming import Confirm, needs_approval
from farthing.swarm.results import WorkResult
from farthing.task import Task, ToolCall

AskPerson: TypeAlias = Callable[[PendingApproval], Awaitable["Decision | bool | None"]]

NOBODY = Denied(
    note="this call needs a person's approval, and nobody is asked here: the program has to hand on_approval"
    " over with the task, or to set tools.confirm to never"
)


def person_of(fields: Mapping[str, object]) -> tuple[AskPerson | None, dict[str, object]]:
    """Whom a caller's keywords name as the one to ask (`on_approval`), and the fields of the task."""
    rest = dict(fields)
    on_approval = rest.pop("on_approval", None)
    if on_approval is not None and not callable(on_approval):
        raise InvalidTaskError(f"on_approval is {on_approval!r}; give an async function of one argument")
    return cast("AskPerson | None", on_approval), rest


def company_of(
    task: Task, *, confirm: Confirm, on_approval: AskPerson | None, now: Callable[[], datetime]
) -> Company:
    """The company of one task. A callback that does not decide refuses: nobody would come later."""
    agent_id = task.agent_id or "task"

    async def ask_person(call: ToolCall) -> Decision:
        if on_approval is None:
            return NOBODY
        asked = PendingApproval(
            run_id=task.run_id or "",
            piece=agent_id,
            agent_id=agent_id,
            call_id=call.id,
            tool=call.name,
            arguments=call.arguments,
            asked_at=now(),
        )
        said = await on_approval(asked)
        if isinstance(said, bool):
            return Approved() if said else Denied()
        return Denied(note="nobody decided") if said is None or isinstance(said, Undecided) else said

    async def ask_agent(errand: Errand) -> WorkResult:
        raise SwarmError(f"a task has no colleague to ask; {errand.agent.role} works in a swarm")

    return Company(
        piece=agent_id,
        confirm=lambda tool: needs_approval(tool, confirm),
        ask_person=ask_person,
        ask_agent=ask_agent,
        attended=on_approval is not None,
    )
