"""What a worker on another machine is handed: the configuration, what to work on, and nothing that is secret.

Keys and the database's password are the machine's own: they come from its environment. What cannot be handed
over without a secret in it is refused.
"""

from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl

import msgspec
import sqlalchemy as sa

from farthing.config.schema import DeploymentConfig
from farthing.errors import SwarmError
from farthing.storage.database import Database
from farthing.swarm.placing import Ground

DATABASE_URL = "FARTHING_DATABASE_URL"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's orders. `database_url` None is what the machine's environment names."""

    config: dict[str, object]
    database_url: str | None
    run_id: str
    modules: tuple[str, ...] = ()
    concurrency: int = 16
    drain_s: float = 30.0


def order_for(ground: Ground, *, concurrency: int, drain_s: float) -> bytes:
    """The orders for the workers of a run, as JSON. Raises `SwarmError` where they would hold a secret."""
    secret = list(_secret_settings(ground.config))
    if secret:
        raise SwarmError(
            f"the configuration holds secrets, and workers would be handed them: {', '.join(secret)}",
            hint="start `farthing worker --config FILE` on each machine, whose own environment fills in "
            "${VAR}, and deploy with on=Workers()",
        )
    config = cast(
        "dict[str, object]",
        ground.config.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"storage": {"database_url"}}
        ),
    )
    order = Order(
        config=config,
        database_url=handed_url(ground.database),
        run_id=ground.run_id,
        modules=ground.modules,
        concurrency=concurrency,
        drain_s=drain_s,
    )
    return msgspec.json.encode(order)


def handed_url(database: Database) -> str | None:
    """The database's URL where it holds no password; else None: each machine has its own in its
    environment."""
    url = database.url
    asked = [
        name for name, _ in parse_qsl(sa.URL.render_as_string(url, hide_password=True).partition("?")[2])
    ]
    if url.password is not None or any("password" in name.lower() for name in asked):
        return None
    return url.render_as_string(hide_password=False)


def database_url_of(order: Order, environ: Mapping[str, str]) -> str:
    """Where the worker finds the database: its environment's, else what it was handed. Raises
    `SwarmError`."""
    url = environ.get(DATABASE_URL) or order.database_url
    if not url:
        raise SwarmError(
            f"{DATABASE_URL} is not set on this machine, and the database's address holds a password, which "
            "is handed to nobody",
            hint=f"export {DATABASE_URL} before `ray start` on each machine",
        )
    return url


def _secret_settings(config: DeploymentConfig) -> Iterator[str]:
    alerts = config.alerts
    if alerts.webhooks or alerts.apprise or alerts.webhook_secret is not None:
        yield "alerts"
    for name, server in config.mcp_servers.items():
        if server.env or server.headers:
            yield f"mcpServers.{name}"
