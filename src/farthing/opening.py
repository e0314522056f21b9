"""What a deployment opens: the client, today's catalogue, the database, and what is read once.

Thin: each function opens one thing or fails with what to do. The order is `deployment.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from farthing.catalog.kept import newest_readable
from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.catalog.refresh import refreshed_catalog
from farthing.config.load import api_key, load_catalog
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault, FarthingError, MissingKeyError
from farthing.result import Notice
from farthing.spend import store
from farthing.storage.database import Database, default_path, sqlite_url
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure
from farthing.upstream.proxy import proxy_for
from farthing.upstream.transport import AiohttpTransport, Transport

_NO_KEY = "sk-or-no-key-needed-on-this-machine"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def open_transport(config: DeploymentConfig, *, environ: Mapping[str, str]) -> Transport:
    """A transport of our own, or aiohttp's where the environment names a proxy. Raises `ConfigError`."""
    proxy = proxy_for(config.upstream.base_url, environ)
    limit = config.upstream.connection_limit
    if proxy is not None:
        return AiohttpTransport(connection_limit=limit, proxy=proxy)
    return DirectTransport(connection_limit=limit)


def open_client(
    config: DeploymentConfig,
    *,
    environ: Mapping[str, str],
    transport: Transport | None,
    needs_key: bool = True,
) -> Client:
    """The upstream's client. Raises `MissingKeyError` where a key is needed and none is set."""
    upstream = config.upstream
    key = api_key(environ)
    local = urlsplit(upstream.base_url).hostname in _LOOPBACK
    if key is None and needs_key and not local:
        raise MissingKeyError(
            f"OPENROUTER_API_KEY is not set, and {upstream.base_url} needs a key",
            hint="export OPENROUTER_API_KEY=sk-or-…, or see it work without one: farthing demo",
        )
    return Client(
        transport or open_transport(config, environ=environ),
        base_url=upstream.base_url,
        api_key=key.reveal() if key is not None else _NO_KEY if local else None,
        app_title=upstream.app_title,
        app_url=upstream.app_url,
    )


async def current_catalog(
    client: Client, config: DeploymentConfig, *, now: datetime, environ: Mapping[str, str]
) -> tuple[Catalog, tuple[Notice, ...]]:
    """Today's models and prices from upstream, or the newest book that is here with a notice."""
    timeout_s = config.upstream.refresh_timeout

    async def fetch() -> list[dict[str, object]]:
        rows = await client.models(timeout_s=timeout_s)
        if isinstance(rows, Failure):
            raise FarthingError(f"{rows.kind.value}: {rows.message}")
        return rows

    return await refreshed_catalog(
        fetch,
        load_catalog(),
        now=now,
        timeout_s=timeout_s,
        last_known=lambda: newest_readable(environ),
    )


def open_database(config: DeploymentConfig, *, simulated: bool, environ: Mapping[str, str]) -> Database:
    """The ledger's database. Raises `ConfigError` when it holds the other kind of money."""
    path = default_path(simulated=simulated, environ=environ)
    database = Database(config.storage.database_url or sqlite_url(path))
    kind = "simulated" if simulated else "real"
    with database.write() as connection:
        found = store.claim_upstream(connection, database, kind=kind)
    if found != kind:
        database.close()
        problem = f"{database.display_url} holds {found} money, and this upstream's is {kind}"
        fault = ConfigFault(path="storage.databaseUrl", value=database.display_url, problem=problem)
        raise ConfigError("the ledger", [fault])
    return database


def baseline_price(config: DeploymentConfig, catalog: Catalog) -> Price | None:
    """The price that savings are measured against: today's, or the dated one of a model that is gone."""
    name = config.baseline.model
    return catalog.price(name) or load_catalog("tutorial").price(name)


def keep_prices(database: Database, config: DeploymentConfig, catalog: Catalog, *, now: datetime) -> Catalog:
    """Writes down the day's prices beside the rows that will name them; the catalogue to work with.

    Prices that have changed within a day make another book, named by its time too.
    """
    baseline = baseline_price(config, catalog)
    others = [] if baseline is None or baseline.book == catalog.prices.id else [baseline]
    with database.write() as connection:
        if not store.keep_prices(connection, [*catalog.prices.prices.values(), *others]):
            catalog = catalog.renamed(f"{catalog.prices.id} {now:%H:%M:%S}")
            store.keep_prices(connection, catalog.prices.prices.values())
    return catalog
