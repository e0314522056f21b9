"""Reads a swarm file: JSON or TOML, `${VAR}` from the environment, `{NAME}` from its inputs.

Does the reading; what may stand in one is `swarmfile.py`'s, whether it can be run here `swarm/checking.py`'s.
Every fault of a file comes in one `ConfigError`, with its path.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from farthing.config.environment import variables
from farthing.config.faults import faults_of
from farthing.config.inputs import filled
from farthing.config.interpolate import interpolated
from farthing.config.layers import Layer, stacked
from farthing.config.load import parsed
from farthing.config.swarmfile import SwarmFile
from farthing.errors import ConfigError, ConfigFault


def load_swarm(
    path: str | Path,
    *,
    inputs: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> SwarmFile:
    """The swarm of a `.json` or `.toml` file. `inputs` are values for the `{NAME}`s that it declares.

    A relative `itemsFile` is beside the file. Raises `ConfigError` with every fault: what the file says that
    it may not, a variable that is not set, an input that is missing or not declared.
    """
    source = Path(path)
    values = parsed(source, _text(source))
    told, faults = interpolated(values, variables(environ))
    stack = stacked([Layer(values=cast("Mapping[str, object]", told))], root=SwarmFile)
    unset = {fault.path for fault in faults}
    found = [*faults, *stack.faults]
    try:
        swarm = SwarmFile.model_validate(stack.values)
    except ValidationError as error:
        found += [fault for fault in faults_of(error, stack) if fault.path not in unset]
        raise ConfigError(str(source), found) from None
    swarm, unfilled = filled(swarm, inputs or {}, folder=str(source.parent))
    if found or unfilled:
        raise ConfigError(str(source), [*found, *unfilled])
    return swarm


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        folder = path.parent
        near = sorted(one.name for one in folder.glob("*") if one.suffix in (".json", ".toml"))
        there = f"; files there: {', '.join(near[:8])}" if near else ""
        fault = ConfigFault(path=str(path), value=str(path), problem=f"there is no such file{there}")
    except (OSError, UnicodeDecodeError) as failure:
        fault = ConfigFault(path=str(path), value=None, problem=f"cannot be read: {failure}")
    raise ConfigError(str(path), [fault])
