"""What a deployment opens: the client, today's catalogue, the database, and what is read once.

Thin: each function opens one thing or fails with what to do. The order is `deployment.py`'s.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from farthing.attempt import Means
from farthing.cache.embed import check_installed
from farthing.cache.flight import Cache
from farthing.cache.semantic import Semantic
from farthing.cache.shared import SharedAnswers
from farthing.catalog.kept import newest_readable
from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.catalog.refresh import refreshed_catalog
from farthing.clock import Clock
from farthing.config.limiting import Limits, RateLimit
from farthing.config.load import load_catalog, secrets_of
from farthing.config.schema import DeploymentConfig
from farthing.config.upstreams import MAIN, FurtherUpstream, place_of
from farthing.errors import ConfigError, ConfigFault, FarthingError, MissingKeyError
from farthing.levels import ServiceLevels
from farthing.limits.allowance import FreeAllowance, FreeDay
from farthing.limits.permits import Permits, Rates
from farthing.limits.shared import Exchange
from farthing.limits.window import Rate
from farthing.result import Notice
from farthing.spend import store
from farthing.spend.ledger import SIMULATOR
from farthing.spend.targets import targets_by_id
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database, default_path, sqlite_url
from farthing.underway import UnderWay
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure
from farthing.upstream.keyring import Key, KeyRing
from farthing.upstream.proxy import proxy_for
from farthing.upstream.transport import AiohttpTransport, Transport

_NO_KEY = "sk-or-no-key-needed-on-this-machine"
_OPENROUTER = "openrouter.ai"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def open_transport(config: DeploymentConfig, *, environ: Mapping[str, str]) -> Transport:
    """A transport of our own, or aiohttp's where the environment names a proxy. Raises `ConfigError`."""
    return _transport_to(config.upstream.base_url, config.upstream.connection_limit, environ=environ)


def _transport_to(base_url: str, limit: int, *, environ: Mapping[str, str]) -> Transport:
    proxy = proxy_for(base_url, environ)
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
    """The main upstream's client, by its first key. Raises `MissingKeyError` where one is needed."""
    return _open_keys(config, environ=environ, transport=transport, needs_key=needs_key)[0].client


def open_keys(
    config: DeploymentConfig, *, environ: Mapping[str, str], transport: Transport | None
) -> KeyRing:
    """Every key of every upstream. Raises `MissingKeyError` where one is needed and none is set."""
    keys = {MAIN: _open_keys(config, environ=environ, transport=transport)}
    for name, upstream in config.upstreams.items():
        keys[name] = _further_keys(name, upstream, config, environ=environ, transport=transport)
    return KeyRing(keys)


def _open_keys(
    config: DeploymentConfig,
    *,
    environ: Mapping[str, str],
    transport: Transport | None,
    needs_key: bool = True,
) -> list[Key]:
    upstream = config.upstream
    found = secrets_of(upstream.api_key_env, environ)
    local = urlsplit(upstream.base_url).hostname in _LOOPBACK
    if not found and needs_key and not local:
        names = " or ".join(upstream.api_key_env) or "upstream.apiKeyEnv"
        raise MissingKeyError(
            f"{names} is not set, and {upstream.base_url} needs a key",
            hint="export OPENROUTER_API_KEY=sk-or-…, or see it work without one: farthing demo",
        )
    shared = transport or open_transport(config, environ=environ)
    named = [(name, secret.reveal()) for name, secret in found.items()] or [("", _NO_KEY if local else None)]
    return [
        Key(
            upstream=MAIN,
            host=urlsplit(upstream.base_url).netloc,
            name=name,
            client=Client(
                shared,
                base_url=upstream.base_url,
                api_key=key,
                app_title=upstream.app_title,
                app_url=upstream.app_url,
            ),
        )
        for name, key in named
    ]


def _further_keys(
    name: str,
    upstream: FurtherUpstream,
    config: DeploymentConfig,
    *,
    environ: Mapping[str, str],
    transport: Transport | None,
) -> list[Key]:
    found = secrets_of(upstream.api_key_env, environ)
    if upstream.api_key_env and not found:
        raise MissingKeyError(
            f"{' or '.join(upstream.api_key_env)} is not set, and upstreams.{name} asks for it",
            hint="set it in the environment or .env, or leave apiKeyEnv out where the server wants no key",
        )
    limit = config.upstream.connection_limit
    shared = transport or _transport_to(upstream.base_url, limit, environ=environ)
    named = [(variable, secret.reveal()) for variable, secret in found.items()] or [("", None)]
    return [
        Key(
            upstream=name,
            host=urlsplit(upstream.base_url).netloc,
            name=variable,
            client=Client(shared, base_url=upstream.base_url, api_key=key),
        )
        for variable, key in named
    ]


async def meet_upstreams(keys: KeyRing, config: DeploymentConfig) -> tuple[Notice, ...]:
    """Asks each further upstream whether it is there, and names the rows' upstreams; what is amiss is told.

    Raises `ConfigError` where simulated and real money would come into one ledger.
    """
    simulated = keys.of(MAIN)[0].client.simulated
    for key in keys.of(MAIN):
        key.host = SIMULATOR if simulated else key.host
    names = list(config.upstreams)
    timeout_s = config.upstream.refresh_timeout
    asked = await asyncio.gather(*(keys.of(name)[0].client.models(timeout_s=timeout_s) for name in names))
    notices: list[Notice] = []
    for name, answer in zip(names, asked, strict=True):
        if isinstance(answer, Failure):
            text = f"upstreams.{name} does not answer: {answer.kind.value}: {answer.message}"
            notices.append(Notice(code="upstream_away", text=text))
        elif keys.of(name)[0].client.simulated != simulated:
            problem = (
                f"is {'real' if simulated else 'a simulator'}, and `upstream` is not: one ledger, one money"
            )
            fault = ConfigFault(
                path=f"upstreams.{name}", value=config.upstreams[name].base_url, problem=problem
            )
            raise ConfigError("the upstreams", [fault])
        for key in keys.of(name):
            key.host = SIMULATOR if simulated else key.host
    return tuple(notices)


def open_permits(
    config: DeploymentConfig, catalog: Catalog, keys: KeyRing, *, clock: Clock, exchange: Exchange | None
) -> Permits:
    """Leave to send within the configured limits and, at OpenRouter, the account's on free models; `exchange`
    is where several processes count them."""
    limits, main = config.limits, keys.of(MAIN)
    client = main[0].client
    at_openrouter = client.simulated or urlsplit(config.upstream.base_url).hostname == _OPENROUTER
    free = Rate(requests=limits.free_requests_per_minute if at_openrouter else None)

    async def free_requests_left() -> FreeDay | None:
        status = await client.key_status(timeout_s=config.upstream.refresh_timeout)
        if isinstance(status, Failure) or status.free_requests_remaining is None:
            return None
        return FreeDay(status.free_requests_remaining, status.free_requests_limit)

    spread = limits.spread_free_requests and config.environment == "development"

    return Permits(
        config.scaling.max_concurrency,
        rates=Rates(
            deployment=_rate(limits),
            models={_id_of(model, catalog): _rate(limit) for model, limit in limits.models.items()},
            keys=_rate(limits.per_key),
            free=free,
        ),
        queue_size=limits.queue_size,
        when_full=limits.when_full,
        allowance=FreeAllowance(free_requests_left, clock, spread=spread) if at_openrouter else None,
        clock=clock,
        is_main=lambda model: place_of(model, config.upstreams).upstream == MAIN,
        keys_sharing=lambda now: keys.sharing(MAIN, now),
        exchange=exchange,
    )


def open_means(
    config: DeploymentConfig,
    catalog: Catalog,
    *,
    keys: KeyRing,
    ledger: LedgerWriter,
    permits: Permits,
    clock: Clock,
    database: Database,
) -> Means:
    """What every attempt works with."""
    if config.optimization.caching.enabled and config.optimization.caching.semantic.enabled:
        check_installed()
    targets = targets_by_id(config, catalog)
    shared = SharedAnswers(database, epoch=lambda: ledger.epoch, now_us=clock.now_us)
    return Means(
        config=config,
        catalog=catalog,
        keys=keys,
        ledger=ledger,
        permits=permits,
        levels=ServiceLevels(targets, config.scaling, permits, clock),
        clock=clock,
        answers=Cache(clock, shared),
        semantic=Semantic(database, clock),
        baseline=baseline_price(config, catalog),
        under_way=UnderWay(),
        targets=targets,
    )


def _rate(limit: RateLimit | Limits) -> Rate:
    return Rate(requests=limit.requests_per_minute, tokens=limit.tokens_per_minute)


def _id_of(name: str, catalog: Catalog) -> str:
    known = catalog.find(name)
    return name if known is None else known.id


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
