"""`farthing config`: what is in force and where it comes from, whether a file is right, the JSON Schema."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import typer
from pydantic import BaseModel

from farthing.cli.work import show
from farthing.config.environment import SETTINGS, read_environment
from farthing.config.json_schema import deployment_json_schema
from farthing.config.load import DEFAULT_PROFILE, api_key, inert_settings, load_config, profile_names
from farthing.config.schema import DeploymentConfig
from farthing.errors import EXIT_CODES, ConfigError, ConfigFault

Keys = tuple[str, ...]
_HIDDEN = "***"


def tell_in_force(source: str | Path | None, *, as_json: bool) -> None:
    """The configuration in force, and where each setting was said."""
    settings = load_config(source)
    if as_json:
        show.write_json(shown_settings(settings))
        return
    origins = Origins(settings, source)
    rows = [
        [".".join(path), _written(value), origins.of(path)]
        for path, value in _leaves(shown_settings(settings))
    ]
    out = show.console()
    out.print(show.table(["setting", "value", "from"], rows))
    key = "set (never shown)" if api_key() else "not set"
    out.print(f"OPENROUTER_API_KEY: {key}", style="dim")


def tell_faults(files: Sequence[Path], *, as_json: bool) -> None:
    """Every fault of every file; exits with the code of a `ConfigError` when there is one."""
    found = [(path, _faults(path)) for path in files]
    if as_json:
        show.write_json(
            [{"file": str(path), "valid": not faults, "faults": faults} for path, faults in found]
        )
    for path, faults in found:
        if faults:
            show.note(str(ConfigError(str(path), faults)))
        elif not as_json:
            show.console().print(f"{path}: valid", soft_wrap=True)
            for notice in inert_settings(load_config(path)):
                show.note(f"note: {notice.text}")
    if any(faults for _, faults in found):
        raise typer.Exit(EXIT_CODES[ConfigError])


def tell_schema() -> None:
    """The JSON Schema of a configuration file."""
    show.write_json(deployment_json_schema())


def _faults(path: Path) -> tuple[ConfigFault, ...]:
    try:
        load_config(path)
    except ConfigError as error:
        return error.faults
    return ()


class Origins:
    """Where each setting of a loaded configuration was said."""

    def __init__(self, settings: DeploymentConfig, source: str | Path | None) -> None:
        environment = read_environment()
        self._settings = settings
        self._extended = load_config(settings.extends, environ={}) if settings.extends else None
        self._variables = {
            path: name if os.environ.get(name) else f"{name} in .env"
            for name, value in environment.model_dump(by_alias=True).items()
            if value is not None
            for path in SETTINGS.get(name, ())
        }
        chosen = str(source or environment.deployment_config or DEFAULT_PROFILE)
        self._source = f"profile {chosen}" if chosen in profile_names() else chosen

    def of(self, path: Keys) -> str:
        """A variable's name, the file or profile, or `default`. A file that repeats the profile that it
        extends is told as the profile."""
        if path in self._variables:
            return self._variables[path]
        if not _said(self._settings, path):
            return "default"
        if self._extended is not None and _said(self._extended, path):
            same = _value(self._extended, path) == _value(self._settings, path)
            return f"profile {self._settings.extends}" if same else self._source
        return self._source


def _said(settings: BaseModel, path: Keys) -> bool:
    """Whether a setting was stated in any layer, rather than left to its default."""
    at: object = settings
    for key in path:
        if not isinstance(at, BaseModel):
            return True  # inside a stated mapping
        name = _field(at, key)
        if name not in at.model_fields_set:
            return False
        at = cast("object", getattr(at, name))
    return True


def _value(settings: DeploymentConfig, path: Keys) -> object:
    return dict(_leaves(shown_settings(settings))).get(path)


def _field(section: BaseModel, key: str) -> str:
    fields = type(section).model_fields
    return next((name for name, field in fields.items() if field.alias == key), key)


def shown_settings(settings: DeploymentConfig) -> dict[str, object]:
    """The configuration as JSON values, a database's password and what MCP servers are given masked."""
    tree = cast("dict[str, object]", settings.model_dump(mode="json", by_alias=True, exclude={"schema_"}))
    servers = cast("dict[str, dict[str, object]]", tree["mcpServers"])
    for name, server in settings.mcp_servers.items():
        servers[name]["env"] = dict.fromkeys(server.env, _HIDDEN)
        servers[name]["headers"] = dict.fromkeys(server.headers, _HIDDEN)
        servers[name]["url"] = server.url and server.address
    storage = cast("dict[str, object]", tree["storage"])
    if isinstance(url := storage["databaseUrl"], str):
        storage["databaseUrl"] = show.masked(url)
    return tree


def _leaves(tree: Mapping[str, object], path: Keys = ()) -> Iterable[tuple[Keys, object]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(cast("Mapping[str, object]", value), (*path, key))
        else:
            yield (*path, key), value


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "—" if value in (None, {}, []) else str(value)
