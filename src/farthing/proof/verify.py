"""Holds what a ledger keeps beside its rows against what the rows amount to. Pure."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from farthing.money import format_usd, from_nano
from farthing.proof.replay import Head, Replay
from farthing.spend.batch import RollupByKey, RollupKey, RollupSums
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.ledger import SIMULATOR, genesis

Key = TypeVar("Key")
Sums = TypeVar("Sums", bound=tuple[int, ...])


class Writer(NamedTuple):
    """An epoch as its row says: `live`, `closed` or `expired`, and the hash of its last row."""

    state: str
    head: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept in the same transactions as the rows."""

    accounts: Mapping[AccountKey, Balance]
    rollups: Mapping[RollupKey, RollupSums]
    rollups_by: Mapping[RollupByKey, RollupSums]
    writers: Mapping[int, Writer]
    money: str | None = None
    """`real` or `simulated`; None where nothing was bound yet."""
    checkpoint: tuple[int, str] | None = None
    """The newest checkpoint's number, and the SHA-256 of its text as it is now."""


def hold_against(replay: Replay, kept: Kept) -> None:
    """Adds to the replay's findings what of the kept sums, heads and marks is not what the rows say."""
    for key, found, wanted in _differences(kept.accounts, replay.balances):
        said, meant = _balance(found), _balance(wanted)
        replay.find("sums", f"account {key.scope} of {key.period} keeps {said}; its rows say {meant}")
    for key, found, wanted in _differences(kept.rollups, replay.rollups):
        replay.find("sums", f"the roll-up of {_name(key)} keeps {_sums(found)}; its rows say {_sums(wanted)}")
    for key, found, wanted in _differences(kept.rollups_by, replay.rollups_by):
        replay.find("sums", f"the roll-up of {_name(key)} keeps {_sums(found)}; its rows say {_sums(wanted)}")
    _hold_heads(replay, kept)
    _hold_upstreams(replay, kept)
    if kept.checkpoint is not None:
        number, sha256 = kept.checkpoint
        if replay.checkpoints.get(number) != sha256:
            replay.find("checkpoint", f"checkpoint {number} is not the one that its row fixes")


def _hold_heads(replay: Replay, kept: Kept) -> None:
    for epoch in sorted(kept.writers.keys() | replay.heads.keys()):
        head = replay.heads.get(epoch, Head(0, genesis(epoch)))
        writer = kept.writers.get(epoch)
        if writer is None:
            replay.find("chain", f"epoch {epoch} has {head.rows} rows, and its writer is gone")
        elif writer.head != head.hash:
            text = f"epoch {epoch} ends after {head.rows} rows, and not with the head that its writer keeps"
            replay.find("chain", text)
    for opened in replay.open.values():
        writer = kept.writers.get(opened.epoch)
        if opened.call.outcome is None and writer is not None and writer.state != "live":
            text = f"it is held by epoch {opened.epoch}, which is {writer.state}: it must be uncertain"
            replay.find("order", text, opened.anchors[0].seq, opened.call.call_id)


def _hold_upstreams(replay: Replay, kept: Kept) -> None:
    simulated = SIMULATOR in replay.upstreams
    if simulated and len(replay.upstreams) > 1:
        others = ", ".join(sorted(replay.upstreams - {SIMULATOR}))
        replay.find("row", f"simulated money is mixed with that of {others}")
    elif kept.money is not None and replay.upstreams and simulated != (kept.money == "simulated"):
        replay.find("row", f"the ledger is bound to {kept.money} money, and its rows are not")


def _differences(
    kept: Mapping[Key, Sums], replayed: Mapping[Key, Sums]
) -> list[tuple[Key, Sums | None, Sums | None]]:
    """Where the two differ; an entry of zeros is as good as none."""
    keys = dict.fromkeys((*kept, *replayed))
    pairs = ((key, kept.get(key), replayed.get(key)) for key in keys)
    return [(key, a, b) for key, a, b in pairs if a != b and (any(a or ()) or any(b or ()))]


def _balance(balance: Balance | None) -> str:
    settled, held, uncertain = (format_usd(from_nano(nano)) for nano in balance or Balance())
    return f"{settled} settled, {held} held, {uncertain} uncertain"


def _sums(sums: RollupSums | None) -> str:
    found = sums or RollupSums()
    named = zip(found._fields, found, strict=True)
    return ", ".join(f"{name} {value}" for name, value in named if value) or "nothing"


def _name(key: tuple[str, ...]) -> str:
    return " / ".join(part for part in key if part)
