"""What watches an open deployment: opened as its configuration says, put around its journeys, and closed.

Nothing of OpenTelemetry or Prometheus is imported where it is not asked for; without anything to watch with,
a journey is the pipeline's own.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from farthing.attempt import Means
from farthing.config.load import secrets_of
from farthing.config.schema import Content, DeploymentConfig, Telemetry
from farthing.errors import ConfigError, ConfigFault
from farthing.result import Notice
from farthing.storage.database import Database
from farthing.swarm.events import LoopEvent, SwarmEvent
from farthing.task import Task
from farthing.telemetry.journal import TaskLog
from farthing.telemetry.journal import log as task_log
from farthing.telemetry.logs import redacts, tell_filters
from farthing.telemetry.secrets import known_secrets
from farthing.telemetry.watch import Run, Watcher, log, watched

if TYPE_CHECKING:
    from farthing.telemetry.otel import Sending

T = TypeVar("T")

_CONTENT_S = 10.0  # what is queued is written within it, or left
OnSwarm = Callable[[SwarmEvent | None], None]


class Watching:
    """Everything that watches a deployment. Made by `open_watching`; an empty one costs nothing."""

    def __init__(
        self,
        watchers: Sequence[Watcher] = (),
        *,
        sending: "Sending | None" = None,
        closing: Sequence[Callable[[], None]] = (),
        notices: Sequence[Notice] = (),
    ) -> None:
        """`watchers` from the innermost to the outermost; `closing` block and are called in a thread each."""
        self._watchers = watchers
        self._sending = sending
        self._closing = closing
        self.notices = tuple(notices)

    def around(self, run: Run) -> Run:
        """The journey with its observers; the journey itself where there are none."""
        for watcher in self._watchers:
            run = partial(watched, run, watcher)
        return run

    def around_loop(self, events: AsyncGenerator[LoopEvent], task: Task) -> AsyncGenerator[LoopEvent]:
        """The events of an agent's loop, in a span of its own where spans are made."""
        return events if self._sending is None else self._sending.around_loop(events, task)

    def on_swarm_event(self) -> OnSwarm | None:
        """What a new swarm calls with its events; None where nobody wants them."""
        return None if self._sending is None else _guarded(self._sending.observer_of_swarms())

    def carried(self, work: Coroutine[object, object, T]) -> Coroutine[object, object, T]:
        """The work with this thread's current span as its parent, wherever it is run."""
        return work if self._sending is None else self._sending.carried(work)

    async def aclose(self) -> None:
        """Ends all of it, each within its own time."""
        closing, self._closing = self._closing, ()
        await asyncio.gather(*(_in_a_thread(close) for close in closing))


def open_watching(
    means: Means, database: Database, *, environ: Mapping[str, str], simulated: bool
) -> Watching:
    """What the configuration asks for. Raises `ConfigError` where the extra `telemetry` is not installed."""
    config = means.config
    names = (config.upstream.api_key_env, *(other.api_key_env for other in config.upstreams.values()))
    found = secrets_of((name for some in names for name in some), environ)
    keys = [secret.reveal() for secret in found.values()]
    variables = {**os.environ, **environ}
    secrets = known_secrets(config, environ=variables, api_keys=keys)
    tell_filters(secrets)
    closing: list[Callable[[], None]] = []
    try:
        return _opened(means, database, secrets, closing, simulated=simulated)
    except BaseException:
        for close in closing:
            close()
        raise


def _opened(
    means: Means,
    database: Database,
    secrets: frozenset[str],
    closing: list[Callable[[], None]],
    *,
    simulated: bool,
) -> Watching:
    config, settings = means.config, means.config.monitoring.telemetry
    watchers: list[Watcher] = []
    notices: list[Notice] = []
    if config.content.keep:
        _keep_content(config.content, means, database, secrets, watchers, closing)
    if settings.prometheus_port is not None:
        notices.append(_serve_page(settings, means, database, watchers, closing))
    if task_log.isEnabledFor(logging.INFO):
        watchers.append(TaskLog)
    sending = _send(config, secrets, simulated, closing) if settings.enabled else None
    if sending is not None:
        watchers += sending.watchers  # outermost: what the others do happens in the span
    return Watching(watchers, sending=sending, closing=closing, notices=notices)


def _keep_content(
    settings: Content,
    means: Means,
    database: Database,
    secrets: frozenset[str],
    watchers: list[Watcher],
    closing: list[Callable[[], None]],
) -> None:
    from farthing.content.keeper import Keeper
    from farthing.content.redact import redactor
    from farthing.telemetry.content import TaskContent

    keeper = Keeper(
        database,
        redact=redactor(settings.redact, secrets=secrets),
        retention_days=settings.retention_days,
        now_us=means.clock.now_us,
    )
    keeper.start()
    watchers.append(partial(TaskContent, keeper))
    closing.append(partial(keeper.close, _CONTENT_S))


def _serve_page(
    settings: Telemetry,
    means: Means,
    database: Database,
    watchers: list[Watcher],
    closing: list[Callable[[], None]],
) -> Notice:
    try:
        from farthing.telemetry import prometheus
    except ImportError:
        raise _missing("monitoring.telemetry.prometheusPort", settings.prometheus_port) from None
    from farthing.telemetry.standing import reader

    read = reader(
        database,
        means.permits,
        config=lambda: means.config,
        now=means.clock.now,
        levels=means.levels.now,
    )
    port, address = settings.prometheus_port or 0, settings.prometheus_address
    try:
        page = prometheus.serve(read, port=port, address=address)
    except OSError as error:  # another process has it: no reason not to work
        text = f"metrics for Prometheus are not served: {address}:{port}: {error.strerror or error}"
        return Notice(code="prometheus_not_served", text=text)
    watchers.append(partial(prometheus.TaskCounts, page.counts))
    closing.append(page.close)
    return Notice(code="prometheus", text=f"metrics for Prometheus: {page.url}")


def _send(
    config: DeploymentConfig,
    secrets: frozenset[str],
    simulated: bool,
    closing: list[Callable[[], None]],
) -> "Sending":
    try:
        from farthing.telemetry.otel import open_sending
    except ImportError:
        raise _missing("monitoring.telemetry.enabled", True) from None
    sending = open_sending(
        config.monitoring.telemetry,
        redact=redacts(secrets),
        base_url=config.upstream.base_url,
        simulated=simulated,
    )
    closing.append(sending.close)
    return sending


def _missing(path: str, value: object) -> ConfigError:
    problem = "needs the extra `telemetry`; in the clone: .venv/bin/pip install '.[telemetry]'"
    return ConfigError("the configuration", [ConfigFault(path=path, value=value, problem=problem)])


def _guarded(observer: OnSwarm) -> OnSwarm:
    def observe(event: SwarmEvent | None) -> None:
        try:
            observer(event)
        except Exception as error:  # noqa: BLE001 - somebody's span processor must not end a swarm
            log.warning("an observer of a swarm failed: %s", type(error).__name__)

    return observe


async def _in_a_thread(call: Callable[[], None]) -> None:
    """Runs a call that blocks. Its thread dies with the process: nobody's exit waits for a collector."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def work() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - closing goes on, whatever an exporter says
            log.warning("closing an observer failed: %s", type(error).__name__)
        finally:
            loop.call_soon_threadsafe(done.set_result, None)

    threading.Thread(target=work, name="farthing-telemetry-close", daemon=True).start()
    await done
