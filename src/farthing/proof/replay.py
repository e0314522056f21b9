"""Goes through a ledger's rows in the order they were written, and holds each against the laws of money.

Pure: rows come in, and what is wrong is collected as findings, which never stop the replay. What the rows
amount to (heads, balances, roll-ups, open calls) is left in the `Replay`, for `verify.py` to hold against
what is kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from operator import neg
from typing import Literal, NamedTuple, assert_never

import msgspec

from farthing.money import format_usd, from_nano, nano_half_even, parse_usd
from farthing.spend.batch import (
    RollupByKey,
    RollupKey,
    RollupSums,
    added,
    reuse_sums,
    rollup_by_keys,
    rollup_key,
)
from farthing.spend.budget import AccountKey, Balance, Posting, doubt, hold, post, settle
from farthing.spend.ledger import (
    OutcomeBody,
    Row,
    decode_checkpoint,
    decode_outcome,
    decode_seen,
    genesis,
    row_hash,
)
from farthing.spend.runs import Call, begun, call_sums, end, reuse_of

Law = Literal["chain", "order", "limit", "cost", "sums", "head", "checkpoint", "row"]
"""What a finding is about: the hash chain, the lawful order of a call's rows, the promise at each admission,
a row's own amount, kept sums, an exported head, rows that were put away, a row that cannot be read."""

_MOST_FINDINGS = 1000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be. `seq` is the row's place in the ledger, where it is one row's."""

    law: Law
    text: str
    seq: int | None = None
    call_id: str | None = None


class Head(NamedTuple):
    """How far an epoch's chain goes: how many rows it has, and the hash of the last."""

    rows: int
    hash: str


class Anchor(NamedTuple):
    """One row's place, its hash, and the hash it was made from: it is proved without those before it."""

    seq: int
    before: str
    hash: str


@dataclass(slots=True, kw_only=True)
class OpenCall:
    """A call that is not settled, with the epoch of its intent and where its rows are."""

    call: Call
    epoch: int
    anchors: list[Anchor] = field(default_factory=list[Anchor])


class Replay:
    """Give it every row with `take`; then read what they amount to. Money is nano-dollars."""

    def __init__(self, *, on_head: Callable[[int, Head], None] | None = None) -> None:
        """`on_head` is called with an epoch and its head after each row of it."""
        self.heads: dict[int, Head] = {}
        self.balances: dict[AccountKey, Balance] = {}
        self.rollups: dict[RollupKey, RollupSums] = {}
        self.rollups_by: dict[RollupByKey, RollupSums] = {}
        self.open: dict[str, OpenCall] = {}
        self.total = Balance()
        self.upstreams: set[str] = set()
        self.checkpoints: dict[int, str] = {}
        """The SHA-256 of each checkpoint that has a row, by its number."""
        self.rows, self.calls, self.reuses, self.through = 0, 0, 0, 0
        self.findings: list[Finding] = []
        self.left_out = 0
        """How many more findings there were than are kept."""
        self._on_head = on_head

    def take(self, seq: int, row: Row) -> None:
        """The next row."""
        self.rows += 1
        self.through = seq
        anchor = self._link(seq, row)
        try:
            self._read(anchor, row)
        except msgspec.ValidationError as error:
            self.find("row", f"a {row.kind} row that no version of Farthing wrote: {error}", seq, row.call_id)

    def find(self, law: Law, text: str, seq: int | None = None, call_id: str | None = None) -> None:
        if len(self.findings) == _MOST_FINDINGS:
            self.left_out += 1
        else:
            self.findings.append(Finding(law=law, text=text, seq=seq, call_id=call_id))

    def take_up(self, opened: OpenCall) -> None:
        """An open call whose rows were read apart; its money is in the balances already."""
        self.open[opened.call.call_id] = opened

    def _link(self, seq: int, row: Row) -> Anchor:
        count, before = self.heads.get(row.epoch) or Head(0, genesis(row.epoch))
        if row_hash(before, *row[:-1]) != row.hash:
            self.find("chain", f"the row does not follow from those before it in epoch {row.epoch}", seq)
        # Its own word for the next: one changed row is one finding.
        self.heads[row.epoch] = head = Head(count + 1, row.hash)
        if self._on_head is not None:
            self._on_head(row.epoch, head)
        return Anchor(seq, before, row.hash)

    def _read(self, anchor: Anchor, row: Row) -> None:
        match row.kind:
            case "intent":
                self._begin(anchor, row)
            case "seen" | "settled" | "uncertain":
                opened = self.open.get(row.call_id)
                if opened is None:
                    self.find("order", f"{row.kind}, and no open intent", anchor.seq, row.call_id)
                    return
                opened.anchors.append(anchor)
                if row.kind == "seen":
                    self._see(anchor.seq, opened.call, row)
                else:
                    self._end(anchor.seq, opened, row)
            case "reused":
                self._reuse(anchor.seq, row)
            case "checkpoint":
                body = decode_checkpoint(row.body)
                self.checkpoints[body.number] = body.sha256
            case _:
                assert_never(row.kind)

    def _begin(self, anchor: Anchor, row: Row) -> None:
        if row.call_id in self.open:
            self.find("order", "a second intent of one call", anchor.seq, row.call_id)
            return
        call = begun(row)
        if row.nano < 0:
            self.find("cost", f"an intent holds {_usd(row.nano)}", anchor.seq, row.call_id)
        self.calls += 1
        self.upstreams.add(call.intent.upstream)
        for key, limit in zip(call.intent.accounts, call.intent.limits, strict=False):
            committed = self.balances.get(AccountKey(*key), Balance()).committed
            if limit is not None and committed + row.nano > limit:
                text = (
                    f"{_usd(row.nano)} was admitted in {key[0]} of {key[1]}, where {_usd(committed)} counted "
                    f"of {_usd(limit)}"
                )
                self.find("limit", text, anchor.seq, row.call_id)
        self._post(call, hold(row.nano))
        self.open[row.call_id] = OpenCall(call=call, epoch=row.epoch, anchors=[anchor])

    def _see(self, seq: int, call: Call, row: Row) -> None:
        if row.nano != 0:
            self.find("cost", f"a generation id with an amount of {_usd(row.nano)}", seq, row.call_id)
        call.generation_id = decode_seen(row.body).generation_id

    def _end(self, seq: int, opened: OpenCall, row: Row) -> None:
        call, was = opened.call, opened.call.outcome
        body = decode_outcome(row.body)
        if row.kind == "uncertain" and was is not None:
            self.find("order", "uncertain twice", seq, row.call_id)
            return
        for problem in _problems(call, row, body):
            self.find("cost", problem, seq, row.call_id)
        old = None if was is None else call_sums(call, was)
        doubted = call.doubted
        end(call, row)
        self._add_up(call, old, call_sums(call, body))
        if row.kind == "uncertain":
            self._post(call, doubt(call.worst))
        else:
            self._post(call, settle(row.nano, held=call.worst, was_uncertain=doubted))
            del self.open[row.call_id]

    def _reuse(self, seq: int, row: Row) -> None:
        if row.nano != 0:
            self.find("cost", f"a reused answer cost {_usd(row.nano)}", seq, row.call_id)
        reuse = reuse_of(row)
        if reuse.body.saved < 0 or reuse.body.baseline < 0:
            self.find("cost", "a reused answer saved less than nothing", seq, row.call_id)
        self.upstreams.add(reuse.body.upstream)
        self.reuses += 1
        key, sums = rollup_key(reuse.body, reuse.day), reuse_sums(reuse.body)
        self.rollups[key] = added(self.rollups.get(key), sums)
        for by in rollup_by_keys(reuse.body, reuse.day, row.run_id):
            self.rollups_by[by] = added(self.rollups_by.get(by), sums)

    def _add_up(self, call: Call, old: RollupSums | None, new: RollupSums) -> None:
        change = new if old is None else added(RollupSums(*map(neg, old)), new)
        key = rollup_key(call.intent, call.day)
        self.rollups[key] = added(self.rollups.get(key), change)
        for by in rollup_by_keys(call.intent, call.day, call.run_id):
            self.rollups_by[by] = added(self.rollups_by.get(by), change)

    def _post(self, call: Call, posting: Posting) -> None:
        keys = {AccountKey(*key) for key in call.intent.accounts}
        for key in keys:
            self.balances.setdefault(key, Balance())
        post(self.balances, keys, posting)
        self.total = Balance(*(a + b for a, b in zip(self.total, posting, strict=True)))


def _problems(call: Call, row: Row, body: OutcomeBody) -> Iterable[str]:
    """What is wrong with an outcome's own amount and marks."""
    if row.kind == "uncertain":
        if row.nano != call.worst:
            yield f"{_usd(row.nano)} is uncertain of a call that held {_usd(call.worst)}"
        return
    if row.nano < 0:
        yield f"settled at {_usd(row.nano)}"
    if body.basis == "uncertain":
        yield "settled without a basis"
    if body.overrun != (row.nano > call.worst):
        yield f"settled at {_usd(row.nano)} of {_usd(call.worst)}, and the overrun's mark says otherwise"
    if body.late != call.doubted:
        yield "its mark of lateness is wrong"
    if body.basis == "reported" and body.literal is not None and _stated(body.literal) != row.nano:
        yield f"settled at {_usd(row.nano)}, and the provider's text is {body.literal!r}"


def _stated(literal: str) -> int | None:
    """The provider's own digits as nano-dollars; with one's own key, two amounts. None: no amount."""
    try:
        return nano_half_even(sum((parse_usd(part) for part in literal.split(" + ")), Decimal(0)))
    except ValueError:
        return None


def _usd(nano: int) -> str:
    return format_usd(from_nano(nano))
