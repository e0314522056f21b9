"""What an alert does: the process that was elected sends it to every channel, each with tries of its own.

At critical, fewer attempts run at once. What counts as an alert is `alerts.py`'s, what a channel does
`channels.py`'s; that one process sends it is the unique row of table `alert`.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from farthing.clock import Clock, undisturbed
from farthing.limits.permits import Permits
from farthing.spend import store
from farthing.spend.alerts import (
    CRITICAL,
    Alert,
    AlertLevel,
    AlertRule,
    Message,
    alert_id,
    levels_reached,
)
from farthing.spend.batch import Delivered
from farthing.spend.budget import AccountKey, Balance, period_key
from farthing.spend.channels import AlertCallback, Callback, Channel, Taken
from farthing.spend.lookout import Lookout
from farthing.spend.runaway import RunawayRule
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database

log = logging.getLogger("farthing.alerts")

_FIRST_S, _MOST_S = 1.0, 60.0
_DEPLOYMENT = "deployment"


class Alarm:
    """Answers a deployment's alerts. At critical, attempts at once are lowered until the month ends."""

    def __init__(
        self,
        permits: Permits,
        clock: Clock,
        *,
        critical_concurrency: int,
        channels: Sequence[Channel] = (),
        simulated: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.callbacks: Mapping[AlertLevel, AlertCallback | None] = {}
        """By level; the one at `""` hears every level."""
        self.critical_concurrency = critical_concurrency
        self.rules: tuple[AlertRule, ...] = ()
        self.note_delivery: Callable[[Delivered], None] | None = None
        """Told how each delivery ended, so that no other process repeats it."""
        self._permits, self._clock, self._chance = permits, clock, chance
        self._channels, self._simulated = channels, simulated
        self._usual = permits.limit
        self._deliveries: dict[str, asyncio.Future[None]] = {}
        self._restoring: asyncio.Future[None] | None = None
        self._closing = asyncio.Event()
        self._ledger: LedgerWriter | None = None
        self._lookout: Lookout | None = None

    def attend(self, ledger: LedgerWriter, database: Database, *, runaway: RunawayRule | None) -> None:
        """Begins, on a ledger that is open. A level that was reached before is not announced again, but
        still lowers concurrency."""
        self._ledger = ledger
        with database.read() as connection:
            accounts = store.read_accounts(connection, scope=_DEPLOYMENT)
        month = self._month()
        for rule in self.rules:
            for alert in levels_reached(rule, month, accounts.get(month, Balance())):
                self.on_alert(alert, elected=False)
        if runaway is not None:
            self._lookout = Lookout(database, runaway, clock=self._clock, raise_alert=ledger.raise_alert)
            self._lookout.begin(accounts)

    def on_alert(self, alert: Alert, elected: bool) -> None:
        """Called in the event loop for each level reached; `elected`: this process delivers it.

        What comes while the deployment closes is left to the next process.
        """
        if self._closing.is_set():
            return
        if self._slows(alert):
            self._slow_down()
        identity = alert_id(alert)
        if elected and identity not in self._deliveries:
            delivery = asyncio.ensure_future(self._deliver(alert))
            self._deliveries[identity] = delivery
            delivery.add_done_callback(lambda _: self._deliveries.pop(identity, None))

    async def aclose(self, timeout_s: float) -> None:
        """Waits for deliveries under way, each with one last try instead of its pauses; what is not taken by
        then is sent by the next process."""
        await self._last_alerts()
        self._closing.set()
        if self._restoring is not None:  # only now: a last alert may have been the critical one
            self._restoring.cancel()
        if self._deliveries:
            await asyncio.wait(self._deliveries.values(), timeout=timeout_s)
        for delivery in list(self._deliveries.values()):
            delivery.cancel()

    async def _last_alerts(self) -> None:
        """The last outcomes may raise alerts, and so may a last look."""
        if self._ledger is None:
            return
        await asyncio.to_thread(self._ledger.flush, 1.0)
        if self._lookout is not None and await self._lookout.aclose(1.0):
            await asyncio.to_thread(self._ledger.flush, 1.0)

    async def _deliver(self, alert: Alert) -> None:
        message = Message(alert, self._simulated)
        log.warning("%s", message.text)
        sent = await asyncio.gather(*(self._send(message, channel) for channel in self._channels_of(alert)))
        if self.note_delivery is not None:
            taken = all(tries > 0 for tries in sent)
            self.note_delivery(Delivered(alert, tries=max(map(abs, sent), default=1), taken=taken))

    async def _send(self, message: Message, channel: Channel) -> int:
        async def pause(seconds: float) -> bool:
            return await undisturbed(self._clock.sleep, seconds, self._closing)

        return await send(message, channel, pause=pause, chance=self._chance)

    def _channels_of(self, alert: Alert) -> list[Channel]:
        names = {alert.level: f"the callback of {alert.level}", "": "the callback of every alert"}
        functions = [(name, self.callbacks.get(level)) for level, name in names.items()]
        return [*(Callback(name, call) for name, call in functions if call is not None), *self._channels]

    def _month(self) -> AccountKey:
        return AccountKey(_DEPLOYMENT, period_key("month", self._clock.now()))

    def _slows(self, alert: Alert) -> bool:
        """Whether it says that this month is critical by a rule in force, not another month or scope."""
        same = (rule for rule in self.rules if rule.base_nano == alert.base and rule.applies_to(alert.key))
        return alert.level == CRITICAL and alert.key == self._month() and any(same)

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


async def send(
    message: Message,
    channel: Channel,
    *,
    pause: Callable[[float], Awaitable[bool]],
    chance: Callable[[], float],
) -> int:
    """Sends until the channel takes it, at most `channel.tries` times; the tries, negative if it took none.

    `pause` sleeps between tries, and is False when there is time for one more only. A failure is logged; it
    never reaches the task that caused the alert, nor another channel.
    """
    tried, last = 0, False
    while True:
        tried += 1
        answer = await channel.send(message)
        if isinstance(answer, Taken):
            return tried
        if answer.final or last or tried >= channel.tries:
            why_not = "%s did not take the alert %s, tried %s times: %s"
            log.error(why_not, channel.name, alert_id(message.alert), tried, answer.why)
            return -tried
        log.info("%s did not take an alert, trying again: %s", channel.name, answer.why)
        last = not await pause(backoff_s(tried, chance()))


def backoff_s(tried: int, chance: float) -> float:
    """Seconds before the next try: 1, 2, 4 … 60 at most, of which `chance` (0 to 1) leaves half or more."""
    return min(_FIRST_S * 2.0 ** (tried - 1), _MOST_S) * (0.5 + chance / 2)
