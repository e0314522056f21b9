"""Whether commands can be isolated on this machine: asked once, by the tests that need it."""

import asyncio
from functools import cache
from pathlib import Path

import pytest

from farthing.swarm.builtin.beneath import Folder
from farthing.swarm.builtin.shell import find_isolation


@cache
def _why_not() -> str | None:
    found = asyncio.run(find_isolation(Folder(Path(__file__).parent)))
    return None if found.works else found.text


def needs_isolation() -> pytest.MarkDecorator:
    """Skips where the kernel, the container or the administrator forbids namespaces, with what it said."""
    why = _why_not()
    return pytest.mark.skipif(why is not None, reason=f"commands cannot be isolated here: {why}")
