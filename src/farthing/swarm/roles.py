"""What agents can be: the built-in roles, and those that a configuration adds or overrides.

Decides a role's task type, standing orders and facets of work. How a prompt is put together is
`brief.py`'s; which model a role gets is the router's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from farthing.config.schema import RoleSpec
from farthing.errors import SwarmError, nearest
from farthing.task import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleProfile:
    """What an agent of a role is. `facets` are the distinct parts that agents of one stage share out."""

    name: str
    description: str
    task_type: TaskType
    instructions: str = ""
    facets: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


def _profile(name: str, task_type: TaskType, description: str, orders: str, *facets: str) -> RoleProfile:
    return RoleProfile(
        name=name, description=description, task_type=task_type, instructions=orders, facets=facets
    )


_BUILT_IN = (
    _profile(
        "researcher",
        "analysis",
        "who finds out what others need to know before they decide.",
        "State facts with what they rest on. Mark what you are not sure of. End with what should be found "
        "out next.",
        "requirements and constraints",
        "existing approaches and their trade-offs",
        "risks, failures and abuse",
        "load, growth and running cost",
    ),
    _profile(
        "coder",
        "coding",
        "who writes code that others can run and read.",
        "Give complete code, not fragments. Handle errors at the edge. Say what you left out.",
        "the data model and its storage",
        "the main path from request to answer",
        "limits, refusals and errors",
        "configuration, start and stop",
    ),
    _profile(
        "reviewer",
        "general",
        "who reads the work of others and says what must change.",
        "Separate what must change from what may. Quote what you mean. End with a verdict.",
        "correctness and missing cases",
        "security and limits",
        "clarity, names and structure",
        "fitness for the goal",
    ),
    _profile(
        "tester",
        "coding",
        "who shows with tests what works and what does not.",
        "Write tests that can fail. Name the case each one covers. Prefer edge cases to repetition.",
        "the main path",
        "refusals and edge cases",
        "several users at the same moment",
        "load and recovery",
    ),
    _profile(
        "planner",
        "analysis",
        "who turns a goal into an order of work.",
        "Each step ends with something that can be tried. Name what depends on what, and the riskiest step.",
        "steps and their order",
        "risks and open decisions",
        "effort and roles",
        "how to tell that it is done",
    ),
    _profile(
        "analyst",
        "analysis",
        "who weighs what is known and says what follows.",
        "Separate what is known from what is assumed. Give figures with units. End with a conclusion.",
        "needs that pull apart",
        "quantities and costs",
        "options compared",
        "what would change the conclusion",
    ),
    _profile(
        "writer",
        "general",
        "who writes plain text for the people concerned.",
        "Short sentences, concrete words, the most important thing first. Invent nothing.",
        "the text for people who use it",
        "the text for people who run it",
        "the summary for people who decide",
        "questions and answers",
    ),
)

BUILT_IN_ROLES: Mapping[str, RoleProfile] = {role.name: role for role in _BUILT_IN}


def role_profile(name: str, custom: Mapping[str, RoleSpec]) -> RoleProfile:
    """The role of that name: the configuration's, which may override a built-in one, else the built-in.

    An override keeps the built-in facets. Raises `SwarmError` naming the nearest role.
    """
    built_in = BUILT_IN_ROLES.get(name)
    if (own := custom.get(name)) is not None:
        return RoleProfile(
            name=name,
            description=own.description,
            task_type=own.task_type,
            instructions=own.instructions,
            facets=built_in.facets if built_in else (),
            capabilities=own.capabilities,
        )
    if built_in is not None:
        return built_in
    known = sorted({*BUILT_IN_ROLES, *custom})
    close = nearest(name, known)
    meant = f"; did you mean {close!r}?" if close else ""
    raise SwarmError(
        f"there is no role {name!r}{meant}",
        hint=f"roles are {', '.join(known)}; add others under swarm.roles of the configuration",
    )
