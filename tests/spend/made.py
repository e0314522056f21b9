"""Calls as reports read them, made up: intents with labels, outcomes, and the rows that they become."""

from collections.abc import Sequence

from hypothesis import strategies as st

from farthing.spend.batch import Plan, added, plan
from farthing.spend.budget import AccountKey, Balance, Claim
from farthing.spend.ledger import Intent, IntentBody, Outcome, OutcomeBody, day_of
from farthing.spend.runs import Call
from farthing.task import Usage

MONTH = AccountKey("deployment", "month:2026-11")
DAY_US = 86_400_000_000
START_US = 1_793_491_200_000_000  # 2026-11-01


def call(
    *,
    cost: int | None = 100,
    model: str = "a/model",
    accepted: bool = True,
    baseline: int = 0,
    at_us: int = START_US,
    worst: int = 1_000,
    usage: Usage | None = None,
    ended: bool = True,
    latency_ms: float = 0.0,
    first_token_ms: float | None = None,
    **labels: object,
) -> Call:
    """One call; `cost` None is uncertain, `ended` False is still open."""
    outcome = _outcome(cost, usage, accepted=accepted, baseline=baseline, times=(latency_ms, first_token_ms))
    facts: dict[str, object] = {
        "task_id": "task_1",
        "model": model,
        "upstream": "openrouter.ai",
        "price_book": "book",
        "task_type": "coding",
        "purpose": "task",
        "accounts": (MONTH,),
        **labels,
    }
    return Call(
        call_id="call_1",
        at_us=at_us,
        day=day_of(at_us),
        intent=IntentBody(**facts),  # pyright: ignore[reportArgumentType] - made of keywords
        worst=worst,
        outcome=outcome if ended else None,
        cost=cost if ended else None,
        doubted=ended and cost is None,
    )


def _outcome(
    cost: int | None, usage: Usage | None, *, accepted: bool, baseline: int, times: tuple[float, float | None]
) -> OutcomeBody:
    tokens = usage or Usage(input_tokens=10, output_tokens=5)
    return OutcomeBody(
        basis="uncertain" if cost is None else "reported",
        accepted=accepted,
        reason="ok",
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        cached_tokens=tokens.cached_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
        reasoning_tokens=tokens.reasoning_tokens,
        baseline=baseline,
        latency_ms=times[0],
        first_token_ms=times[1],
    )


_names = st.sampled_from([None, "one", "two"])
_nano = st.integers(0, 10**9)


@st.composite
def made_calls(draw: st.DrawFn) -> list[tuple[Intent, tuple[Outcome, ...]]]:
    """Up to a dozen calls over three days."""
    return [draw(_one(number)) for number in range(draw(st.integers(0, 12)))]


@st.composite
def _one(draw: st.DrawFn, number: int) -> tuple[Intent, tuple[Outcome, ...]]:
    at_us = START_US + draw(st.integers(0, 3 * DAY_US - 1))
    worst = draw(_nano)
    run_id = draw(st.sampled_from([None, "run-1", "run-2"]))
    intent = Intent(
        call_id=f"call_{number}",
        at_us=at_us,
        task_id=f"task_{number // 2}",
        model=draw(st.sampled_from(["a/x", "b/y:free"])),
        upstream="openrouter.ai",
        price_book="book",
        worst=worst,
        floor=worst,
        claims=(Claim(MONTH, None),),
        task_type=draw(st.sampled_from(["coding", "simple"])),
        purpose=draw(st.sampled_from(["task", "tool_step", "judge"])),
        run_id=run_id,
        agent_id=draw(_names) if run_id else None,
        role=draw(st.sampled_from(["", "coder"])),
        key=draw(_names),
        tags=tuple(draw(st.lists(st.sampled_from(["t1", "t2"]), max_size=2))),
    )
    costs = draw(st.sampled_from([(), (None,), (1,), (None, 1)]))
    accepted = draw(st.booleans())
    return intent, tuple(
        Outcome(
            call_id=intent.call_id,
            at_us=at_us + 1_000 * (step + 1),
            cost=None if cost is None else draw(_nano),
            basis="uncertain" if cost is None else draw(st.sampled_from(["reported", "computed"])),
            accepted=accepted,
            reason="ok",
            usage=Usage(input_tokens=draw(st.integers(0, 99)), output_tokens=draw(st.integers(0, 99))),
            baseline=draw(_nano) if accepted else 0,
        )
        for step, cost in enumerate(costs)
    )


def planned(calls: Sequence[tuple[Intent, tuple[Outcome, ...]]], *, epoch: int, head: str) -> Plan:
    """What the ledger's own decision writes for these calls: intents first, then their outcomes."""
    whole = plan(
        epoch=epoch,
        head=head,
        balances={MONTH: Balance()},
        open_calls={},
        events=(),
        intents=[intent for intent, _ in calls],
    )
    for _, outcomes in calls:
        for outcome in outcomes:
            step = plan(
                epoch=epoch,
                head=whole.head,
                balances=whole.balances,
                open_calls=whole.opened,
                events=[outcome],
                intents=(),
            )
            _follow(whole, step)
    return whole


def _follow(whole: Plan, step: Plan) -> None:
    whole.rows += step.rows
    whole.head = step.head
    whole.balances |= step.balances
    whole.opened |= step.opened
    whole.touched |= step.touched
    for key, sums in step.rollups.items():
        whole.rollups[key] = added(whole.rollups.get(key), sums)
    for by, sums in step.rollups_by.items():
        whole.rollups_by[by] = added(whole.rollups_by.get(by), sums)
