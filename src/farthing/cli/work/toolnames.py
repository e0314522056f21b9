"""The tools that a command line names, and the folder that the built-in ones may touch."""

import sys
from collections.abc import Sequence
from pathlib import Path

from farthing.swarm.allowed import is_function

_OF_A_FOLDER = ("files",)
"""What `--workdir` alone asks for."""


def tools_asked(names: Sequence[str] | None, workdir: Path | None) -> tuple[str, ...]:
    """The names of tools. Where one is an import path, modules beside the caller are found, too."""
    asked = tuple(names or ()) or (_OF_A_FOLDER if workdir is not None else ())
    here = str(Path.cwd())
    if any(is_function(name) for name in asked) and here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does: an installed program does not look there
    return asked


def within(workdir: Path | None) -> dict[str, object]:
    """The override that names the folder; nothing where none was given."""
    return {} if workdir is None else {"tools.workdir": str(workdir.absolute())}
