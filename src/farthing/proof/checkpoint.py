"""What the rows up to a place in the ledger amount to, so that they can be put away. Pure.

A checkpoint is cumulative: the newest alone begins a replay. Rows of calls that are not settled at its place
stay in the ledger, and the checkpoint anchors each of them by its hash and the hash before it. Its own
SHA-256 stands in a chained row, so that a rewritten checkpoint is found like a rewritten row.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from farthing.proof.replay import Anchor, Head, OpenCall, Replay
from farthing.spend.batch import RollupByKey, RollupKey, RollupSums
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.ledger import Row, decode_seen, row_hash
from farthing.spend.runs import begun, end


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The state after the row `through`. Amounts are nano-dollars; days before `before` are put away."""

    number: int
    before: str
    through: int
    rows: int
    calls: int
    total: Balance
    heads: dict[int, Head]
    balances: tuple[tuple[AccountKey, Balance], ...]
    rollups: tuple[tuple[RollupKey, RollupSums], ...]
    rollups_by: tuple[tuple[RollupByKey, RollupSums], ...]
    anchors: tuple[Anchor, ...]
    """The rows up to `through` that stay in the ledger, in order."""
    upstreams: tuple[str, ...]


def capture(replay: Replay, *, number: int, before: str) -> Checkpoint:
    """The checkpoint of a replay that has come to its place."""
    anchors = (anchor for opened in replay.open.values() for anchor in opened.anchors)
    return Checkpoint(
        number=number,
        before=before,
        through=replay.through,
        rows=replay.rows,
        calls=replay.calls,
        total=replay.total,
        heads=dict(sorted(replay.heads.items())),
        balances=tuple(sorted(replay.balances.items())),
        rollups=tuple(sorted(replay.rollups.items())),
        rollups_by=tuple(sorted(replay.rollups_by.items())),
        anchors=tuple(sorted(anchors)),
        upstreams=tuple(sorted(replay.upstreams)),
    )


def encode(checkpoint: Checkpoint) -> tuple[str, str]:
    """Its canonical text and the SHA-256 of it."""
    text = msgspec.json.encode(checkpoint).decode()
    return text, digest(text)


def decode(text: str) -> Checkpoint:
    """Raises `msgspec.ValidationError` for a text that no version of Farthing wrote."""
    return _decoder.decode(text)


def digest(text: str) -> str:
    """The SHA-256 of a checkpoint's text."""
    return sha256(text.encode()).hexdigest()


def resume(replay: Replay, checkpoint: Checkpoint, kept: Iterable[tuple[int, Row]]) -> None:
    """Begins a replay at a checkpoint. `kept` are the rows up to its place that are still in the ledger."""
    replay.heads = dict(checkpoint.heads)
    replay.balances, replay.total = dict(checkpoint.balances), checkpoint.total
    replay.rollups, replay.rollups_by = dict(checkpoint.rollups), dict(checkpoint.rollups_by)
    replay.rows, replay.calls, replay.through = checkpoint.rows, checkpoint.calls, checkpoint.through
    replay.upstreams = set(checkpoint.upstreams)
    anchors = {anchor.seq: anchor for anchor in checkpoint.anchors}
    opened: dict[str, OpenCall] = {}
    for seq, row in kept:
        anchor = anchors.pop(seq, None)
        if anchor is None:
            replay.find("checkpoint", "a row that the checkpoint does not know", seq, row.call_id)
        elif row.hash != anchor.hash or row_hash(anchor.before, *row[:-1]) != row.hash:
            replay.find("checkpoint", "the row is not the one that the checkpoint left", seq, row.call_id)
        else:
            _take_up(opened, anchor, row)
    for seq in anchors:
        replay.find("checkpoint", "a row that the checkpoint left is gone", seq)
    for one in opened.values():
        replay.take_up(one)


def _take_up(opened: dict[str, OpenCall], anchor: Anchor, row: Row) -> None:
    """A row that is proved: its contents are as they were replayed once."""
    if row.kind == "intent":
        opened[row.call_id] = OpenCall(call=begun(row), epoch=row.epoch)
    found = opened.get(row.call_id)
    if found is None:  # its intent's row is told as gone
        return
    found.anchors.append(anchor)
    match row.kind:
        case "uncertain":
            end(found.call, row)
        case "seen":
            found.call.generation_id = decode_seen(row.body).generation_id
        case _:
            pass


_decoder = msgspec.json.Decoder(Checkpoint)
