"""Group commits against a simple model: limits hold at every admission, and rows add up to what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import structs
from tests.spend.chains import first_broken_link

from farthing.spend import batch
from farthing.spend.batch import Doubt, Event, OpenCall, Plan, RollupKey, RollupSums, Seen
from farthing.spend.budget import AccountKey, Admitted, Balance, Claim, Denied
from farthing.spend.ledger import Intent, Outcome, Row, genesis
from farthing.spend.runs import fold
from farthing.task import Usage

DAYS_US = (1_795_000_000_000_000, 1_795_900_000_000_000)  # two days of November and of December 2026
SCOPES = ("deployment", "swarm:1", "agent:1/1", "task:1")
LIMITS = {"deployment": 300, "swarm:1": 200, "agent:1/1": 120, "task:1": None}
MONTHS = ("month:2026-11", "month:2026-12")


def claims_of(scopes: Sequence[str], month: str) -> tuple[Claim, ...]:
    return tuple(Claim(AccountKey(scope, month), LIMITS[scope]) for scope in scopes)


def intent(call_id: str, *, worst: int, floor: int, claims: tuple[Claim, ...], at_us: int) -> Intent:
    return Intent(
        call_id=call_id,
        at_us=at_us,
        task_id="t",
        model="m" if worst % 2 else "n",
        upstream="u",
        price_book="b",
        worst=worst,
        floor=floor,
        claims=claims,
        task_type="coding",
        purpose="task",
    )


def outcome(call_id: str, cost: int | None, *, accepted: bool = True, baseline: int = 0) -> Outcome:
    return Outcome(
        call_id=call_id,
        at_us=1,
        cost=cost,
        basis="uncertain" if cost is None else "computed" if cost % 2 else "reported",
        accepted=accepted,
        reason="ok",
        usage=Usage(input_tokens=3, output_tokens=2),
        baseline=baseline,
    )


@dataclass(slots=True)
class Modelled:
    """What the model knows of a call: the accounts it is in, and what it counts there."""

    keys: frozenset[AccountKey]
    granted: int
    cost: int | None = None
    doubted: bool = False
    seen: bool = False

    @property
    def balance(self) -> Balance:
        if self.cost is not None:
            return Balance(settled=self.cost)
        return Balance(uncertain=self.granted) if self.doubted else Balance(held=self.granted)


events_of = st.lists(
    st.tuples(
        st.integers(0, 30),  # which call, by number; often one that is settled or never was
        st.sampled_from(["settle", "doubt", "seen"]),
        st.integers(-2, 150),  # above the grant: an overrun; below zero: no bill says that
        st.booleans(),
    ),
    max_size=6,
)
intents_of = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 80), st.integers(0, 80)).map(sorted),
        st.lists(st.sampled_from(SCOPES), max_size=5),  # none, several, and the same twice
        st.sampled_from([0, 1]),
    ),
    max_size=6,
)


class LedgerMachine(RuleBasedStateMachine):
    """Commits random groups in one epoch after another, and keeps a model beside the plans."""

    @initialize()
    def begin(self) -> None:
        self.rows: list[Row] = []
        self.balances: dict[AccountKey, Balance] = {}
        self.rollups: dict[RollupKey, RollupSums] = {}
        self.open: dict[str, OpenCall] = {}
        self.model: dict[str, Modelled] = {}
        self.epoch, self.head, self.number = 1, genesis(1), 0

    @rule()
    def another_epoch(self) -> None:
        self.epoch += 1
        self.head = genesis(self.epoch)

    @rule(raw_events=events_of, raw_intents=intents_of)
    def commit(
        self,
        raw_events: list[tuple[int, str, int, bool]],
        raw_intents: list[tuple[list[int], list[str], int]],
    ) -> None:
        events = [self.event(*raw) for raw in raw_events]
        intents: list[Intent] = []
        for (floor, worst), scopes, month in raw_intents:
            self.number += 1
            claims = claims_of(scopes, MONTHS[month])
            intents.append(
                intent(f"c{self.number}", worst=worst, floor=floor, claims=claims, at_us=DAYS_US[month])
            )
        keys = batch.account_keys(self.open, events, intents)
        plan = batch.plan(
            epoch=self.epoch,
            head=self.head,
            balances={key: self.balances.get(key, Balance()) for key in keys},
            open_calls=self.open,
            events=events,
            intents=intents,
        )
        for event in events:
            self.follow(event)
        self.check_decisions(intents, plan)
        self.store(plan)

    @invariant()
    def rows_add_up_to_what_is_kept(self) -> None:
        expected = {key: self.modelled(key) for key in self.balances}
        assert self.balances == expected
        folded = fold(self.rows)
        assert {key: folded.balances().get(key, Balance()) for key in self.balances} == self.balances
        assert folded.rollups() == self.rollups

    @invariant()
    def the_chain_holds(self) -> None:
        assert first_broken_link(self.rows) is None

    @invariant()
    def each_call_has_a_row_of_each_kind_at_most(self) -> None:
        named = [(row.call_id, row.kind) for row in self.rows]
        assert len(named) == len(set(named))

    def event(self, number: int, what: str, cost: int, accepted: bool) -> Event:
        call_id = f"c{number}"
        if what == "seen":
            return Seen(call_id, 1, f"gen-{number}")
        settled = cost if what == "settle" else None
        return outcome(call_id, settled, accepted=accepted, baseline=number)

    def follow(self, event: Event) -> None:
        call = self.model.get(event.call_id)
        if call is None or call.cost is not None or not isinstance(event, Outcome):
            return
        if event.cost is None or event.cost < 0:
            call.doubted = True
        else:
            call.cost = event.cost

    def check_decisions(self, intents: Sequence[Intent], plan: Plan) -> None:
        for asked, decision in zip(intents, plan.decisions, strict=True):
            rooms = [
                claim.limit - self.modelled(claim.key).committed
                for claim in asked.claims
                if claim.limit is not None
            ]
            if isinstance(decision, Denied):
                assert min(rooms) < asked.floor
                continue
            assert isinstance(decision, Admitted)
            assert asked.floor <= decision.granted <= asked.worst
            keys = frozenset(claim.key for claim in asked.claims)
            self.model[asked.call_id] = Modelled(keys, decision.granted)
            for claim in asked.claims:  # the law, after the hold
                if claim.limit is not None:
                    assert self.modelled(claim.key).committed <= claim.limit

    def modelled(self, key: AccountKey) -> Balance:
        parts = [call.balance for call in self.model.values() if key in call.keys]
        return Balance(*(sum(column) for column in zip(*parts, strict=True))) if parts else Balance()

    def store(self, plan: Plan) -> None:
        assert [row.epoch for row in plan.rows] == [self.epoch] * len(plan.rows)
        self.rows += plan.rows
        self.head = plan.head
        self.balances.update(plan.balances)
        for key, sums in plan.rollups.items():
            old = self.rollups.get(key, RollupSums())
            self.rollups[key] = RollupSums(*(a + b for a, b in zip(old, sums, strict=True)))
        self.open.update(plan.opened)
        for call_id in plan.closed:
            self.open.pop(call_id, None)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)

MONTH = AccountKey("deployment", MONTHS[0])


def plan_of(
    events: Sequence[Event] = (),
    intents: Sequence[Intent] = (),
    *,
    open_calls: dict[str, OpenCall] | None = None,
    balance: Balance | None = None,
) -> Plan:
    return batch.plan(
        epoch=1,
        head=genesis(1),
        balances={MONTH: balance or Balance()},
        open_calls=open_calls or {},
        events=events,
        intents=intents,
    )


def asked(call_id: str, worst: int) -> Intent:
    return intent(call_id, worst=worst, floor=worst, claims=(Claim(MONTH, 100),), at_us=DAYS_US[0])


def test_money_that_an_outcome_gives_back_is_there_for_the_next_intent() -> None:
    open_calls = {"a": OpenCall(asked("a", 100), 100)}
    plan = plan_of([outcome("a", 40)], [asked("b", 60)], open_calls=open_calls, balance=Balance(held=100))
    assert plan.decisions == [Admitted(granted=60)]
    assert plan.balances[MONTH] == Balance(settled=40, held=60)


def test_an_account_that_is_claimed_twice_is_charged_once() -> None:
    twice = intent("a", worst=60, floor=60, claims=(Claim(MONTH, 100), Claim(MONTH, 70)), at_us=DAYS_US[0])
    plan = plan_of(intents=[twice])
    assert plan.balances[MONTH] == Balance(held=60)


def test_an_overrun_is_booked_whole_and_blocks() -> None:
    open_calls = {"a": OpenCall(asked("a", 10), 10)}
    over = outcome("a", 130)
    plan = plan_of([over], [asked("b", 0)], open_calls=open_calls, balance=Balance(held=10))
    (alert,) = plan.alerts
    assert (alert.key, alert.level, alert.base, alert.subject) == (MONTH, "overrun", 10, "a")
    assert "$0.000000130 for a call that reserved $0.000000010" in alert.detail
    assert plan.balances[MONTH] == Balance(settled=130)
    assert isinstance(plan.decisions[0], Denied)


def test_a_passed_soft_limit_refuses_nothing_and_is_told() -> None:
    soft = (Claim(MONTH, 50, True),)
    first, second = (intent(name, worst=30, floor=30, claims=soft, at_us=DAYS_US[0]) for name in "ab")
    admitted = plan_of(intents=[first, second])
    assert (admitted.decisions, admitted.alerts) == ([Admitted(granted=30)] * 2, [])
    settled = plan_of(
        [outcome("a", 26), outcome("b", 25)], open_calls=admitted.opened, balance=admitted.balances[MONTH]
    )
    assert [(alert.key, alert.level, alert.base, alert.committed) for alert in settled.alerts] == [
        (MONTH, "soft limit", 50, 51)
    ]


def test_further_groups_are_summed_once_each() -> None:
    labelled = structs.replace(
        asked("a", 10), run_id="r", agent_id="coder-1", key="alice", tags=("nightly", "nightly", "x")
    )
    plan = plan_of(
        [outcome("a", 4, baseline=9)], open_calls={"a": OpenCall(labelled, 10)}, balance=Balance(held=10)
    )
    assert {(key.dimension, key.name) for key in plan.rollups_by} == {
        ("swarm", "r"),
        ("agent", "coder-1"),
        ("key", "alice"),
        ("tag", "nightly"),
        ("tag", "x"),
    }
    assert {(sums.calls, sums.settled, sums.baseline) for sums in plan.rollups_by.values()} == {(1, 4, 9)}


def test_a_late_settlement_corrects_what_the_doubt_had_summed_up() -> None:
    call = OpenCall(asked("a", 10), 10, Doubt(accepted=False, baseline=3))
    plan = plan_of([outcome("a", 4, baseline=9)], open_calls={"a": call}, balance=Balance(uncertain=10))
    (sums,) = plan.rollups.values()
    assert sums == RollupSums(
        failed=-1, settled=4, uncertain=-10, baseline=6, input_tokens=3, output_tokens=2
    )
    assert plan.balances[MONTH] == Balance(settled=4)


def test_a_generation_id_is_written_once_and_not_beside_its_outcome() -> None:
    open_calls = {"a": OpenCall(asked("a", 10), 10), "b": OpenCall(asked("b", 10), 10)}
    events = [Seen("a", 1, "g"), Seen("b", 1, "h"), Seen("b", 2, "h"), outcome("a", 1)]
    plan = plan_of(events, open_calls=open_calls, balance=Balance(held=20))
    assert [(row.kind, row.call_id) for row in plan.rows] == [("seen", "b"), ("settled", "a")]


def test_a_call_in_november_is_settled_in_november() -> None:
    call = OpenCall(intent("a", worst=9, floor=9, claims=(Claim(MONTH, 9),), at_us=DAYS_US[0]), 9)
    settled = Outcome(call_id="a", at_us=DAYS_US[1], cost=5, basis="reported", accepted=True, reason="ok")
    plan = plan_of([settled], open_calls={"a": call}, balance=Balance(held=9))
    assert plan.balances == {MONTH: Balance(settled=5)}
    assert [key.day for key in plan.rollups] == ["2026-11-18"]
