"""How the day's requests on free models are spread over the day, so that some are left in its evening. Pure.

The rule: half of a UTC day's requests may be used at any hour, so that a person at work is not stopped; the
other half accrues evenly over the day. Until a moment, then, `limit / 2 + limit / 2 × the day's part that is
over` may be used, and by the day's end all. It has no memory: who used them and when plays no part.
"""

DAY_S = 86_400.0
_AT_ANY_HOUR = 0.5


def usable(limit: int, elapsed_s: float) -> float:
    """How many of the day's requests may have been used, so many seconds after its beginning."""
    at_once = limit * _AT_ANY_HOUR
    return at_once + (limit - at_once) * min(max(elapsed_s, 0.0), DAY_S) / DAY_S


def pace_wait_s(limit: int, used: int, elapsed_s: float) -> float:
    """Seconds until one request more is within the pace; at most the rest of the day."""
    over = used + 1 - usable(limit, elapsed_s)
    if over <= 0 or limit <= 0:
        return 0.0
    accrues_in_s = over / (limit * (1 - _AT_ANY_HOUR)) * DAY_S
    return min(accrues_in_s, max(DAY_S - elapsed_s, 0.0))
