"""Farthing deploys teams of LLM agents for farthings. The public names, loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farthing.config.load import load_config
    from farthing.config.schema import DeploymentConfig
    from farthing.deployment import Deployment
    from farthing.errors import (
        BudgetExceededError,
        ConfigError,
        DeploymentClosedError,
        FarthingError,
        InvalidTaskError,
        LedgerUnavailableError,
        MissingKeyError,
        NoCandidateError,
        QueueFullError,
        SharedMemoryError,
        StreamBrokenError,
        SwarmError,
        TaskFailedError,
        UnboundedCostError,
    )
    from farthing.result import (
        Attempt,
        AttemptFinished,
        AttemptStarted,
        Candidate,
        Metrics,
        Notice,
        Restarted,
        Route,
        Routed,
        TaskFinished,
        TaskResult,
        TokenReceived,
        Waiting,
    )
    from farthing.spend.calculator import CostCalculator
    from farthing.spend.report import CostReport
    from farthing.spend.workload import UsageProfile
    from farthing.swarm.agent import Agent, AgentSpec
    from farthing.swarm.memory.entry import Conflict, Lease, MemoryChange, MemoryEntry, MemoryMatch, Taken
    from farthing.swarm.memory.shared import Memory
    from farthing.swarm.memory.tools import memory_tools
    from farthing.swarm.run import Swarm
    from farthing.task import Labels, Message, Task, Tool, ToolCall, Usage

_HOMES = {
    "config.load": ("load_config",),
    "config.schema": ("DeploymentConfig",),
    "deployment": ("Deployment",),
    "errors": (
        "BudgetExceededError",
        "ConfigError",
        "DeploymentClosedError",
        "FarthingError",
        "InvalidTaskError",
        "LedgerUnavailableError",
        "MissingKeyError",
        "NoCandidateError",
        "QueueFullError",
        "SharedMemoryError",
        "StreamBrokenError",
        "SwarmError",
        "TaskFailedError",
        "UnboundedCostError",
    ),
    "result": (
        "Attempt",
        "AttemptFinished",
        "AttemptStarted",
        "Candidate",
        "Metrics",
        "Notice",
        "Restarted",
        "Route",
        "Routed",
        "TaskFinished",
        "TaskResult",
        "TokenReceived",
        "Waiting",
    ),
    "spend.calculator": ("CostCalculator",),
    "spend.report": ("CostReport",),
    "spend.workload": ("UsageProfile",),
    "swarm.agent": ("Agent", "AgentSpec"),
    "swarm.memory.entry": ("Conflict", "Lease", "MemoryChange", "MemoryEntry", "MemoryMatch", "Taken"),
    "swarm.memory.shared": ("Memory",),
    "swarm.memory.tools": ("memory_tools",),
    "swarm.run": ("Swarm",),
    "task": ("Labels", "Message", "Task", "Tool", "ToolCall", "Usage"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "AgentSpec",
    "Attempt",
    "AttemptFinished",
    "AttemptStarted",
    "BudgetExceededError",
    "Candidate",
    "ConfigError",
    "Conflict",
    "CostCalculator",
    "CostReport",
    "Deployment",
    "DeploymentClosedError",
    "DeploymentConfig",
    "FarthingError",
    "InvalidTaskError",
    "Labels",
    "Lease",
    "LedgerUnavailableError",
    "Memory",
    "MemoryChange",
    "MemoryEntry",
    "MemoryMatch",
    "Message",
    "Metrics",
    "MissingKeyError",
    "NoCandidateError",
    "Notice",
    "QueueFullError",
    "Restarted",
    "Route",
    "Routed",
    "SharedMemoryError",
    "StreamBrokenError",
    "Swarm",
    "SwarmError",
    "Taken",
    "Task",
    "TaskFailedError",
    "TaskFinished",
    "TaskResult",
    "TokenReceived",
    "Tool",
    "ToolCall",
    "UnboundedCostError",
    "Usage",
    "UsageProfile",
    "Waiting",
    "load_config",
    "memory_tools",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'farthing' has no attribute {name!r}")
    value: object = getattr(import_module(f"farthing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
