"""Looks once a minute whether spend runs away, from balances that all processes on a ledger share.

Reads on a connection of its own, in a thread, and costs a call nothing. What running away is, is
`runaway.py`'s; the alert goes the way of all alerts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from farthing.clock import Clock, undisturbed
from farthing.spend import store
from farthing.spend.alerts import Alert
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.runaway import (
    LOOK_BACK_DAYS,
    RunawayRule,
    Sample,
    Standing,
    Usual,
    runaways,
    spent_within,
    usual_day,
    within,
)
from farthing.storage.database import Database

log = logging.getLogger("farthing.alerts")

EVERY_S = 60.0
_DEPLOYMENT = "deployment"


class Lookout:
    """Use from one event loop: `begin` it, and `aclose` it."""

    def __init__(
        self,
        database: Database,
        rule: RunawayRule,
        *,
        clock: Clock,
        raise_alert: Callable[[Alert], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause` is apart from the clock, whose virtual kind would let time run by itself."""
        self._database, self._rule, self._clock = database, rule, clock
        self._raise_alert, self._pause = raise_alert, pause
        self._samples: tuple[Sample, ...] = ()
        self._day = ""
        self._usual: Usual | None = None
        self._raised: set[str] = set()
        self._closing = asyncio.Event()
        self._looking: asyncio.Future[None] | None = None

    def begin(self, accounts: Mapping[AccountKey, Balance]) -> None:
        """From these accounts of the deployment on."""
        self._samples = (Sample(self._clock.now_us(), _committed(accounts)),)
        self._looking = asyncio.ensure_future(self._keep_looking())

    async def look(self) -> bool:
        """One look now; True when it raised an alert. A database that is away is looked at the next time."""
        now, at_us = self._clock.now(), self._clock.now_us()
        try:
            total, today, usual = await asyncio.to_thread(self._read, now)
        except DBAPIError as error:
            log.info("the rate of spend could not be read: %s", type(error).__name__)
            return False
        self._samples = within(self._samples, Sample(at_us, total), window_minutes=self._rule.window_minutes)
        self._follow(f"{now:%Y-%m-%d}", usual)
        standing = Standing(spent_within(self._samples), today)
        alerts = runaways(self._rule, self._usual, standing, now=now)
        new = [alert for alert in alerts if alert.key.period not in self._raised]
        for alert in new:
            self._raised.add(alert.key.period)
            self._raise_alert(alert)
        return bool(new)

    async def aclose(self, timeout_s: float) -> bool:
        """Looks a last time: many processes that each live for seconds may run away together."""
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                if self._looking is not None:
                    await self._looking
                return await self.look()
        return False

    async def _keep_looking(self) -> None:
        while await undisturbed(self._pause, EVERY_S, self._closing):
            await self.look()

    def _read(self, now: datetime) -> tuple[int, int, Usual | None]:
        """All that was ever committed, today's part, and the usual day, which is read once a day."""
        today = f"{now:%Y-%m-%d}"
        first = today if today == self._day else f"{now - timedelta(days=LOOK_BACK_DAYS):%Y-%m-%d}"
        with self._database.read() as connection:
            accounts = store.read_accounts(connection, scope=_DEPLOYMENT)
            days = store.read_days(connection, first_day=first, last_day=today)
        spent = days.pop(today, 0)
        known = today == self._day
        usual = self._usual if known else usual_day(days, planned_nano=self._rule.planned_nano)
        return _committed(accounts), spent, usual

    def _follow(self, day: str, usual: Usual | None) -> None:
        if day != self._day:
            self._day, self._usual = day, usual
            self._raised.clear()


def _committed(accounts: Mapping[AccountKey, Balance]) -> int:
    months = (balance for key, balance in accounts.items() if key.period.startswith("month:"))
    return sum(balance.settled + balance.uncertain for balance in months)
