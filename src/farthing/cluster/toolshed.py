"""Finds the tools that a piece names on the machine that does it.

A piece comes from the database, which says what is to be imported: only from modules that whoever started
the worker has named. What a deployment itself offers is found by its name.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import cast

from farthing.errors import SwarmError
from farthing.swarm.tools import tool_from
from farthing.swarm.written import FindTool, ToolForm, module_of
from farthing.task import Task, Tool


def toolshed(modules: Iterable[str], offered: Callable[[Task], Mapping[str, Tool]]) -> FindTool:
    """Finds functions in these modules, and by name what is `offered` to a task's agent."""
    allowed = frozenset(modules)
    known: dict[str, Tool] = {}

    def find(form: ToolForm, task: Task) -> Tool:
        if not form.source:
            return Tool(name=form.name, description=form.description, parameters=form.parameters)
        module = module_of(form.source)
        if not module:
            return _offered(form, offered(task))
        if module not in allowed:
            raise SwarmError(
                f"tool {form.name!r} comes from module {module}, which this worker may not import for pieces",
                hint=f"farthing worker --tools-from {module}",
            )
        if form.source not in known:
            known[form.source] = _imported(form, module)
        return known[form.source]

    return find


def _offered(form: ToolForm, offered: Mapping[str, Tool]) -> Tool:
    tool = offered.get(form.name)
    if tool is None:
        raise SwarmError(
            f"this worker has no tool {form.name!r} of {form.source}",
            hint="give each worker the configuration that the swarm is deployed with",
        )
    return tool


def _imported(form: ToolForm, module: str) -> Tool:
    name = form.source.partition(":")[2]
    try:
        found: object = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SwarmError(
            f"tool {form.name!r} is not to be had here: {error}",
            hint=f"install {module} on every machine, in one version",
        ) from error
    if not (callable(found) or isinstance(found, Tool)):
        raise SwarmError(f"{form.source} is {type(found).__name__}, and a tool is a function")
    tool = tool_from(cast("Callable[..., object]", found))
    if dict(tool.parameters) != form.parameters:
        raise SwarmError(
            f"tool {form.name!r} takes other parameters here than where the swarm was deployed",
            hint=f"install one version of {module} everywhere",
        )
    return tool
