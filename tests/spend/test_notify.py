"""Alerts delivered: to every channel with tries of its own, by one process; and fewer attempts at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.permits import Permits
from farthing.spend.alerts import Alert, AlertRule, Message
from farthing.spend.batch import Delivered
from farthing.spend.budget import AccountKey
from farthing.spend.channels import AlertCallback, Answer, Callback, Failed, Taken
from farthing.spend.notify import Alarm, backoff_s, send
from farthing.testing import VirtualClock

KEY = AccountKey("deployment", "month:2026-11")
RULE = AlertRule(
    scope="deployment",
    period="month",
    base_nano=100,
    thresholds={"warning": Decimal("0.8"), "critical": Decimal("0.95")},
)


def alert(level: str = "warning") -> Alert:
    return Alert(KEY, level, 100, 85)


class Receiver:
    """A channel that answers as it is told, then takes everything."""

    name = "a receiver"

    def __init__(self, *answers: Answer, tries: int = 5) -> None:
        self.tries, self.heard = tries, list[Message]()
        self._answers = list(answers)

    async def send(self, message: Message) -> Answer:
        self.heard.append(message)
        return self._answers.pop(0) if self._answers else Taken(said="yes")


def alarm(
    limit: int | None = None, *receivers: Receiver, clock: VirtualClock | None = None
) -> tuple[Alarm, Permits]:
    permits = Permits(limit)
    bell = Alarm(
        permits, clock or VirtualClock(), critical_concurrency=2, channels=receivers, chance=lambda: 1.0
    )
    bell.rules = (RULE,)
    return bell, permits


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def no_pause(_seconds: float) -> bool:
    return True


async def sent(channel: Receiver | Callback, *, pause: Callable[[float], Awaitable[bool]] = no_pause) -> int:
    return await send(Message(alert(), simulated=False), channel, pause=pause, chance=lambda: 1.0)


async def test_callbacks_take_the_alert_or_nothing_and_may_be_async() -> None:
    heard: list[object] = []

    async def later(reached: Alert) -> None:
        heard.append(reached)

    def optional(reached: Alert | None = None) -> None:
        heard.append(reached)

    shapes: list[AlertCallback] = [lambda: heard.append("nothing"), heard.append, later, optional]
    for shape in shapes:
        assert await sent(Callback("a callback", shape)) == 1
    assert heard == ["nothing", alert(), alert(), None]


async def test_an_alert_is_logged_in_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "farthing.alerts")
    bell, _ = alarm()
    bell.on_alert(alert("critical"), elected=True)
    await bell.aclose(1)
    assert caplog.messages == ["critical: $0.000000085 of $0.000000100, 85.0 %; deployment, month 2026-11"]


def failing(times: int, tries: list[int]) -> Callable[[], None]:
    def callback() -> None:
        tries.append(1)
        if len(tries) <= times:
            raise OSError("the pager is away")

    return callback


@pytest.mark.parametrize(("times", "answer", "tried"), [(0, 1, 1), (2, 3, 3), (9, -3, 3)])
async def test_a_callback_that_raises_is_tried_three_times(times: int, answer: int, tried: int) -> None:
    tries, pauses = list[int](), list[float]()

    async def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return True

    assert await sent(Callback("a callback", failing(times, tries)), pause=pause) == answer
    assert len(tries) == tried
    assert pauses == [1.0, 2.0][: tried - 1]


async def test_a_final_answer_is_not_tried_again_and_a_closing_leaves_one_try() -> None:
    refusing = Receiver(Failed(why="it answered 404", final=True))
    assert await sent(refusing) == -1

    async def closing(_seconds: float) -> bool:
        return False

    away = Receiver(*[Failed(why="no connection")] * 9)
    assert await sent(away, pause=closing) == -2


@given(tried=st.integers(1, 100), chance=st.floats(0, 1))
def test_pauses_double_up_to_a_minute_and_are_never_below_half(tried: int, chance: float) -> None:
    whole = min(2.0 ** (tried - 1), 60.0)
    assert whole / 2 <= backoff_s(tried, chance) <= whole


async def test_one_channel_that_fails_keeps_no_other_from_its_alert() -> None:
    away, well = Receiver(*[Failed(why="no connection")] * 9), Receiver()
    noted: list[Delivered] = []
    bell, _ = alarm(None, away, well)
    bell.note_delivery = noted.append
    bell.on_alert(alert(), elected=True)
    await settled()
    assert len(well.heard) == 1
    assert len(away.heard) == 5
    assert noted == [Delivered(alert(), tries=5, taken=False)]
    assert well.heard[0].payload["id"] == away.heard[4].payload["id"]
    await bell.aclose(1)


async def test_every_alert_goes_to_the_channels_and_to_the_callback_for_all() -> None:
    receiver, heard = Receiver(), list[Alert]()
    noted: list[Delivered] = []
    bell, _ = alarm(None, receiver)
    bell.callbacks, bell.note_delivery = {"": heard.append}, noted.append
    levels = ["50 %", "runaway", "overrun", "soft limit"]
    for level in levels:
        bell.on_alert(alert(level), elected=True)
        bell.on_alert(alert(level), elected=True)  # adopted while it is on its way
    await settled()
    assert [one.level for one in heard] == levels
    assert [one.alert.level for one in receiver.heard] == levels
    assert [(one.alert.level, one.taken) for one in noted] == [(level, True) for level in levels]
    await bell.aclose(1)


async def test_only_the_elected_process_delivers_and_every_process_slows_down() -> None:
    calls: list[str] = []
    for elected in (True, False):
        bell, permits = alarm(10)
        bell.callbacks = {"critical": lambda: calls.append("critical")}
        bell.on_alert(alert("critical"), elected=elected)
        await settled()
        assert permits.limit == 2
        await bell.aclose(1)
    assert calls == ["critical"]


@pytest.mark.parametrize(("usual", "lowered"), [(None, 2), (10, 2), (1, 1)])
async def test_critical_never_raises_a_limit(usual: int | None, lowered: int) -> None:
    bell, permits = alarm(usual)
    bell.on_alert(alert("warning"), elected=True)
    assert permits.limit == usual
    bell.on_alert(alert("critical"), elected=True)
    assert permits.limit == lowered
    await bell.aclose(1)


async def test_the_usual_limit_comes_back_with_the_next_month() -> None:
    clock = VirtualClock()
    bell, permits = alarm(10, clock=clock)
    bell.on_alert(alert("critical"), elected=False)
    await settled()
    clock.advance(7 * 86_400)  # 30 November, noon
    await settled()
    assert permits.limit == 2
    clock.advance(12 * 3600)
    await settled()
    assert permits.limit == 10
    await bell.aclose(1)


async def test_closing_waits_for_a_delivery_but_not_for_ever() -> None:
    begun, heard = asyncio.Event(), list[str]()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0)
        heard.append("delivered")

    async def endless() -> None:
        await asyncio.Event().wait()

    bell, _ = alarm()
    bell.callbacks = {"warning": slow, "critical": endless}
    bell.on_alert(alert("warning"), elected=True)
    await begun.wait()
    bell.on_alert(alert("critical"), elected=True)
    await bell.aclose(0.05)
    assert heard == ["delivered"]
    bell.on_alert(alert("50 %"), elected=True)  # too late: the next process delivers it
    await settled()
    assert heard == ["delivered"]


async def test_critical_in_another_month_or_by_another_amount_slows_nothing() -> None:
    bell, permits = alarm(10)
    for other in (
        Alert(AccountKey("deployment", "month:2026-10"), "critical", 100, 99),
        Alert(KEY, "critical", 99, 99),
        Alert(AccountKey("key:alice", "month:2026-11"), "critical", 100, 99),
    ):
        bell.on_alert(other, elected=True)
    assert permits.limit == 10
    await bell.aclose(1)
