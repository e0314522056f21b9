"""A ledger's exported head: what each chain had come to, kept where the ledger's owner cannot change it.

Whoever can write to the database can rewrite rows, balances and chains so that they agree. They then differ
from a head that was exported before; a chain that was cut ends before it. Pure.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from farthing.errors import FarthingError
from farthing.proof.replay import Head, Replay
from farthing.spend.ledger import genesis

_FORMAT = "farthing ledger head 1"


class ExportedHead(msgspec.Struct, frozen=True, kw_only=True):
    """The heads of all epochs at one moment; `rows` is their sum. Money is nano-dollars, to compare."""

    format: str
    at: datetime
    rows: int
    settled: int
    uncertain: int
    epochs: dict[int, Head]


class HeadWatch:
    """Follows replays and notes what each chain was when it had as many rows as at the export."""

    def __init__(self, exported: ExportedHead) -> None:
        self.exported = exported
        self._seen: dict[int, str] = {}

    def see(self, epoch: int, head: Head) -> None:
        """A chain's head, after each row or at a checkpoint."""
        wanted = self.exported.epochs.get(epoch)
        if wanted is not None and wanted.rows == head.rows:
            self._seen[epoch] = head.hash

    def see_all(self, heads: Mapping[int, Head]) -> None:
        """The heads at a checkpoint."""
        for epoch, head in heads.items():
            self.see(epoch, head)

    def hold_against(self, replay: Replay, *, put_away: dict[int, Head]) -> None:
        """Adds what differs to the replay's findings. `put_away`: the heads at the newest checkpoint."""
        when = f"{self.exported.at:%Y-%m-%d %H:%M:%S} UTC"
        for epoch, wanted in sorted(self.exported.epochs.items()):
            found = self._seen.get(epoch)
            now = replay.heads.get(epoch, Head(0, genesis(epoch)))
            if found is None and wanted.rows <= put_away.get(epoch, Head(0, "")).rows:
                replay.find(
                    "head",
                    f"epoch {epoch}: the exported head of {when} is older than the last checkpoint; "
                    "add the archive of that time with --archive",
                )
            elif found is None:
                text = (
                    f"epoch {epoch} had {wanted.rows} rows at {when} and has {now.rows} now: its tail was cut"
                )
                replay.find("head", text)
            elif found != wanted.hash:
                text = f"the first {wanted.rows} rows of epoch {epoch} are not those of {when}: rewritten"
                replay.find("head", text)


def exported_head(replay: Replay, *, at: datetime) -> ExportedHead:
    """The head of a ledger that was replayed to its end."""
    return ExportedHead(
        format=_FORMAT,
        at=at,
        rows=replay.rows,
        settled=replay.total.settled,
        uncertain=replay.total.uncertain,
        epochs=dict(sorted(replay.heads.items())),
    )


def encode(head: ExportedHead) -> bytes:
    """JSON, a few lines an epoch."""
    return msgspec.json.format(msgspec.json.encode(head), indent=2) + b"\n"


def decode(text: bytes, *, source: str) -> ExportedHead:
    """Raises `FarthingError` for what is no exported head."""
    try:
        head = _decoder.decode(text)
    except msgspec.DecodeError as error:
        problem = str(error)
    else:
        if head.format == _FORMAT:
            return head
        problem = f"its format is {head.format!r}, not {_FORMAT!r}"
    raise FarthingError(
        f"{source} is no exported head: {problem}", hint="farthing ledger export --head FILE writes one"
    )


_decoder = msgspec.json.Decoder(ExportedHead)
