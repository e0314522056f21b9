"""One process that spends from a shared budget until it is denied: started by `test_processes.py`.

Arguments: the database's URL, a name for its calls, the limit and the worst case in nano-dollars.
Prints one line of JSON: how many calls were admitted and what they cost.
"""

import asyncio
import json
import random
import sys
import time

from farthing.spend.budget import AccountKey, Admitted, Claim
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database

WAIT_S = 20.0


def now_us() -> int:
    return 1_795_000_000_000_000


class Spender:
    """Asks for calls of one worst case each, and settles them at a random cost."""

    def __init__(self, ledger: LedgerWriter, name: str, *, limit: int, worst: int) -> None:
        self.admitted, self.cost = 0, 0
        self._ledger, self._name, self._limit, self._worst = ledger, name, limit, worst
        self._random = random.Random(name)
        self._asked = 0

    async def spend(self) -> None:
        """Until a denial."""
        while True:
            self._asked += 1
            call_id = f"{self._name}-{self._asked}"
            decision = await self._ledger.reserve(self._intent(call_id), deadline=time.monotonic() + WAIT_S)
            if not isinstance(decision, Admitted):
                return
            self.admitted += 1
            await asyncio.sleep(0)
            cost = self._random.randint(self._worst // 10, self._worst)
            self.cost += cost
            self._ledger.record(
                Outcome(
                    call_id=call_id, at_us=now_us(), cost=cost, basis="reported", accepted=True, reason="ok"
                )
            )

    def _intent(self, call_id: str) -> Intent:
        return Intent(
            call_id=call_id,
            at_us=now_us(),
            task_id=call_id,
            model="m",
            upstream="u",
            price_book="b",
            worst=self._worst,
            floor=self._worst,
            claims=(Claim(AccountKey("deployment", "month:2026-11"), self._limit),),
            task_type="coding",
            purpose="task",
        )


async def main(url: str, name: str, limit: int, worst: int) -> None:
    database = Database(url)
    ledger = LedgerWriter(database, label=name, now_us=now_us)
    await ledger.start()
    spender = Spender(ledger, name, limit=limit, worst=worst)
    await asyncio.gather(*(spender.spend() for _ in range(20)))
    await ledger.aclose()
    database.close()
    sys.stdout.write(json.dumps({"admitted": spender.admitted, "cost": spender.cost}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
