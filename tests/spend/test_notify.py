"""Alerts delivered: callbacks of every shape, patience with those that raise, and fewer attempts at once."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from farthing.permits import Permits
from farthing.spend.alerts import Alert, AlertLevel
from farthing.spend.budget import AccountKey
from farthing.spend.notify import Alarm, AlertCallback, deliver
from farthing.testing import VirtualClock

KEY = AccountKey("deployment", "month:2026-11")


def alert(level: AlertLevel = "warning") -> Alert:
    return Alert(KEY, level, 100, 85)


def alarm(limit: int | None = None, *, clock: VirtualClock | None = None) -> tuple[Alarm, Permits]:
    permits = Permits(limit)
    return Alarm(permits, clock or VirtualClock(), critical_concurrency=2), permits


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_callbacks_take_the_alert_or_nothing_and_may_be_async() -> None:
    heard: list[object] = []

    async def later(reached: Alert) -> None:
        heard.append(reached)

    def optional(reached: Alert | None = None) -> None:
        heard.append(reached)

    shapes: list[AlertCallback] = [lambda: heard.append("nothing"), heard.append, later, optional]
    for shape in shapes:
        assert await deliver(alert(), shape, sleep=VirtualClock().sleep)
    assert heard == ["nothing", alert(), alert(), None]


async def test_an_alert_without_a_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "farthing.alerts")
    assert await deliver(alert("critical"), None, sleep=VirtualClock().sleep)
    assert "critical: deployment of month:2026-11 reached" in caplog.text


def failing(times: int, tries: list[int]) -> Callable[[], None]:
    def callback() -> None:
        tries.append(1)
        if len(tries) <= times:
            raise OSError("the pager is away")

    return callback


@pytest.mark.parametrize(("times", "delivered", "tried"), [(0, True, 1), (2, True, 3), (9, False, 3)])
async def test_a_callback_that_raises_is_tried_three_times(times: int, delivered: bool, tried: int) -> None:
    clock, tries = VirtualClock(), list[int]()
    assert await deliver(alert(), failing(times, tries), sleep=clock.sleep) is delivered
    assert len(tries) == tried
    assert clock.slept == [0.5, 2.0][: tried - 1]


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
    await bell.aclose(5)
    assert heard == ["delivered"]
    bell.on_alert(alert("critical"), elected=True)
    await bell.aclose(0.01)
