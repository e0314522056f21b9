"""The state machine: processes that reserve, settle, doubt, stop, die and come back on one database.

Every rule ends with the laws (`proof.py`). What is drawn is what callers, the provider, the clocks and the
faults do; the ledger's own code does the rest. An example ends by taking everything up again: the dead are
reaped, the spool is replayed, what has an id is reconciled, and only what has none stays uncertain.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.spend.machine.model import Call, Rule, moment
from tests.spend.machine.play import Asked, Play
from tests.spend.machine.played import Process
from tests.spend.machine.stage import LEASE_S, PROCESSES, FaultKind, Stage

from farthing.config.schema import Budget, DeploymentConfig, Limit
from farthing.money import from_nano
from farthing.spend.batch import Seen

START = datetime(2026, 12, 27, 22, tzinfo=UTC)  # two hours before a week ends, four days before a year does
CONFIG = DeploymentConfig.model_validate({"models": {"primary": "a/model"}})
UNITS = (1, 13, 10**15 + 7)
"""A unit of money in nano-dollars: from one to what a float cannot count."""

ASKS = st.lists(
    st.builds(
        Asked,
        worst=st.sampled_from([10, 7, 20, 3, 1, 0]),
        least=st.sampled_from([1000, 1000, 1000, 500, 0]),
        key=st.sampled_from([None, "acme", "other"]),
        run=st.sampled_from([None, "r1", "r2"]),
        agent=st.sampled_from([None, "coder", "tester"]),
        tags=st.sampled_from([(), ("t1",), ("t1", "t2")]),
        own_limit=st.sampled_from([None, None, None, 5, 15]),
        patient=st.booleans(),
        share=st.sampled_from([500, 250, 37, 777, 999, 1000, 1001, 2750, 1, 0]),
        sent=st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=3,
)
LIMITS = st.lists(
    st.tuples(
        st.sampled_from(["deployment", "key", "key:acme", "swarm", "agent", "task"]),
        st.sampled_from(["total", "day", "week", "month"]),
        st.sampled_from([3000, 1000, 60, 300, 1000, 30, 10, 0]),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=4,
)
PICK = st.integers(0, 11)
STATEMENT = st.integers(0, 9)
HOW = st.sampled_from(["cost", "cost", "unknown", "id", "id, cost"])
FAULTS: st.SearchStrategy[FaultKind] = st.sampled_from(["lost", "unsure"])
DEATHS: st.SearchStrategy[FaultKind | None] = st.sampled_from([None, "kill", "kill after"])


class LedgerMachine(RuleBasedStateMachine):
    """Subclasses name their `stage`."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.stage.clear()
        self.stage.counts["examples"] += 1
        self.stage.clocks.wall, self.stage.clocks.lease = START.timestamp(), 1000.0
        self.play = Play(self.stage, CONFIG, (), unit=1)

    @property
    def alive(self) -> list[Process]:
        return self.play.alive

    # What callers, the provider and the operator do.

    @initialize(limits=LIMITS, monthly=st.sampled_from([None, 1000, 300, 60]), unit=st.sampled_from(UNITS))
    def deploy(self, limits: list[tuple[str, str, int, bool]], monthly: int | None, unit: int) -> None:
        rules = [
            Rule(scope=scope, period=period, amount=units * unit, hard=hard)
            for scope, period, units, hard in limits
        ]
        stated = tuple(Limit.model_validate(_stated(one)) for one in rules)
        usd = None if monthly is None else from_nano(monthly * unit)
        if monthly is not None:
            rules.append(Rule(scope="deployment", period="month", amount=monthly * unit))
        config = CONFIG.model_copy(update={"budget": Budget(limits=stated, monthly_limit=usd)})
        self.play = Play(self.stage, config, rules, unit=unit)
        self.play.start()

    @precondition(lambda self: len(self.alive) < PROCESSES)
    @rule()
    def start(self) -> None:
        self.play.start()

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, asks=ASKS, at_once=st.sampled_from([True, True, True, False]))
    def ask(self, pick: int, asks: list[Asked], at_once: bool) -> None:
        process = self.play.one(pick)
        self.play.ask(process, asks)
        if at_once:
            self.play.round(process)

    @precondition(lambda self: self.play.flying(self.alive))
    @rule(picks=st.lists(PICK, min_size=1, max_size=3), how=HOW, at_once=st.booleans())
    def end(self, picks: list[int], how: str, at_once: bool) -> None:
        flying = self.play.flying(self.alive)
        chosen = [flying[number] for number in sorted({pick % len(flying) for pick in picks})]
        for process, call in chosen:
            self.play.end(process, call, how)
        for slot in sorted({process.slot for process, _ in chosen}) if at_once else ():
            self.play.round(next(process for process, _ in chosen if process.slot == slot))

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, asks=ASKS, then=PICK)
    def call(self, pick: int, asks: list[Asked], then: int) -> None:
        """Whole calls: asked for, sent, ended."""
        process = self.play.one(pick)
        self.play.ask(process, asks)
        self.play.round(process)
        self.play.end_some(process, then)
        self.play.round(process)

    @precondition(lambda self: any(not call.sent for _, call in self.play.flying(self.alive)))
    @rule(pick=PICK)
    def send(self, pick: int) -> None:
        """A call goes out some time after it was admitted, perhaps when its lease is long lost."""
        unsent = [call for _, call in self.play.flying(self.alive) if not call.sent]
        unsent[pick % len(unsent)].send()

    @precondition(lambda self: self.play.settled() and self.alive)
    @rule(pick=PICK, on=PICK, more=st.sampled_from([None, 0, 1, 10**6]))
    def settle_again(self, pick: int, on: int, more: int | None) -> None:
        """A second settlement of the same call, by any process: the same, another or none; another id."""
        settled, process = self.play.settled(), self.play.one(on)
        call = settled[pick % len(settled)]
        process.record(self.play.outcome(call, None if more is None else call.cost + more))
        process.record(Seen(call.name, self.stage.clocks.now_us(), "another"))
        self.play.round(process)

    @precondition(lambda self: self.play.findable() and self.alive)
    @rule(picks=st.lists(PICK, min_size=1, max_size=3), on=PICK, times=st.integers(1, 2))
    def reconcile(self, picks: list[int], on: int, times: int) -> None:
        """Any process asks for the bill by the id, perhaps twice, and books it."""
        found, process = self.play.findable(), self.play.one(on)
        for number in sorted({pick % len(found) for pick in picks}):
            for _ in range(times):
                self.play.tell(process, found[number], self.play.bill_of(found[number]))
        self.play.round(process)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK)
    def work(self, pick: int) -> None:
        self.play.round(self.play.one(pick))

    @precondition(lambda self: any(process.waits for process in self.alive))
    @rule(pick=PICK)
    def give_up_waiting(self, pick: int) -> None:
        waiting = [wait for process in self.alive for wait in process.waits]
        call, answer = waiting[pick % len(waiting)]
        call.told.add(0)
        answer.cancel()

    # What time does.

    @rule(seconds=st.sampled_from([0.1, 5.0, 11.0, LEASE_S, LEASE_S + 1]))
    def wait(self, seconds: float) -> None:
        self.stage.clocks.pass_by(seconds)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK)
    def stop_past_the_lease(self, pick: int) -> None:
        """One process is stopped or cut off while the others find its lease over. It knows nothing of it."""
        stopped = self.play.one(pick)
        if len(self.alive) == 1:
            self.play.start()
        self.stage.clocks.pass_by(LEASE_S + 1)
        for process in [one for one in self.alive if one is not stopped]:
            self.play.round(process)
        self.stage.counts["stopped past the lease"] += 1

    @precondition(lambda self: self.play.flying(self.alive))
    @rule(kind=st.sampled_from(["day", "week", "month", "year"]), microseconds=st.sampled_from([-1, 0, 1]))
    def roll_over(self, kind: str, microseconds: int) -> None:
        """The wall clock passes, or nearly, into another period while calls are in flight; leases hold."""
        then = _next(kind, moment(self.stage.clocks.now_us())) + timedelta(microseconds=microseconds)
        self.stage.clocks.wall = max(self.stage.clocks.wall, then.timestamp())
        self.stage.counts["roll-overs"] += 1

    # What goes wrong.

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, kind=FAULTS, statement=STATEMENT, asks=ASKS)
    def fail(self, pick: int, kind: FaultKind, statement: int, asks: list[Asked]) -> None:
        """A transaction fails: at some statement, at its commit, or after a commit that worked."""
        process = self.play.one(pick)
        self.play.ask(process, asks)
        self.play.end_some(process, pick)
        process.played.faults.set(kind, statement=statement)
        self.play.round(process)
        process.played.faults.set(None)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, kind=DEATHS, statement=STATEMENT, asks=ASKS)
    def kill(self, pick: int, kind: FaultKind | None, statement: int, asks: list[Asked]) -> None:
        """SIGKILL: between two transactions, within one, or when a commit worked and nobody knows."""
        process = self.play.one(pick)
        self.play.ask(process, asks)
        self.play.end_some(process, pick)
        process.played.faults.set(kind, statement=statement)
        if kind is not None:
            self.play.round(process)
        if process in self.alive:
            self.play.died(process)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, all_of_them=st.booleans(), asks=ASKS, lasts=st.integers(1, 8))
    def go_away(self, pick: int, all_of_them: bool, asks: list[Asked], lasts: int) -> None:
        """An outage, for one process or for all: so many connections are refused."""
        for process in list(self.alive) if all_of_them else [self.play.one(pick)]:
            self.play.ask(process, asks)
            self.play.end_some(process, pick)
            process.played.faults.away = lasts
            self.play.round(process)
        self.stage.counts["outages"] += 1

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, ends=st.booleans())
    def close(self, pick: int, ends: bool) -> None:
        process = self.play.one(pick)
        if ends:
            self.play.end_some(process, pick)
        self.play.close(process)

    @precondition(lambda self: self.play.flying(self.play.closed))
    @rule(pick=PICK)
    def end_after_the_close(self, pick: int) -> None:
        """An outcome that comes when its process has closed its ledger goes to the spool."""
        late: list[tuple[Process, Call]] = self.play.flying(self.play.closed)
        self.play.end_late(*late[pick % len(late)])

    @invariant()
    def the_bill_is_covered(self) -> None:
        """After each step. The other laws follow each thing that a process does: `Proof.follow`."""
        self.stage.counts["steps"] += 1
        self.play.proof.bill_is_covered()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else the example has failed, or was given up
                self.play.take_everything_up()
        finally:
            for process in self.alive:
                process.die()


def _stated(one: Rule) -> dict[str, object]:
    kind = "hard" if one.hard else "soft"
    return {"scope": one.scope, "period": one.period, "amount": from_nano(one.amount), "kind": kind}


def _next(kind: str, at: datetime) -> datetime:
    """When the next period of this kind begins."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match kind:
        case "day":
            return midnight + timedelta(days=1)
        case "week":
            return midnight + timedelta(days=7 - at.weekday())
        case "month":
            return (midnight.replace(day=28) + timedelta(days=4)).replace(day=1)
        case _:
            return midnight.replace(year=at.year + 1, month=1, day=1)
