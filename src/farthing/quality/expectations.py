"""What a prompt expects of its answer: exact text, a pattern, a JSON Schema, or a Python expression. Pure.

Reads and refuses checks, and decides those that cannot hang. Patterns and expressions are somebody's code, so
they are run by `jail.py`.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, cast

import jsonschema_rs
import msgspec

from farthing.errors import InvalidTaskError, nearest

CheckKind = Literal["exact", "regex", "schema", "python"]
KINDS: tuple[CheckKind, ...] = ("exact", "regex", "schema", "python")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation. `given` is the text, pattern, schema or expression as it was written."""

    kind: CheckKind
    given: object


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer fared with one check; `reason` says why it did not pass."""

    kind: CheckKind
    passed: bool
    reason: str = ""


def checks_from(raw: object) -> tuple[Check, ...]:
    """The checks of `{"exact": …, "regex": …, "schema": …, "python": …}`, one or several.

    Raises `InvalidTaskError` naming the key and the nearest known one.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidTaskError(f"check is no object with one of {', '.join(KINDS)}")
    found: list[Check] = []
    for key, given in cast("Mapping[str, object]", raw).items():
        if key not in KINDS:
            near = nearest(key, KINDS)
            raise InvalidTaskError(f"check has {key!r}; nearest is {near!r} of {', '.join(KINDS)}")
        found.append(_checked(key, given))
    return tuple(found)


def decide(check: Check, answer: str) -> Verdict | None:
    """The verdict of a check that needs no jail; None for one that does."""
    match check.kind:
        case "exact":
            passed = answer.strip() == str(check.given).strip()
            return Verdict(kind="exact", passed=passed, reason="" if passed else f"is not {check.given!r}")
        case "schema":
            return _by_schema(check, answer)
        case "regex" | "python":
            return None


def data_of(answer: str) -> object:
    """The JSON that an answer is, a fence around it taken off. Raises `ValueError` when it is none."""
    text = answer.strip()
    fenced = re.fullmatch(r"```(?:json)?\s*\n(.*)\n```", text, re.DOTALL)
    return cast("object", json.loads(fenced[1] if fenced else text))


def _checked(kind: CheckKind, given: object) -> Check:
    if kind == "schema":
        try:
            jsonschema_rs.validator_for(cast("dict[str, object]", given))
        except (ValueError, TypeError) as error:
            raise InvalidTaskError(f"check.schema is no JSON Schema: {error}") from None
    elif not isinstance(given, str):
        raise InvalidTaskError(f"check.{kind} is {type(given).__name__}; give text")
    elif kind == "regex":
        try:
            re.compile(given)
        except re.error as error:
            raise InvalidTaskError(f"check.regex is no pattern: {error}") from None
    elif kind == "python":
        try:
            compile(given, "check", "eval")
        except SyntaxError as error:
            raise InvalidTaskError(f"check.python is no expression: {error.msg}") from None
    return Check(kind=kind, given=given)


def _by_schema(check: Check, answer: str) -> Verdict:
    try:
        jsonschema_rs.validate(cast("dict[str, object]", check.given), data_of(answer))
    except jsonschema_rs.ValidationError as error:
        return Verdict(kind="schema", passed=False, reason=str(error).splitlines()[0])
    except ValueError as error:
        return Verdict(kind="schema", passed=False, reason=f"is no JSON: {error}")
    return Verdict(kind="schema", passed=True)
