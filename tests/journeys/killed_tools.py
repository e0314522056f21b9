"""The tool of the agents that are killed: it has an effect, which a file counts."""

import asyncio
import os
from pathlib import Path

EFFECTS = "KILLED_RUNS_EFFECTS"
"""The variable that names the file: a line for each time that a tool ran."""


async def look_around() -> str:
    """Looks around, and leaves a trace."""
    # `killed_worker.py` lets a task inherit the name of the task that began it: an agent's is its id.
    task = asyncio.current_task()
    agent = task.get_name() if task is not None else ""
    descriptor = os.open(Path(os.environ[EFFECTS]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{agent}\n".encode())
    os.close(descriptor)
    return f"{agent} has looked around"
