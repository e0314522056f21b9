"""The words of a check: what is found of a setting, and whether a configuration says a setting. Pure."""

from collections.abc import Iterator
from typing import Literal, cast

import msgspec
from pydantic import BaseModel

from farthing.config.schema import DeploymentConfig

Level = Literal["finding", "note"]
"""A `finding` is a rule that can never act as it is written; a `note` works, and should be known."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of one setting: its path, the reason, and what to do about it."""

    setting: str
    level: Level
    why: str
    remedy: str


Findings = Iterator[Finding]


def finding(setting: str, why: str, remedy: str) -> Finding:
    """A rule that can never act."""
    return Finding(setting=setting, level="finding", why=why, remedy=remedy)


def note(setting: str, why: str, remedy: str = "nothing, if that is meant") -> Finding:
    """A rule that acts otherwise than one might think."""
    return Finding(setting=setting, level="note", why=why, remedy=remedy)


def says(config: DeploymentConfig, *path: str) -> bool:
    """Whether the configuration, or a profile under it, states the setting: what it leaves to a default is
    nobody's wish. `path` in Python's names, as `"limits", "queue_size"`."""
    at: object = config
    for name in path:
        if not isinstance(at, BaseModel):
            return True  # inside a stated mapping
        if name not in at.model_fields_set:
            return False
        at = cast("object", getattr(at, name))
    return True
