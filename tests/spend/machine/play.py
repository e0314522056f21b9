"""What the machine's rules are made of: asking, telling, rounds, deaths, closings; each followed by the laws.

After a round in which nothing went wrong, all that the process was given must be done: nothing is lost, and
nothing waits that could go on.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from tests.spend.machine.model import Call, Model, Rule, charged, moment
from tests.spend.machine.played import Process
from tests.spend.machine.proof import Proof, law
from tests.spend.machine.stage import LEASE_S, PROCESSES, KilledError, Stage

from farthing.config.schema import DeploymentConfig
from farthing.errors import LedgerUnavailableError
from farthing.money import from_nano
from farthing.proof.read import verified
from farthing.spend.batch import Event, Seen
from farthing.spend.budget import Admitted
from farthing.spend.claims import claims_for
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.settlement import billed
from farthing.task import Task, Usage

_USAGE = Usage(input_tokens=3, output_tokens=5)


class Asked(NamedTuple):
    """What a caller wants, in units of money, and what the provider will make of it."""

    worst: int
    least: int
    """The floor, in thousandths of `worst`."""
    key: str | None
    run: str | None
    agent: str | None
    tags: tuple[str, ...]
    own_limit: int | None
    patient: bool
    share: int
    sent: bool


class Play:
    """One example: its processes, the model and the proof."""

    def __init__(self, stage: Stage, config: DeploymentConfig, rules: Sequence[Rule], *, unit: int) -> None:
        self.stage, self.config, self.rules, self.unit = stage, config, tuple(rules), unit
        self.model = Model()
        self.proof = Proof(stage, self.model)
        self.alive: list[Process] = []
        self.closed: list[Process] = []
        self.spooled: list[tuple[Event, Call]] = []
        self._owners: dict[int, Process] = {}
        self._loop = stage.loop

    # What there is.

    def one(self, pick: int) -> Process:
        return self.alive[pick % len(self.alive)]

    def flying(self, processes: Iterable[Process]) -> list[tuple[Process, Call]]:
        """Calls that were admitted and whose callers have not told how they ended."""
        return [(process, call) for process in processes for call in process.flying]

    def findable(self) -> list[Call]:
        """Uncertain calls whose generation id the rows know."""
        return [call for call in self.model.calls.values() if call.state == "uncertain" and call.findable]

    def settled(self) -> list[Call]:
        return [call for call in self.model.calls.values() if call.state == "settled"]

    # What is done.

    def start(self) -> None:
        """A further process; it may find the database away, or die while it starts."""
        used = {process.slot for process in self.alive}
        slot = next(number for number in range(PROCESSES) if number not in used)
        process = Process(self.stage, slot, self._loop)
        self.proof.since = self.stage.clocks.lease
        try:
            process.begin()
        except LedgerUnavailableError:
            self.stage.counts["starts refused"] += 1
            self.proof.follow()
            return
        self.alive.append(process)
        self.proof.follow()
        for event, call in self.spooled:
            _is_written(event, call)
        self.spooled = []

    def ask(self, process: Process, asks: Sequence[Asked]) -> None:
        for asked in asks:
            name = f"c{len(self.model.calls)}"
            at_us = self.stage.clocks.now_us()
            worst = asked.worst * self.unit
            own = None if asked.own_limit is None else asked.own_limit * self.unit
            rules = self.rules
            if own is not None:
                rules = (*rules, Rule(scope="task", period="total", amount=own))
            limits, soft = charged(
                rules, task=name, at_us=at_us, key=asked.key, run=asked.run, agent=asked.agent
            )
            call = Call(
                name=name,
                at_us=at_us,
                worst=worst,
                floor=worst * asked.least // 1000,
                limits=limits,
                soft=soft,
                groups=_groups(asked),
                patient=asked.patient,
                share=asked.share,
                to_send=asked.sent,
            )
            self.model.calls[name] = call
            process.ask(call, self._intent(call, asked, own))

    def end(self, process: Process, call: Call, how: str) -> None:
        """Its caller tells how a call ended, or (`id`) only its generation id."""
        process.flying.remove(call)
        if not call.sent:
            self.tell(process, call, self.outcome(call, 0))
            return
        if "id" in how:
            call.has_id = True
            self.tell(process, call, Seen(call.name, self.stage.clocks.now_us(), f"gen-{call.name}"))
        if how == "id":
            process.flying.append(call)
        elif how == "unknown":
            self.tell(process, call, self.outcome(call, None))
        else:
            self.tell(process, call, self.bill_of(call))

    def end_some(self, process: Process, pick: int) -> None:
        """Up to three of its calls, each in another way."""
        for number, call in enumerate(process.flying[:3]):
            self.end(process, call, ("cost", "unknown", "id", "id, cost")[(pick + number) % 4])

    def tell(self, process: Process, call: Call, event: Event) -> None:
        if isinstance(event, Outcome):
            call.told.add(None if event.cost is None else call.bill)
        process.tell(event, call)

    def outcome(self, call: Call, cost: int | None) -> Outcome:
        return Outcome(
            call_id=call.name,
            at_us=self.stage.clocks.now_us(),
            cost=cost,
            basis="uncertain" if cost is None else "computed",
            accepted=cost is not None,
            reason="as the machine drew it",
            generation_id=f"gen-{call.name}" if call.has_id else None,
            usage=_USAGE,
            baseline=7,
        )

    def bill_of(self, call: Call) -> Outcome:
        """The provider's bill, from its digits by the product's own rounding."""
        known = billed(Decimal(call.literal), call.literal, _USAGE)
        return Outcome(
            call_id=call.name,
            at_us=self.stage.clocks.now_us(),
            cost=known.nano,
            basis=known.basis,
            accepted=True,
            reason="billed",
            literal=known.literal,
            generation_id=f"gen-{call.name}" if call.has_id else None,
            usage=known.usage,
        )

    def round(self, process: Process) -> None:
        """One round of a process, and what must be true after it."""
        # One that has lost its own lease reaps nobody: it finds that out when it has something to write.
        reaps = process.number not in self.proof.ended
        reaps = reaps and self.stage.clocks.lease - process.last_try >= LEASE_S / 3
        self.proof.since = self.stage.clocks.lease
        try:
            clean = process.round()
        except KilledError:
            self.died(process)
            return
        self._follow(process)
        self._take_answers(process, exact=clean)
        if clean:
            self._all_is_done(process)
            if reaps:
                self._the_dead_are_reaped()

    def died(self, process: Process) -> None:
        process.die()
        self.alive.remove(process)
        self._follow(process)
        self.stage.counts["killed"] += 1

    def close(self, process: Process) -> None:
        self.proof.since = self.stage.clocks.lease
        clean = process.end()
        self.alive.remove(process)
        self.closed.append(process)
        self._follow(process, closing={call.name for call in process.asked})
        self._take_answers(process, exact=False)
        law(not process.waits, "a call waits on a process that has closed")
        if clean:
            self._all_is_done(process)
        else:
            self.spooled += process.told
            process.told = []
            self.stage.counts["closed without a database"] += 1

    def end_late(self, process: Process, call: Call) -> None:
        """A caller tells of a call when its process has closed the ledger."""
        self.end(process, call, "id, cost")
        self.spooled += process.told
        process.told = []

    def take_everything_up(self) -> None:
        """The end of an example: nothing is held any more, and only what has no id stays uncertain."""
        for database in self.stage.databases:
            database.faults.clear()
        for process in list(self.alive):
            self.round(process)
            self.close(process)
        self.stage.clocks.pass_by(LEASE_S + 1)
        self.start()
        law(self.model.total()[1] == 0, "money is held when every process has ended")
        (process,) = self.alive
        for call in self.findable():
            self.tell(process, call, self.bill_of(call))
        self.round(process)
        self.close(process)
        law(not self.findable(), "a call with an id is uncertain after it was reconciled")
        law(not (found := verified(self.stage.reader).findings), f"the ledger does not verify: {found}")
        self.proof.overruns_were_told()
        self._count()

    # What must be true.

    def _follow(self, process: Process, *, closing: set[str] | frozenset[str] = frozenset()) -> None:
        known = len(self.proof.rows)
        self.proof.follow(closing=closing)
        for row in self.proof.rows[known:]:
            self._owners[row.epoch] = process

    def _take_answers(self, process: Process, *, exact: bool) -> None:
        """`exact`: whether the round decided by what is true now."""
        waits, process.waits = process.waits, []
        for call, answer in waits:
            if not answer.done():
                process.waits.append((call, answer))
            elif answer.cancelled() or answer.exception() is not None:
                self.stage.counts["given up"] += 1
                call.told.add(0)  # its caller sends nothing, whatever was decided
            elif isinstance(decision := answer.result(), Admitted):
                law(call.state in ("held", "uncertain"), f"{call.name} was admitted without an intent")
                law(decision.granted == call.granted, f"{call.name} was told a grant that its row has not")
                process.flying.append(call)
                if call.to_send:
                    call.send()
            else:
                self.stage.counts["refused"] += 1
                law(call.state == "", f"{call.name} was refused and has an intent")
                law(not exact or self.model.grant(call) is None, f"{call.name} was refused, and fits")

    def _all_is_done(self, process: Process) -> None:
        for event, call in process.told:
            _is_written(event, call)
        process.told = []
        for call, _ in process.waits:
            law(call.patient, f"{call.name} waits, and its deadline is over")
            law(self.model.grant(call) is None, f"{call.name} waits, and fits")
            fits = self.model.grant(call, but_held=True) is not None
            law(fits, f"{call.name} waits for what no call on the wire can give back")

    def _the_dead_are_reaped(self) -> None:
        now = self.stage.clocks.lease
        for call in self.model.calls.values():
            if call.state == "held":
                last = self._owners[call.epoch].last_try
                law(last + LEASE_S >= now, f"{call.name} is held by a process whose lease ran out")

    def _intent(self, call: Call, asked: Asked, own: int | None) -> Intent:
        task = Task(
            description="Do it.",
            key=asked.key,
            run_id=asked.run,
            agent_id=asked.agent,
            tags=asked.tags,
            max_cost_usd=None if own is None else from_nano(own),
        )
        return Intent(
            call_id=call.name,
            at_us=call.at_us,
            task_id=call.name,
            model="m",
            upstream="u",
            price_book="b",
            worst=call.worst,
            floor=call.floor,
            claims=claims_for(self.config, task, task_id=call.name, at=moment(call.at_us)),
            task_type="coding",
            purpose="task",
            run_id=asked.run,
            agent_id=asked.agent,
            key=asked.key,
            tags=asked.tags,
        )

    def _count(self) -> None:
        counts, calls = self.stage.counts, self.model.calls.values()
        counts["rows"] += len(self.proof.rows)
        counts["calls asked"] += len(calls)
        counts["calls admitted"] += sum(call.state != "" for call in calls)
        counts["overruns"] += sum(call.state == "settled" and call.cost > call.granted for call in calls)
        counts["uncertain at the end"] += sum(call.state == "uncertain" for call in calls)
        counts["faults"] += sum(database.faults.taken() for database in self.stage.databases)


def _is_written(event: Event, call: Call) -> None:
    """A call that has no intent row cannot be settled; every other event must have had its effect."""
    if call.state == "":
        return
    if not isinstance(event, Outcome):
        law(call.seen or call.state != "held", f"the id of {call.name} was lost")
    elif event.cost is None:
        law(call.state != "held", f"{call.name} is still held though nobody knows its end")
    else:
        law(call.state == "settled", f"the settlement of {call.name} was lost")


def _groups(asked: Asked) -> tuple[tuple[str, str], ...]:
    named = (("swarm", asked.run), ("agent", asked.agent), ("key", asked.key))
    tags = sorted(set(asked.tags))
    return (*((kind, name) for kind, name in named if name), *(("tag", tag) for tag in tags))
