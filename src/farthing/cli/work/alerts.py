"""`farthing alerts`: the alerts that a ledger has, and a try of the channels."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import typer

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.config.load import load_config
from farthing.errors import FarthingError
from farthing.money import format_usd, from_nano
from farthing.spend import store
from farthing.spend.alerts import Alert, KeptAlert, Message, alert_id
from farthing.spend.budget import AccountKey, period_key
from farthing.spend.channels import Answer, Channel, Taken, open_channels


def tell_alerts(
    config: Path | None, *, undelivered: bool, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Prints the alerts, oldest first."""
    with ledger_at(config, database=database, simulated=simulated) as ledger, ledger.read() as connection:
        found = store.read_alerts(connection, undelivered=undelivered)
    if as_json:
        show.write_json([_json(one) for one in found])
        return
    columns = ("when", "level", "scope", "period", "committed", "of", "delivered", "what")
    if not found:
        show.note("no alert" + (" waits to be delivered" if undelivered else " was raised"))
        return
    rows = [_row(one) for one in found]
    show.console().print(show.table(columns, rows, right=("committed", "of")))


def tell_test(source: str | Path | None, *, as_json: bool) -> None:
    """Leaves with 1 when a channel does not take it. Raises `FarthingError` where there is none."""
    channels = open_channels(load_config(source).alerts)
    if not channels:
        raise FarthingError(
            "no channel is configured",
            hint="name one in alerts.webhooks or alerts.apprise; callbacks are set by set_cost_alert",
        )
    answers = asyncio.run(_tried(channels))
    taken = [isinstance(answer, Taken) for answer in answers]
    words = [answer.said if isinstance(answer, Taken) else answer.why for answer in answers]
    told = [
        {"channel": channel.name, "taken": ok, "answer": said}
        for channel, ok, said in zip(channels, taken, words, strict=True)
    ]
    if as_json:
        show.write_json(told)
    else:
        rows = [
            (channel.name, "yes" if ok else "no", said)
            for channel, ok, said in zip(channels, taken, words, strict=True)
        ]
        show.console().print(show.table(("channel", "taken", "answer"), rows))
    if not all(taken):
        raise typer.Exit(1)


async def _tried(channels: tuple[Channel, ...]) -> list[Answer]:
    key = AccountKey("deployment", period_key("month", datetime.now(UTC)))
    test = Alert(key, "test", 0, 0, detail="somebody tries the channels of Farthing; nothing happened")
    message = Message(test, simulated=False, test=True)
    return await asyncio.gather(*(channel.send(message) for channel in channels))


def _row(one: KeptAlert) -> tuple[str, ...]:
    alert = one.alert
    when = datetime.fromtimestamp(one.at_us / 1_000_000, UTC)
    delivered = "yes" if one.delivered else f"no, tried {one.tries} ×"
    return (
        f"{when:%Y-%m-%d %H:%M:%S}",
        alert.level,
        alert.key.scope,
        alert.key.period,
        format_usd(from_nano(alert.committed)),
        format_usd(from_nano(alert.base)) if alert.base else "",
        delivered,
        " ".join(part for part in (alert.detail, alert.subject) if part),
    )


def _json(one: KeptAlert) -> dict[str, object]:
    alert = one.alert
    return {
        "id": alert_id(alert),
        "at": datetime.fromtimestamp(one.at_us / 1_000_000, UTC),
        "level": alert.level,
        "scope": alert.key.scope,
        "period": alert.key.period,
        "committed_usd": from_nano(alert.committed),
        "base_usd": from_nano(alert.base) if alert.base else None,
        "call_id": alert.subject or None,
        "detail": alert.detail,
        "delivered": one.delivered,
        "tries": one.tries,
    }
