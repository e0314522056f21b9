"""What must hold of the money whatever bytes come: a whole attempt in a deployment, and then its ledger.

What a reply said it cost is read here by the standard library's JSON, so that agreement means something. One
deployment serves many replies: each comes two days after the one before, which no health remembers by then.
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, cast

from farthing.errors import FarthingError
from farthing.money import nano_half_even
from farthing.proof.read import read_rows, verified
from farthing.spend.ledger import Row, decode_outcome
from farthing.storage.database import Database, sqlite_url
from farthing.testing import Reply, ScriptedUpstream, VirtualClock, answer, deployment_on

_SETTINGS: Mapping[str, object] = {
    "models.primary": "qwen/qwen-2.5-coder-32b-instruct",
    "models.secondary": "meta-llama/llama-3.3-70b-instruct",
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "budget.monthlyLimit": 4_000_000_000,  # a wild bill is booked whole, and must not block the next one
}
_TWO_DAYS_S = 172_800.0
_MOST_PLAYED = 500
_MOST_USD = 1_000_000
"""What one call may say that it cost and be believed."""


class Said(NamedTuple):
    """What a stream said in plain words: its text, and its cost where one was stated last and can be one."""

    text: str
    cost: Decimal | None
    costs: bool
    """Whether any cost was stated, believable or not."""


class Books:
    """A deployment that is asked one task for each reply; a new one after many, or after a broken promise."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._opened: _Opened | None = None

    def hold(self, reply: Reply, *, bill: str | None = None) -> None:
        """Nothing stays held, and the reply's own cost is on the books. `bill`: what `/generation` says."""
        if self._opened is not None and self._opened.spent:
            self.close()
        opened = self._opened or _Opened(self._runner)
        self._opened = None
        try:
            opened.hold(reply, bill=bill)
        except BaseException:
            opened.leave()
            raise
        self._opened = opened

    def close(self) -> None:
        """Closes the deployment and holds its ledger against the laws."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class _Opened:
    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._folder = tempfile.TemporaryDirectory()
        self._clock = VirtualClock()
        self._upstream = ScriptedUpstream()
        folder = Path(self._folder.name)
        self._deployment = deployment_on(self._upstream, folder, clock=self._clock, overrides=_SETTINGS)
        runner.run(self._deployment.__aenter__())
        self._database = Database(sqlite_url(folder / "ledger.db"))
        self._seen = self._played = self._gone = 0

    @property
    def spent(self) -> bool:
        """Whether another one is due: a model that is not found twice in a row is not asked again."""
        return self._played >= _MOST_PLAYED or self._gone > 0

    def leave(self) -> None:
        """Closes, whatever state it is in."""
        self._runner.run(self._deployment.__aexit__(None, None, None))
        self._database.close()
        self._folder.cleanup()

    def close(self) -> None:
        self._runner.run(self._deployment.__aexit__(None, None, None))
        found = verified(self._database).findings
        self._database.close()
        self._folder.cleanup()
        assert found == []

    def hold(self, reply: Reply, *, bill: str | None) -> None:
        self._upstream.script = [reply, *[answer("fine") for _ in range(8)]]
        self._upstream.bills = {} if bill is None else {"gen-1": bill}
        self._runner.run(self._task())
        report = self._deployment.get_cost_report()
        assert report.held == 0, "a hold without a call"
        assert report.total_spend >= 0
        assert report.uncertain >= 0
        rows = self._new_rows()
        assert rows, "nothing was asked"
        self._gone += any("not_found" in row.body for row in rows)
        self._hold_rows(reply, [row for row in rows if row.call_id == rows[0].call_id])
        self._played += 1

    async def _task(self) -> None:
        with suppress(FarthingError):  # an outcome like another; its money is what is looked at
            await self._deployment.execute_task("Write a sort.")
        if asking := [task for task in asyncio.all_tasks() if _asks_for_a_bill(task)]:
            await asyncio.wait(asking)
        self._clock.advance(_TWO_DAYS_S)

    def _new_rows(self) -> list[Row]:
        with self._database.read() as connection:
            found = list(read_rows(connection, after=self._seen))
        self._seen = found[-1][0] if found else self._seen
        return [row for _, row in found]

    def _hold_rows(self, reply: Reply, rows: list[Row]) -> None:
        ended = [row for row in rows if row.kind in ("settled", "uncertain")]
        assert len(ended) == 1, "a call ends once"
        (end,) = ended
        assert end.nano >= 0
        if reply.status != 200:
            return
        said = said_by(b"".join(reply.chunks))
        if said is None:
            return
        if said.cost is not None:
            assert end.nano >= nano_half_even(said.cost), f"it said {said.cost}"
        if said.text and not said.costs:
            assert end.nano > 0, "silently zero"
            assert decode_outcome(end.body).basis != "reported" or end.kind == "settled"


def _asks_for_a_bill(task: "asyncio.Task[object]") -> bool:
    """Not any task: those that deliver alerts wait for a real second."""
    return "_ask_bill" in getattr(task.get_coro(), "__qualname__", "")


@contextmanager
def opened_books() -> Generator[Books]:
    """Books in folders of their own, which are gone afterwards."""
    log = logging.getLogger("farthing")
    before = log.level
    log.setLevel(logging.CRITICAL)  # overruns by the thousand
    try:
        with asyncio.Runner() as runner:
            books = Books(runner)
            yield books
            books.close()
    finally:
        log.setLevel(before)


def said_by(stream: bytes) -> Said | None:
    """What a stream of nothing but whole events and `[DONE]` says; None where that is another's to judge."""
    events, end, rest = stream.partition(b"data: [DONE]\n\n")
    if rest or not end or not events.endswith(b"\n\n"):
        return None
    said = Said("", None, costs=False)
    for block in events.removesuffix(b"\n\n").split(b"\n\n"):
        event = _event(block)
        found = None if event is None else _told(said, event)
        if found is None:
            return None
        said = found
    return said


def _event(block: bytes) -> Mapping[str, object] | None:
    """The object of a block of one data line, in plain JSON."""
    if not block.startswith(b"data: {") or b"\n" in block or b"\r" in block:
        return None
    try:
        event: object = json.loads(block[6:].decode(), parse_float=Decimal, parse_constant=_no_constant)
        json.dumps(event, default=str, ensure_ascii=False).encode()
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return cast("Mapping[str, object]", event) if isinstance(event, dict) else None


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _told(said: Said, event: Mapping[str, object]) -> Said | None:
    """With what one more event says; None for an error, or a choice in any but the plain form."""
    choices, usage = event.get("choices"), event.get("usage")
    if event.get("error") or not isinstance(choices, list):
        return None
    for choice in cast("list[object]", choices):
        text = _text(choice)
        if text is None:
            return None
        said = said._replace(text=said.text + text)
    if not isinstance(usage, dict):
        return said
    stated = cast("Mapping[str, object]", usage)
    if "is_byok" in stated or "cost_details" in stated:
        return None
    if stated.get("cost") is None:
        return said
    return said._replace(cost=_believable(stated["cost"]), costs=True)


def _text(choice: object) -> str | None:
    if not isinstance(choice, dict):
        return None
    stated = cast("Mapping[str, object]", choice)
    delta = stated.get("delta")
    if stated.get("error") or not isinstance(delta, dict):
        return None
    text = cast("Mapping[str, object]", delta).get("content")
    return text if isinstance(text, str) else None if text is not None else ""


def _believable(cost: object) -> Decimal | None:
    if isinstance(cost, bool) or not isinstance(cost, int | Decimal):
        return None
    amount = Decimal(cost)
    plain = len(str(amount)) <= 40 and 0 <= amount < _MOST_USD
    return amount if plain else None
