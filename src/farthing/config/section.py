"""What every part of a configuration shares: its strictness, and the types of its values.

No setting here.
"""

from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from farthing.errors import nearest

Fraction = Annotated[float, Field(ge=0, le=1)]
Dollars = Annotated[Decimal, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]

SCOPES = ("deployment", "key", "swarm", "agent", "task")


def _is_scope(value: str) -> str:
    name = value.removeprefix("key:")
    if value in SCOPES or (name != value and 0 < len(name.strip()) <= 60):
        return value
    near = nearest(value, SCOPES)
    hint = "" if near is None else f" (did you mean {near!r}?)"
    raise ValueError(f"{value!r} is not one of {', '.join(SCOPES)} or key:NAME{hint}")


Scope = Annotated[str, AfterValidator(_is_scope)]
"""What a limit or its alerts may be for: one of `SCOPES`, or `key:NAME`."""


def plain_url(value: str, what: str, example: str) -> str:
    """An address that may be shown, without a slash at its end. Raises `ValueError`."""
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{what} has no user, password, query or fragment: it is shown in logs")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{value!r} is not an http(s) URL such as {example}")
    return value.rstrip("/")


class Section(BaseModel):
    """A frozen part of the configuration that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )
