"""What the scripted tools give back: a file, log lines, records, a table. Pure; seeded.

`needed` is the part that the next answer is about: it must be in what was sent, whatever else is left out.
"""

from random import Random
from typing import NamedTuple

import msgspec


class Result(NamedTuple):
    text: str
    needed: str


def result_of(tool: str, rng: Random, *, service: str, reading: int) -> Result:
    """One result. `reading` is the number of the file's reading: its contents differ each time."""
    match tool:
        case "read_file":
            return _file(rng, service, reading)
        case "read_log":
            return _log(rng, service)
        case "query_orders":
            return _orders(rng)
        case _:
            return _hosts(rng, service)


_SECTIONS = ("pool", "cache", "queue", "retry", "paths", "mail", "export", "import", "search", "audit")
_KEYS = ("size", "timeout_ms", "limit", "interval_s", "batch", "workers", "keep_days", "burst")


def _file(rng: Random, service: str, reading: int) -> Result:
    """A settings file. Most of it is the same at every reading; the pool's line is not."""
    fixed = Random(f"{service} settings")  # noqa: S311  # the same each time
    size = f"size = {20 * reading + rng.randint(1, 9)}{reading}"
    lines = [f"# settings of {service}, revision {reading}", ""]
    for section in _SECTIONS:
        lines.append(f"[{service}.{section}]")
        for key in _KEYS:
            value = fixed.randint(2, 900)
            lines.append(size if (section, key) == ("pool", "size") else f"{key} = {value}")
        lines.append("")
    return Result("\n".join(lines), size)


def _log(rng: Random, service: str) -> Result:
    """Sixty lines; all but one say the same of different moments."""
    code = f"E{rng.randint(4000, 4999)}"
    odd = rng.randrange(5, 55)
    lines: list[str] = []
    second = rng.randint(0, 3000)
    for at in range(60):
        second += rng.randint(1, 9)
        stamp = f"03:{second // 60 % 60:02d}:{second % 60:02d}"
        if at == odd:
            lines.append(f"{stamp} ERROR {service}.pool gave up on shard 3 with {code}, not retried")
        else:
            wait = rng.randint(1000, 1999)
            lines.append(f"{stamp} WARN {service}.pool timeout after {wait} ms, connection refused, retrying")
    return Result("\n".join(lines), code)


def _orders(rng: Random) -> Result:
    """Records as an interface returns them: indented, with fields that nobody asked for."""
    first = rng.randint(40_000, 60_000)
    records = [
        {
            "id": f"H{first + 13 * at}",
            "state": "waiting",
            "since_hours": 70 - 3 * at,
            "sum_eur": f"{rng.randint(20, 400)}.{rng.randint(10, 99)}",
            "customer": {
                "id": rng.randint(1000, 9999),
                "country": rng.choice(("NO", "SE", "DE", "FR", "NL")),
            },
            "carrier": None,
            "notes": "",
            "links": {"self": f"/orders/H{first + 13 * at}", "items": f"/orders/H{first + 13 * at}/items"},
        }
        for at in range(14)
    ]
    text = msgspec.json.format(msgspec.json.encode({"total": 14, "next": None, "orders": records}), indent=2)
    return Result(text.decode(), f"H{first}")


def _hosts(rng: Random, service: str) -> Result:
    busiest = rng.randrange(12)
    lines = ["host            load   free_mb   zone   up_days"]
    for at in range(12):
        load = 15.5 + rng.random() if at == busiest else rng.random() * 4
        zone = "abc"[at % 3]
        free, days = rng.randint(200, 9000), rng.randint(1, 300)
        lines.append(f"{service}-{at:02d}      {load:5.2f}   {free:7d}   {zone}      {days}")
    return Result("\n".join(lines), f"{service}-{busiest:02d}")
