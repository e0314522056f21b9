"""Where alerts go: a function, a webhook, an Apprise URL. Each sends once and says what came of it.

An address may hold a secret: a channel's name has a webhook's host, or an Apprise URL's scheme, and no
answer repeats more. When to try again is `notify.py`'s.
"""

import asyncio
import contextvars
import hashlib
import hmac
import inspect
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec

from farthing.config.alerting import Alerts
from farthing.errors import ConfigError, ConfigFault
from farthing.spend.alerts import Alert, Message

log = logging.getLogger("farthing.alerts")

AlertCallback = Callable[[], object] | Callable[[Alert], object]

SIGNATURE = "X-Farthing-Signature"
_TIMEOUT_S = 10.0
_TRY_AGAIN = {408, 425, 429}
_WIRE_LOGGERS = {"apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib"}
_SENDING = contextvars.ContextVar("farthing_sending_an_alert", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The channel took the alert. `said` is its answer in words."""

    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It did not. `final`: another try would get the same answer."""

    why: str
    final: bool = False


Answer = Taken | Failed


class Channel(Protocol):
    """One receiver. `send` never raises but when it is cancelled; `tries` is how often it is worth trying."""

    @property
    def name(self) -> str: ...

    @property
    def tries(self) -> int: ...

    async def send(self, message: Message) -> Answer: ...


class Callback:
    """A function of the program, sync or async, that takes the alert or nothing."""

    tries = 3

    def __init__(self, name: str, function: AlertCallback) -> None:
        self.name, self._function = name, function

    async def send(self, message: Message) -> Answer:
        arguments = (message.alert,) if _takes_alert(self._function) else ()
        try:
            answer = cast("Callable[..., object]", self._function)(*arguments)
            if inspect.isawaitable(answer):
                await answer
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a user's function: whatever it raises must not stop a deployment
            log.exception("%s raised", self.name)
            return Failed(why=f"it raised {type(error).__name__}")
        return Taken(said="it returned")


class Webhook:
    """A URL that takes JSON by POST. Redirects are not followed: they would take the signature elsewhere."""

    tries = 8

    def __init__(self, url: str, *, secret: str | None, timeout_s: float = _TIMEOUT_S) -> None:
        self.name = f"webhook {urlsplit(url).hostname}"
        self._url, self._secret, self._timeout_s = url, secret, timeout_s

    async def send(self, message: Message) -> Answer:
        body = msgspec.json.encode(message.payload)
        headers = {"Content-Type": "application/json", "User-Agent": "farthing"}
        if self._secret is not None:
            headers[SIGNATURE] = signature(body, self._secret)
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as reply,
            ):
                return _answer_of(reply.status)
        except TimeoutError:
            return Failed(why=f"no answer within {self._timeout_s:g} s")
        except aiohttp.InvalidURL:
            return Failed(why="its URL cannot be used", final=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # its words would repeat the URL
            return Failed(why=f"no connection ({type(error).__name__})")


class AppriseTarget:
    """One Apprise URL. Apprise blocks, so it works in a thread that dies with the process."""

    tries = 8

    def __init__(self, url: str, *, number: int, timeout_s: float = 3 * _TIMEOUT_S) -> None:
        """Raises `ConfigError` where Apprise is not installed or does not know the URL's service."""
        self.name = f"apprise {url.partition('://')[0].lower()}"
        self._timeout_s = timeout_s
        path = f"alerts.apprise[{number}]"
        try:
            from apprise import Apprise, AppriseAsset
        except ImportError:
            needs = "needs the extra `notify`; in the clone: .venv/bin/pip install '.[notify]'"
            raise _fault(path, needs) from None
        # No time of its own: Apprise keeps one in threads that a process waits for when it ends.
        options: dict[str, Any] = {"http_redirects": False, "service_timeout": 0, "storage_mode": "memory"}
        # `Any`: some of its types are unknown.
        self._target: Any = Apprise(asset=AppriseAsset(app_id="Farthing", app_desc="Farthing", **options))
        with _unlogged():
            known = self._target.add(url)
        if not known:
            raise _fault(path, f"is no URL that Apprise knows (its service is {url.partition('://')[0]!r})")

    async def send(self, message: Message) -> Answer:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()

        def work() -> None:
            answer = self._notify(message)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, done, answer)

        threading.Thread(target=work, name="farthing-apprise", daemon=True).start()
        try:
            return await asyncio.wait_for(done, self._timeout_s)
        except TimeoutError:
            return Failed(why=f"no answer within {self._timeout_s:g} s")

    def _notify(self, message: Message) -> Answer:
        kind = "info" if message.test else "failure" if message.alert.level == "critical" else "warning"
        try:
            with _unlogged():
                taken = bool(self._target.notify(body=message.text, title="Farthing", notify_type=kind))
        except Exception as error:  # noqa: BLE001 - a plugin of a hundred services; its words may hold the URL
            return Failed(why=f"Apprise raised {type(error).__name__}")
        return Taken(said="Apprise sent it") if taken else Failed(why="Apprise could not send it")


def open_channels(alerts: Alerts) -> tuple[Channel, ...]:
    """The channels that a configuration names. Raises `ConfigError` for one that cannot be used."""
    secret = None if alerts.webhook_secret is None else alerts.webhook_secret.get_secret_value()
    return (
        *(Webhook(url.get_secret_value(), secret=secret) for url in alerts.webhooks),
        *(AppriseTarget(url.get_secret_value(), number=number) for number, url in enumerate(alerts.apprise)),
    )


def signature(body: bytes, secret: str) -> str:
    """What `X-Farthing-Signature` says of a body: `sha256=` and the HMAC in hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _answer_of(status: int) -> Answer:
    if 200 <= status < 300:
        return Taken(said=f"it answered {status}")
    if 300 <= status < 400:
        return Failed(why=f"it answered {status}; redirects are not followed", final=True)
    return Failed(why=f"it answered {status}", final=status < 500 and status not in _TRY_AGAIN)


def _takes_alert(function: AlertCallback) -> bool:
    return any(
        parameter.default is inspect.Parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in inspect.signature(function).parameters.values()
    )


def _resolve(done: asyncio.Future[Answer], answer: Answer) -> None:
    if not done.done():
        done.set_result(answer)


def _fault(path: str, problem: str) -> ConfigError:
    return ConfigError("the configuration", [ConfigFault(path=path, value="***", problem=problem)])


class _Silence(logging.Filter):
    """Drops what is logged while we send: Apprise and what is below it log whole URLs when debugging."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _SENDING.get()


_SILENCE = _Silence()


@contextmanager
def _unlogged() -> Generator[None]:
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _WIRE_LOGGERS:
            logging.getLogger(name).addFilter(_SILENCE)  # the same one: added once
    token = _SENDING.set(True)
    try:
        yield
    finally:
        _SENDING.reset(token)
