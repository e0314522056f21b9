"""Functions by the path that another process finds them by, `MODULE:NAME`; and back.

Only functions that stand in a module under their own name have one: not a lambda, not one made inside
another, not one of the program that was started.
"""

import importlib
import sys
from collections.abc import Callable
from operator import attrgetter

from farthing.errors import SwarmError


def path_of(function: Callable[..., object]) -> str | None:
    """The path; None where importing it would not give this very function."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<" in name:
        return None
    try:
        found: object = attrgetter(name)(sys.modules[module])
    except (KeyError, AttributeError):
        return None
    return f"{module}:{name}" if found is function else None


def function_at(path: str) -> Callable[..., object]:
    """The function of a path. Raises `SwarmError` where there is none."""
    module, _, name = path.partition(":")
    try:
        found: object = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise SwarmError(
            f"the tool {path} cannot be imported: {error}",
            hint="install its module or put it on PYTHONPATH, or hand the tool over from code",
        ) from error
    if not callable(found):
        raise SwarmError(f"the tool {path} is {type(found).__name__}, and no function")
    return found
