"""What an alert does: callbacks in the process that was elected to send it, and fewer attempts at once.

What counts as an alert is `alerts.py`'s; that it is sent once is the unique row of table `alert`.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from farthing.clock import Clock
from farthing.permits import Permits
from farthing.spend.alerts import Alert
from farthing.spend.batch import Delivered

log = logging.getLogger("farthing.alerts")

AlertCallback = Callable[[], object] | Callable[[Alert], object]
_DELAYS_S = (0.0, 0.5, 2.0)


class Alarm:
    """Answers a deployment's alerts. At critical, attempts at once are lowered until the month ends."""

    def __init__(self, permits: Permits, clock: Clock, *, critical_concurrency: int) -> None:
        self.callbacks: Mapping[str, AlertCallback | None] = {}
        self.critical_concurrency = critical_concurrency
        self.note_delivery: Callable[[Delivered], None] | None = None
        """Told how each delivery ended, so that no other process repeats it."""
        self._permits, self._clock = permits, clock
        self._usual = permits.limit
        self._deliveries: set[asyncio.Task[bool]] = set()
        self._restoring: asyncio.Task[None] | None = None

    def on_alert(self, alert: Alert, elected: bool) -> None:
        """Called in the event loop for each level reached; `elected`: this process delivers it."""
        if alert.level == "critical":
            self._slow_down()
        if elected:
            delivery = asyncio.ensure_future(self._deliver(alert))
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, alert: Alert) -> bool:
        taken = await deliver(alert, self.callbacks.get(alert.level), sleep=self._clock.sleep)
        if self.note_delivery is not None:
            self.note_delivery(Delivered(alert, taken=taken))
        return taken

    async def aclose(self, timeout_s: float) -> None:
        """Waits for deliveries under way."""
        if self._restoring is not None:
            self._restoring.cancel()
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=timeout_s)
        for delivery in list(self._deliveries):
            delivery.cancel()

    def _slow_down(self) -> None:
        limit = self.critical_concurrency
        self._permits.resize(limit if self._usual is None else min(limit, self._usual))
        if self._restoring is None or self._restoring.done():
            self._restoring = asyncio.ensure_future(self._restore_next_month())

    async def _restore_next_month(self) -> None:
        now = self._clock.now()
        start = (now.replace(day=28) + timedelta(days=4)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        await self._clock.sleep((start - now).total_seconds())
        self._permits.resize(self._usual)


async def deliver(
    alert: Alert, callback: AlertCallback | None, *, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Logs the alert and calls `callback` (sync or async, with the alert or with nothing), up to three times.

    A callback that raises is logged and tried again; it never reaches the task that caused the alert.
    """
    words = f"; {alert.detail}" if alert.detail else ""
    log.warning("%s: %s of %s reached%s", alert.level, alert.key.scope, alert.key.period, words)
    if callback is None:
        return True
    for delay in _DELAYS_S:
        if delay:
            await sleep(delay)
        try:
            answer = callback(*_arguments(callback, alert))
            if inspect.isawaitable(answer):
                await answer
        except asyncio.CancelledError:
            raise
        except Exception:  # a user's callback: whatever it raises must not stop a deployment
            log.exception("the %s callback raised", alert.level)
        else:
            return True
    return False


def _arguments(callback: AlertCallback, alert: Alert) -> tuple[Alert, ...]:
    takes_alert = any(
        parameter.default is inspect.Parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in inspect.signature(callback).parameters.values()
    )
    return (alert,) if takes_alert else ()
