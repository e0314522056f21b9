"""Who goes next: fair between flows, by priority, and nobody starves."""

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.fairqueue import FairQueue
from farthing.task import PRIORITIES, Priority

anyone: Callable[[object], bool] = lambda _: True  # noqa: E731 - a name for the tests


def drained(queue: FairQueue[str], count: int | None = None) -> list[str]:
    taken: list[str] = []
    while (item := queue.pop(anyone)) is not None:
        taken.append(item)
        if len(taken) == count:
            break
    return taken


def test_one_flow_is_first_come_first_served() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in "abc":
        queue.push(name)
    assert drained(queue) == ["a", "b", "c"]


def test_an_agent_with_a_thousand_tasks_does_not_hold_up_one_with_two() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(1000):
        queue.push("greedy", flow="greedy")
    for _ in range(2):
        queue.push("modest", flow="modest")
    assert drained(queue, 4).count("modest") == 2


def test_a_higher_priority_goes_first_and_a_lower_one_still_goes() -> None:
    queue: FairQueue[str] = FairQueue()
    for priority in reversed(PRIORITIES):
        for _ in range(100):
            queue.push(priority, priority=priority)
    first = drained(queue, 105)
    assert first[0] == "high"
    assert Counter(first) == {"high": 80, "normal": 20, "low": 5}


def test_a_lane_that_is_held_up_holds_up_no_other() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("slow 1", "slow 2", "quick"):
        queue.push(name, lane=name[:4])
    assert queue.pop(lambda item: not item.startswith("slow")) == "quick"
    assert queue.pop(lambda item: not item.startswith("slow")) is None
    assert (list(queue.heads()), len(queue)) == (["slow 1"], 2)


def test_who_left_is_not_called() -> None:
    queue: FairQueue[str] = FairQueue()
    numbers = [queue.push(name) for name in "abc"]
    queue.remove(numbers[0])
    queue.remove(numbers[2])
    assert (len(queue), drained(queue), len(queue)) == (1, ["b"], 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["push", "pop", "remove"]), st.integers(0, 5), st.sampled_from(PRIORITIES)),
        max_size=80,
    )
)
def test_everyone_is_called_once_or_has_left(history: list[tuple[str, int, Priority]]) -> None:
    queue: FairQueue[int] = FairQueue()
    waiting: dict[int, int] = {}
    for step, (action, number, priority) in enumerate(history):
        if action == "push":
            waiting[step] = queue.push(step, lane=f"l{number % 2}", flow=f"f{number}", priority=priority)
        elif action == "remove" and waiting:
            queue.remove(waiting.pop(sorted(waiting)[number % len(waiting)]))
        elif action == "pop":
            item = queue.pop(anyone)
            assert (item is None) == (not waiting)
            if item is not None:
                del waiting[item]
        assert len(queue) == len(waiting)
    while (item := queue.pop(anyone)) is not None:
        del waiting[item]
    assert not waiting
