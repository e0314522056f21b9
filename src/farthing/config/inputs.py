"""Puts the inputs of a swarm file into its goal, instructions and items. Pure.

Only what the file declares is replaced: any other text in braces, as code has it, stays.
"""

import re
from collections.abc import Mapping
from posixpath import isabs, join

from farthing.config.patterns import MapReduce
from farthing.config.swarmfile import SwarmFile
from farthing.errors import ConfigFault, nearest


def filled(
    swarm: SwarmFile, given: Mapping[str, str], *, folder: str
) -> tuple[SwarmFile, tuple[ConfigFault, ...]]:
    """The swarm with its inputs in place, and what is wrong with them. `folder` is where its files are."""
    faults = [
        ConfigFault(
            path=f"--input {name}",
            value=None,
            problem=f"is no input of this file; it has {', '.join(swarm.inputs) or 'none'}",
            nearest=nearest(name, swarm.inputs),
        )
        for name in given
        if name not in swarm.inputs
    ]
    values = {name: given.get(name, value) for name, value in swarm.inputs.items()}
    faults += [
        ConfigFault(path=f"inputs.{name}", value=None, problem=f"has no value; give --input {name}=…")
        for name, value in values.items()
        if value is None
    ]
    said = {name: value for name, value in values.items() if value is not None}
    return _with(swarm, said, folder), tuple(faults)


def _with(swarm: SwarmFile, values: Mapping[str, str], folder: str) -> SwarmFile:
    agents = tuple(
        agent.model_copy(update={"instructions": _put(agent.instructions, values)}) for agent in swarm.agents
    )
    update: dict[str, object] = {"goal": _put(swarm.goal, values), "agents": agents}
    update["inputs"] = {name: values.get(name) for name in swarm.inputs}
    if isinstance(swarm.pattern, MapReduce):
        items = tuple(_put(item, values) for item in swarm.pattern.items)
        path = swarm.pattern.items_file
        path = None if path is None else _put(path, values)
        placed = path if path is None or isabs(path) else join(folder, path)
        update["pattern"] = swarm.pattern.model_copy(update={"items": items, "items_file": placed})
    return swarm.model_copy(update=update)


def _put(text: str, values: Mapping[str, str]) -> str:
    if not values:
        return text
    names = "|".join(re.escape(name) for name in values)
    return re.sub(rf"\{{({names})\}}", lambda found: values[found[1]], text)
