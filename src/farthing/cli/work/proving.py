"""`farthing ledger verify` and `export`: goes through a ledger and tells what it found. Changes nothing."""

import csv
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from farthing.cli.work import show
from farthing.cli.work.ledger import opened
from farthing.cli.work.report import ledger_urls
from farthing.config.load import load_config
from farthing.errors import FarthingError
from farthing.money import from_nano
from farthing.proof import archive, heads
from farthing.proof.heads import ExportedHead, HeadWatch
from farthing.proof.read import count_rows, read_checkpoint, read_rows, verified
from farthing.proof.replay import Replay
from farthing.spend.ledger import Row
from farthing.storage.database import Database

_SHOWN = 50


@contextmanager
def ledger_at(config: Path | None, *, database: str | None, simulated: bool) -> Generator[Database]:
    """The ledger that is meant. Raises `FarthingError` where there is none."""
    url = ledger_urls(load_config(config), database=database, simulated=simulated)[0]
    with opened(url) as found:
        if found is None:
            raise FarthingError(
                f"there is no ledger at {show.masked(url)}", hint="name one with --database, or --simulated"
            )
        yield found


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What to verify and what to hold it against."""

    head: Path | None = None
    rows: Path | None = None
    archives: tuple[Path, ...] = ()


def tell_verified(
    config: Path | None, proof: Proof, *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Prints what was found. Leaves with 1 when something is not as it must be."""
    exported = None if proof.head is None else read_head(proof.head)
    if proof.rows is not None:
        name, found = str(proof.rows), _verified_file(proof.rows, exported)
    else:
        with ledger_at(config, database=database, simulated=simulated) as ledger, counting(ledger) as count:
            name = ledger.display_url
            found = verified(ledger, exported=exported, archives=proof.archives, on_row=count)
    if as_json:
        show.write_json(_json(found, exported))
    else:
        _show(show.console(), found, name, exported, proof)
    if found.findings:
        raise typer.Exit(1)


def _verified_file(path: Path, exported: ExportedHead | None) -> Replay:
    """Rows without their ledger: there are no kept sums to hold them against."""
    watch = None if exported is None else HeadWatch(exported)
    found = archive.replayed(path, watch=watch)
    if watch is not None:
        watch.hold_against(found.replay, put_away={} if found.start is None else found.start.heads)
    return found.replay


def export_ledger(
    config: Path | None, head: Path | None, rows: Path | None, *, database: str | None, simulated: bool
) -> None:
    """Writes the head, the rows, or the head to standard output. Raises `FarthingError` on a finding."""
    for path in (head, rows):
        if path is not None and path.exists():
            raise FarthingError(f"{path} is there already", hint="name another file; nothing is written over")
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        with counting(ledger) as count:
            found = proved(ledger, count)
        text = heads.encode(heads.exported_head(found, at=datetime.now(UTC)))
        if rows is not None:
            write_rows(ledger, rows)
            show.note(f"written: {rows}, {show.counted(found.rows, 'row')} with those put away")
    if head is not None:
        head.parent.mkdir(parents=True, exist_ok=True)
        head.write_bytes(text)
        show.note(f"written: {head}; keep it where nobody who can write to the ledger can change it")
    elif rows is None:
        sys.stdout.write(text.decode())


def proved(ledger: Database, on_row: Callable[[int, Row], None] | None = None) -> Replay:
    """The ledger's replay, which has no finding. Raises `FarthingError` when it has one."""
    found = verified(ledger, on_row=on_row)
    if found.findings:
        raise FarthingError(
            f"the ledger has {show.counted(len(found.findings) + found.left_out, 'finding')}: "
            f"{found.findings[0].text}",
            hint="farthing ledger verify tells all of them",
        )
    return found


def write_rows(ledger: Database, path: Path) -> None:
    """All rows that the ledger still has, in one state."""
    with ledger.read() as connection:
        newest = read_checkpoint(connection)
        if path.suffix == ".csv":
            with path.open("x", newline="") as file:
                table = csv.writer(file)
                table.writerow(("seq", *Row._fields))
                table.writerows((seq, *row) for seq, row in read_rows(connection))
            return
        with archive.writing(path, start=None if newest is None else newest[0]) as write:
            for seq, row in read_rows(connection):
                write(seq, row)


def read_head(path: Path) -> ExportedHead:
    """Raises `FarthingError` for a file that is not there, or no exported head."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FarthingError(f"{path} cannot be read: {error.strerror}") from error
    return heads.decode(text, source=str(path))


@contextmanager
def counting(ledger: Database) -> Generator[Callable[[int, Row], None]]:
    """Counts rows: a bar on a terminal, a line now and then when piped."""
    with ledger.read() as connection:
        total = count_rows(connection)
    beside = show.console(stderr=True)
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn())
    done = 0
    with Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal) as bar:
        job = bar.add_task("rows", total=total)

        def step(_seq: int, _row: Row) -> None:
            nonlocal done
            done += 1
            if done % 1000 == 0:
                bar.update(job, completed=done)
            if done % 200_000 == 0 and not beside.is_terminal:
                show.note(f"{done:,} of {total:,} rows")

        yield step


def _show(out: Console, found: Replay, name: str, exported: ExportedHead | None, proof: Proof) -> None:
    settled, held, uncertain = (show.usd(from_nano(nano)) for nano in found.total)
    held_against = "chains, admissions, amounts" + ("" if proof.rows else ", kept sums")
    if exported is not None:
        held_against += f", the head of {exported.at:%Y-%m-%d %H:%M} UTC"
    if proof.archives:
        held_against += f", {show.counted(len(proof.archives), 'archive')}"
    out.print(
        show.facts(
            [
                ("ledger", name),
                ("rows", f"{found.rows:,} in {show.counted(len(found.heads), 'epoch')}"),
                ("calls", f"{found.calls:,}, {len(found.open):,} not settled"),
                ("money", f"{settled} settled, {held} held, {uncertain} uncertain"),
                ("held against", held_against),
            ]
        )
    )
    if not found.findings:
        out.print("every row is as it must be", style="green")
        return
    rows = [
        (one.law, "" if one.seq is None else str(one.seq), one.call_id or "", one.text)
        for one in found.findings[:_SHOWN]
    ]
    count = len(found.findings) + found.left_out
    title = show.counted(count, "finding")
    out.print(show.table(("law", "row", "call", "what is wrong"), rows, title=title, right=("row",)))
    if count > _SHOWN:
        out.print(f"{count - _SHOWN:,} more; --json tells up to {len(found.findings):,}")


def _json(found: Replay, exported: ExportedHead | None) -> dict[str, object]:
    settled, held, uncertain = (from_nano(nano) for nano in found.total)
    return {
        "holds": not found.findings,
        "rows": found.rows,
        "epochs": len(found.heads),
        "calls": found.calls,
        "open_calls": len(found.open),
        "settled": settled,
        "held": held,
        "uncertain": uncertain,
        "head_of": None if exported is None else exported.at,
        "findings": found.findings,
        "findings_left_out": found.left_out,
    }
