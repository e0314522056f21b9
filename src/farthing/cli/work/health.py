"""`farthing health`: what the processes of one ledger have found out about models and providers."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.shared_health import HealthRow, read_health

_SECOND_US = 1_000_000
COLUMNS = ("model", "provider", "state", "for", "failures", "since", "why")


def tell_health(
    config: Path | None, *, everything: bool, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Prints what rests, or with `everything` also what is well again."""
    with ledger_at(config, database=database, simulated=simulated) as ledger, ledger.read() as connection:
        rows = read_health(connection)
    now_us = round(datetime.now(UTC).timestamp() * _SECOND_US)
    shown = [row for row in rows if everything or rests(row, now_us)]
    if as_json:
        show.write_json([msgspec.structs.asdict(row) for row in shown])
    elif not shown:
        show.note("no model rests" + ("" if rows else ": none was ever reported"))
    else:
        table = show.table(COLUMNS, [cells(row, now_us) for row in shown], right=("for", "failures"))
        show.console().print(table)


def rests(row: HealthRow, now_us: int) -> bool:
    """Whether a row says that something is left alone at this moment."""
    return row.until_us is not None and row.until_us > now_us


def cells(row: HealthRow, now_us: int) -> tuple[str, ...]:
    """One line of the table."""
    left_us = 0 if row.until_us is None else max(0, row.until_us - now_us)
    since = datetime.fromtimestamp(row.changed_us / _SECOND_US, UTC)
    return (
        row.model,
        row.provider or "any",
        row.state if rests(row, now_us) else "may be asked",
        f"{left_us / _SECOND_US:.0f} s" if left_us else "",
        str(row.failures),
        f"{since:%Y-%m-%d %H:%M:%S}",
        row.reason,
    )
