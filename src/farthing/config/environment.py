"""What the process environment and a `.env` file in the working directory say to Farthing.

Reads variables; what they mean for a configuration is decided by `load.py`'s order of layers.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from farthing.config.secret import Secret
from farthing.errors import ConfigError, ConfigFault

API_KEY = "OPENROUTER_API_KEY"
MANAGEMENT_KEY = "OPENROUTER_MANAGEMENT_KEY"
"""What OpenRouter tells an account's activity for; it cannot make calls."""
DOTENV = Path(".env")

SETTINGS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "OPENROUTER_BASE_URL": (("upstream", "baseUrl"),),
    "MONTHLY_BUDGET": (("budget", "monthlyLimit"), ("alerts", "monthlyBudget")),
    "ENABLE_COST_TRACKING": (("monitoring", "costTracking"),),
    "FARTHING_DATABASE_URL": (("storage", "databaseUrl"),),
    "FARTHING_ENV": (("environment",),),
}
"""Variable → the settings it stands for."""


class Environment(BaseSettings):
    """Farthing's variables as text, unparsed; a variable that is empty counts as unset."""

    model_config = SettingsConfigDict(
        extra="ignore", case_sensitive=True, env_file=str(DOTENV), env_ignore_empty=True, frozen=True
    )

    openrouter_base_url: str | None = Field(default=None, alias="OPENROUTER_BASE_URL")
    deployment_config: str | None = Field(default=None, alias="DEPLOYMENT_CONFIG")
    monthly_budget: str | None = Field(default=None, alias="MONTHLY_BUDGET")
    enable_cost_tracking: str | None = Field(default=None, alias="ENABLE_COST_TRACKING")
    farthing_database_url: str | None = Field(default=None, alias="FARTHING_DATABASE_URL")
    farthing_env: str | None = Field(default=None, alias="FARTHING_ENV")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The given variables first, then `.env`; the process environment only where it was given."""
        return init_settings, dotenv_settings


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """Farthing's variables from `environ` (None: the process's own), then from `.env`."""
    given = os.environ if environ is None else environ
    names = (field.alias for field in Environment.model_fields.values())
    known = {name: given[name] for name in names if name and given.get(name)}
    _dotenv()  # tells an unreadable file as a fault before pydantic-settings reads it
    return Environment(**known)


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where the ledger and what belongs to it lie when nothing else is configured."""
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "farthing"


def variables(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every variable that `${VAR}` may name: those of `.env`, overlaid by `environ`."""
    return _dotenv() | dict(os.environ if environ is None else environ)


def api_key(environ: Mapping[str, str] | None = None) -> Secret | None:
    """The API key from the environment, else from `.env`; None when there is none or it is empty."""
    return _secret(API_KEY, environ)


def management_key(environ: Mapping[str, str] | None = None) -> Secret | None:
    """Likewise the management key."""
    return _secret(MANAGEMENT_KEY, environ)


def secrets_of(names: Iterable[str], environ: Mapping[str, str] | None = None) -> dict[str, Secret]:
    """Those of the named variables that are set, in their order."""
    found = {name: _secret(name, environ) for name in names}
    return {name: secret for name, secret in found.items() if secret is not None}


def _secret(name: str, environ: Mapping[str, str] | None) -> Secret | None:
    key = variables(environ).get(name, "").strip() or _dotenv().get(name, "").strip()
    return Secret(key) if key else None


def _dotenv() -> dict[str, str]:
    try:
        read = DotEnvSettingsSource(Environment, env_file=DOTENV, case_sensitive=True).env_vars
    except (OSError, UnicodeDecodeError) as failure:
        fault = ConfigFault(path=str(DOTENV), value=None, problem=f"cannot be read: {type(failure).__name__}")
        raise ConfigError(str(DOTENV), [fault]) from None
    return {name: value for name, value in read.items() if value is not None}
