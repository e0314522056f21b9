"""Which texts of a deployment must not be seen: keys, passwords of URLs, webhooks, MCP secrets. Pure.

They are given to a redactor and to nothing else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from farthing.config.schema import DeploymentConfig

_HEADERS = (
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
)

_PUBLIC = {"schema_", "upstream", "storage", "monitoring", "swarm", "models", "description"}
"""Parts of a configuration whose addresses are no secret, or are looked at by name."""

_TOKEN = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{10,}")


def known_secrets(
    config: DeploymentConfig | None, *, environ: Mapping[str, str], api_keys: Iterable[str]
) -> frozenset[str]:
    """Every secret that a deployment was given. `config` None is the command line before it has one."""
    found = {*api_keys, environ.get("OPENROUTER_MANAGEMENT_KEY", "")}
    for name in _HEADERS:
        found.update(unquote(value) for _, value in parse_qsl(environ.get(name, ""), separator=","))
    found.update(_of_url(environ.get("FARTHING_DATABASE_URL", "")))
    if config is not None:
        found.update(_of_url(config.storage.database_url or ""))
        for text in _texts(config.model_dump(exclude=_PUBLIC)):
            if "://" in text:  # whoever knows a webhook's address can write to it
                found.update((text, *_tokens(text)))
        found.update(secret for server in config.mcp_servers.values() for secret in server.secrets())
        if config.alerts.webhook_secret is not None:
            found.add(config.alerts.webhook_secret.get_secret_value())
    return frozenset(found - {""})


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    yield from (value for name, value in parse_qsl(parts.query) if "password" in name.lower())


def _tokens(url: str) -> list[str]:
    """The parts of an address that are long and mixed enough to be what gives access."""
    return _TOKEN.findall(url.partition("://")[2])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():  # pyright: ignore[reportUnknownVariableType] - any JSON
            yield from _texts(inner)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list | tuple):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(inner)  # pyright: ignore[reportUnknownArgumentType]
