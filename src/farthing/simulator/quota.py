"""The limits of `:free` models: so many requests a minute and a UTC day, over all keys together."""

from collections import deque
from datetime import date, datetime, time, timedelta

from farthing.simulator.conditions import Condition, free_limit

_MINUTE = timedelta(minutes=1)


class FreeQuota:
    """Counts the requests to `:free` models. Time is an argument."""

    def __init__(self) -> None:
        self._recent = deque[datetime]()
        self._day = date.min
        self.used_today = 0

    def take(self, now: datetime, *, per_minute: int, per_day: int) -> Condition | None:
        """Counts one request, or says why it is refused."""
        self._roll(now)
        if self.used_today >= per_day:
            midnight = datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
            wait = int((midnight - now).total_seconds()) + 1
            return free_limit("free-models-per-day", per_day, int(midnight.timestamp() * 1000), wait)
        if len(self._recent) >= per_minute:
            free_at = self._recent[0] + _MINUTE
            wait = int((free_at - now).total_seconds()) + 1
            return free_limit("free-models-per-min", per_minute, int(free_at.timestamp() * 1000), wait)
        self._recent.append(now)
        self.used_today += 1
        return None

    def status(self, now: datetime, *, per_day: int) -> dict[str, int]:
        """`free_model_daily_requests` of `/key`."""
        self._roll(now)
        return {"used": self.used_today, "limit": per_day, "remaining": max(0, per_day - self.used_today)}

    def _roll(self, now: datetime) -> None:
        if now.date() != self._day:
            self._day, self.used_today = now.date(), 0
        while self._recent and self._recent[0] <= now - _MINUTE:
            self._recent.popleft()
