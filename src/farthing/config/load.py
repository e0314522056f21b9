"""Reads a deployment's configuration: argument over environment over `.env` over file over profile.

Does the reading and decides the order; what may stand in a configuration is `schema.py`'s, how layers
are merged `layers.py`'s. A wrong configuration is one `ConfigError` that lists every fault.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from farthing.config.environment import (
    SETTINGS,
    Environment,
    api_key,
    read_environment,
    secrets_of,
    variables,
)
from farthing.config.faults import concealed, empty_slots, faults_of
from farthing.config.interpolate import interpolated
from farthing.config.layers import Layer, stacked
from farthing.config.packaged import book_ids, book_rows, load_catalog, profile_names, profile_values
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault, nearest
from farthing.result import Notice

__all__ = [
    "DEFAULT_PROFILE",
    "api_key",
    "book_ids",
    "book_rows",
    "costly_settings",
    "inert_settings",
    "load_catalog",
    "load_config",
    "profile_names",
    "secrets_of",
]

DEFAULT_PROFILE = "balanced"
_SUFFIXES = (".json", ".toml")

Source = str | Path | Mapping[str, object] | DeploymentConfig
Values = Mapping[str, object]


def load_config(
    source: Source | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> DeploymentConfig:
    """The configuration from a profile's name, a `.json` or `.toml` file, a mapping, or one made in code.

    None is what `DEPLOYMENT_CONFIG` names, else the profile `balanced`. What a mapping or a
    `DeploymentConfig` says is an argument and wins over the environment; a file does not. `overrides`
    win over all; their keys may be dotted, as `{"budget.monthlyLimit": 5}`. `environ` None is the
    process's environment. Raises `ConfigError` with every fault.
    """
    settings = read_environment(environ)
    chosen: Source = source if source is not None else settings.deployment_config or DEFAULT_PROFILE
    label, values = _content(chosen)
    # A configuration made in code, or loaded before, has no references left: `$${` has become a `${`.
    ready = isinstance(chosen, DeploymentConfig)
    told, faults = (values, ()) if ready else interpolated(values, variables(environ))
    content = cast("Values", told)
    own = Layer(values=content)
    set_by_variables = _environment(settings)
    is_argument = ready or isinstance(chosen, Mapping)
    middle = [*set_by_variables, own] if is_argument else [own, *set_by_variables]
    stack = stacked([*_extended(content, label), *middle, *_overrides(overrides or {})])
    unset = {fault.path for fault in faults}
    found = [*map(concealed, faults), *stack.faults, *empty_slots(stack)]
    try:
        config = DeploymentConfig.model_validate(stack.values)
    except ValidationError as error:
        found += [fault for fault in faults_of(error, stack) if fault.path not in unset]
        raise ConfigError(label, found) from None
    if found:
        raise ConfigError(label, found)
    return config


def inert_settings(config: DeploymentConfig) -> tuple[Notice, ...]:
    """Settings that are switched on, accepted, and not yet acted on by this version."""
    inert = {
        "quality.enabled": (
            config.quality.enabled,
            "answers are not sampled and judged yet; routing uses the catalogue's scores",
        ),
    }
    return tuple(
        Notice(code="inert_setting", text=f"{path} is on, but this version does not act on it: {said}")
        for path, (on, said) in inert.items()
        if on
    )


def costly_settings(config: DeploymentConfig) -> tuple[Notice, ...]:
    """Settings that do what they say, and cost more than they seem to."""
    if not config.provider.order:
        return ()
    text = (
        "provider.order is set: OpenRouter then holds no conversation to one provider, which costs the"
        " discount on cached prompts; leave it out, or use provider.only or provider.ignore"
    )
    return (Notice(code="costly_setting", text=text),)


def _content(source: Source) -> tuple[str, Values]:
    """Where the configuration comes from, in words, and what it says."""
    if isinstance(source, DeploymentConfig):
        return "the given configuration", source.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(source, Mapping):
        return "the given configuration", source
    if isinstance(source, str) and not _looks_like_path(source):
        return f"profile {source}", _profile(source, path="profile", source=f"profile {source}")
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), [_missing_file(path)]) from None
    except (OSError, UnicodeDecodeError) as failure:
        fault = ConfigFault(path=str(path), value=None, problem=f"cannot be read: {failure}")
        raise ConfigError(str(path), [fault]) from None
    return str(path), parsed(path, text)


def _looks_like_path(source: str) -> bool:
    return source.endswith(_SUFFIXES) or "/" in source or "\\" in source


def _profile(name: str, *, path: str, source: str) -> Values:
    try:
        return profile_values(name)
    except KeyError:
        known = profile_names()
        problem = f"there is no profile {name!r}; there are {', '.join(known)}, or give a .json or .toml file"
        fault = ConfigFault(path=path, value=name, problem=problem, nearest=nearest(name, known))
        raise ConfigError(source, [fault]) from None


def _missing_file(path: Path) -> ConfigFault:
    folder = path.parent
    near = [entry.name for entry in folder.glob("*") if entry.suffix in _SUFFIXES] if folder.is_dir() else []
    problem = "there is no such file"
    if not folder.is_dir():
        problem += f", nor a folder {str(folder)!r}"
    problem += (
        f"; files there: {', '.join(sorted(near)[:8]) or 'none'}; profiles: {', '.join(profile_names())}"
    )
    guess = nearest(path.name, near) or nearest(path.stem.removesuffix("-config"), profile_names())
    return ConfigFault(path=str(path), value=str(path), problem=problem, nearest=guess)


def parsed(path: Path, text: str) -> Values:
    """The file's object. Numbers with a point become Decimal: no amount of dollars is ever a float."""

    def pairs(entries: Sequence[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in entries]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ConfigError(
                str(path), [ConfigFault(path=key, value=None, problem="is given twice") for key in twice]
            )
        return dict(entries)

    if path.suffix == ".toml":
        try:
            return tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(str(path), [_malformed("TOML", str(path), str(error))]) from None
    try:
        value = cast("object", json.loads(text, parse_float=Decimal, object_pairs_hook=pairs))
    except json.JSONDecodeError as error:
        where = f"{error.msg} (at line {error.lineno}, column {error.colno})"
        raise ConfigError(str(path), [_malformed("JSON", str(path), where)]) from None
    if not isinstance(value, Mapping):
        raise ConfigError(
            str(path), [ConfigFault(path=str(path), value=value, problem="is not an object in braces")]
        )
    return cast("Values", value)


def _malformed(kind: str, path: str, where: str) -> ConfigFault:
    return ConfigFault(path=path, value=None, problem=f"is not {kind}: {where}")


def _extended(content: Values, source: str) -> list[Layer]:
    name = content.get("extends")
    if not isinstance(name, str):
        return []
    return [Layer(values=_profile(name, path="extends", source=source), label=f"profile {name}: ")]


def _environment(settings: Environment) -> list[Layer]:
    stated = {name: value for name, value in settings.model_dump(by_alias=True).items() if value is not None}
    return [
        Layer(values=_under(path, value), names={path: name})
        for name, value in stated.items()
        for path in SETTINGS.get(name, ())
    ]


def _overrides(overrides: Values) -> list[Layer]:
    return [
        Layer(values=_under(tuple(key.split(".")), value), label="override ")
        for key, value in overrides.items()
    ]


def _under(path: tuple[str, ...], value: object) -> dict[str, object]:
    for key in reversed(path[1:]):
        value = {key: value}
    return {path[0]: value}
