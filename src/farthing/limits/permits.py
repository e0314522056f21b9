"""Leave to send: so many attempts at once, and so many requests and tokens a minute; the others wait in turn.

Nothing is reserved while a caller waits here. How the queue is ordered is `fairqueue.py`'s; how a minute is
counted is `window.py`'s in one process, `shared.py`'s in several.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from farthing.clock import Clock, SystemClock
from farthing.limits.allowance import FreeAllowance, is_free
from farthing.limits.fairqueue import FairQueue
from farthing.limits.shared import Exchange, SharedWindow
from farthing.limits.window import MINUTE_S, Entry, Rate, Window
from farthing.task import Priority

WhenFull = Literal["wait", "refuse"]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Limits a minute: of the deployment, of models by their id, of the keys, of `:free` models."""

    deployment: Rate = Rate()
    models: Mapping[str, Rate] = msgspec.field(default_factory=dict[str, Rate])
    keys: Rate = Rate()
    """Of each key of the main upstream."""
    free: Rate = Rate()


class Wish(msgspec.Struct, kw_only=True, eq=False):
    """What an attempt wants leave for. `tokens` is an estimate of input and output, corrected later."""

    model: str = ""
    tokens: int = 0
    flow: str = ""
    """What waits together and shares its turns: an agent, a run, a key."""
    priority: Priority = "normal"
    turn: asyncio.Future[None] | None = None
    number: int = 0
    """Its number in the queue while it waits there."""
    taken: tuple["_Taken", ...] = ()


class NoTurn(msgspec.Struct, frozen=True, kw_only=True):
    """Why leave was not given. `late`: the deadline came first; `full`: too many wait already; `spent`: the
    day's free requests are used up, or those of this hour, for `wait_s` seconds."""

    why: Literal["late", "full", "spent"]
    text: str
    wait_s: float | None = None


class _Counter(NamedTuple):
    window: Window | SharedWindow
    by_tokens: bool

    def amount(self, wish: Wish) -> int:
        return wish.tokens if self.by_tokens else 1


class _Taken(NamedTuple):
    counter: _Counter
    entry: Entry


class Permits:
    """Use from one event loop. `limit` None lets everyone through, `queue_size` None lets all wait in line.

    Where the queue is full, `when_full` lets callers wait before it, or refuses them.
    """

    def __init__(
        self,
        limit: int | None,
        *,
        rates: Rates | None = None,
        queue_size: int | None = None,
        when_full: WhenFull = "wait",
        allowance: FreeAllowance | None = None,
        clock: Clock | None = None,
        is_main: Callable[[str], bool] = lambda _: True,
        keys_sharing: Callable[[float], int] = lambda _: 1,
        exchange: Exchange | None = None,
    ) -> None:
        """`is_main` says whether a model is asked by the main upstream's keys, `keys_sharing` how many of
        them share its calls at a time. `exchange` is where the limits a minute are counted for several
        processes; None counts them here."""
        rates = rates or Rates()
        self._limit, self._queue_size, self._when_full = limit, queue_size, when_full
        self._clock, self._allowance = clock or SystemClock(), allowance
        self._exchange, self._shared = exchange, list[SharedWindow]()
        self._deployment = self._counters("deployment", rates.deployment)
        self._free = self._counters("free", rates.free)
        self._keys, self._is_main, self._keys_sharing = (
            self._counters("keys", rates.keys),
            is_main,
            keys_sharing,
        )
        self._per_key = tuple(counter.window.most for counter in self._keys)
        self._models = {model: self._counters(f"model {model}", rate) for model, rate in rates.models.items()}
        self._queue: FairQueue[Wish] = FairQueue()
        self._door: deque[asyncio.Future[None]] = deque()
        self._waking: tuple[float, asyncio.Task[None]] | None = None
        self._counted: dict[str, bool] = {}
        counters = [
            *self._deployment,
            *self._keys,
            *self._free,
            *(one for own in self._models.values() for one in own),
        ]
        self.counts_tokens = any(counter.by_tokens for counter in counters)
        self.in_flight = 0
        self.deepest = 0
        """The most callers that have waited at once."""

    @property
    def limit(self) -> int | None:
        return self._limit

    @property
    def queue_depth(self) -> int:
        """How many callers wait."""
        return len(self._queue) + len(self._door)

    def resize(self, limit: int | None) -> None:
        """Changes the limit. Calls in flight go on; a lower limit holds for those that come next."""
        self._limit = limit
        self._admit()

    async def enter(self, wish: Wish, *, within_s: float | None = None) -> NoTurn | None:
        """Waits for leave, at most so long; None when it is given, which `leave` must follow."""
        if not self._queue and self._has_room() and not self._deployment and not self._counts(wish.model):
            self.in_flight += 1
            return None
        try:
            async with asyncio.timeout(within_s):
                return await self._wait_for_turn(wish)
        except TimeoutError:
            waiting = self.queue_depth
            return NoTurn(why="late", text=f"no turn came within the deadline; {waiting} others wait")

    def leave(self, wish: Wish, *, tokens: int | None = None) -> None:
        """The attempt has ended. `tokens`: what it really took, where that is known."""
        if tokens is not None and wish.taken:
            now = self._clock.monotonic()
            for counter, entry in wish.taken:
                if counter.by_tokens:
                    counter.window.correct(entry, tokens - wish.tokens, now)
        self._release()

    def busy(self, models: Iterable[str], now: float) -> Mapping[str, float]:
        """When each model that is at its limit may be asked again, after those that wait for it already."""
        busy: dict[str, float] = {}
        for model in models:
            if not self._counts(model):
                continue
            until = now
            waiting = self._queue.waiting_in(model)
            for counter in self._counters_of(model):
                line = 0 if counter.by_tokens else waiting
                until = max(until, counter.window.opens(now) + MINUTE_S * line / counter.window.most)
            if self._allowance is not None and is_free(model):
                until = max(until, now + self._allowance.wait_s())
            if until > now:
                busy[model] = until
        return busy

    def free_pace(self) -> tuple[int, float] | None:
        """The day's free requests that are used, and those that may be by now; None where none are spread."""
        return None if self._allowance is None else self._allowance.pace()

    async def ask_free(self) -> None:
        """Asks for the day's free requests, where the answer that is known is old."""
        if self._allowance is not None:
            await self._allowance.refresh()

    def free_wait_s(self) -> float:
        """Seconds until the account's day allows another request to a free model, as was last told."""
        return 0.0 if self._allowance is None else self._allowance.wait_s()

    def aclose(self) -> None:
        """Ends the waking; callers that wait are their owners' to cancel."""
        if self._waking is not None:
            self._waking[1].cancel()
            self._waking = None

    async def end_asking(self) -> None:
        """Ends what asks other processes."""
        await asyncio.gather(*(window.aclose() for window in self._shared))

    async def _wait_for_turn(self, wish: Wish) -> NoTurn | None:
        if self._allowance is not None and is_free(wish.model):
            await self._allowance.refresh()
            wait_s = self._allowance.wait_s()
            if wait_s:
                return NoTurn(why="spent", text=self._allowance.words(), wait_s=wait_s)
        while self._queue_size is not None and len(self._queue) >= self._queue_size:
            if self._when_full == "refuse":
                return NoTurn(why="full", text=f"{self.queue_depth} tasks wait already")
            await self._wait_at_door()
        turn = wish.turn = asyncio.get_running_loop().create_future()
        wish.number = self._queue.push(wish, lane=wish.model, flow=wish.flow, priority=wish.priority)
        self._admit()
        self.deepest = max(self.deepest, self.queue_depth)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # leave was given just before the cancellation
                self._give_back(wish)
            elif wish.number:
                self._queue.remove(wish.number)
                self._admit()
            raise
        return None

    async def _wait_at_door(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._door.append(place)
        try:
            await place
        finally:
            if place in self._door:
                self._door.remove(place)

    def _has_room(self) -> bool:
        return self._limit is None or self.in_flight < self._limit

    def _release(self) -> None:
        self.in_flight -= 1
        if self._queue or self._door:
            self._admit()

    def _give_back(self, wish: Wish) -> None:
        now = self._clock.monotonic()
        for counter, entry in wish.taken:
            counter.window.correct(entry, -counter.amount(wish), now)
        self._release()

    def _admit(self) -> None:
        """Lets in whoever may go now; where only time helps, comes back when it has passed."""
        now = self._clock.monotonic()
        while self._queue and self._has_room():
            wish = self._queue.pop(lambda head: self._ready(head, now) <= now)
            if wish is None:
                self._ask_for_more(now)
                self._wake_at(min(self._ready(head, now) for head in self._queue.heads()))
                break
            turn, wish.number = wish.turn, 0
            if turn is not None and not turn.done():
                self._let_in(wish, now)
                turn.set_result(None)
        places = len(self._door) if self._queue_size is None else self._queue_size - len(self._queue)
        for place in list(self._door)[: max(places, 0)]:
            if not place.done():
                place.set_result(None)

    def _ask_for_more(self, now: float) -> None:
        """For those that are next, and so many behind them as have room."""
        if not self._shared:
            return
        room = len(self._queue) if self._limit is None else self._limit - self.in_flight
        for head in self._queue.heads():
            for counter in (*self._deployment, *self._counters_of(head.model)):
                if isinstance(counter.window, SharedWindow):
                    amount = counter.amount(head)
                    counter.window.ask(amount * max(1, min(room, len(self._queue))), amount, now)

    def _let_in(self, wish: Wish, now: float) -> None:
        self.in_flight += 1
        wish.taken = tuple(
            _Taken(counter, counter.window.take(counter.amount(wish), now))
            for counter in (*self._deployment, *self._counters_of(wish.model))
        )
        if self._allowance is not None and is_free(wish.model):
            self._allowance.take()

    def _ready(self, wish: Wish, now: float) -> float:
        """When every limit has room for the wish."""
        counters = (*self._deployment, *self._counters_of(wish.model))
        return max((counter.window.ready(counter.amount(wish), now) for counter in counters), default=now)

    def _counts(self, model: str) -> bool:
        """Whether a model has a limit of its own: nearly none has, and they need not be looked at."""
        known = self._counted.get(model)
        if known is None:
            free = self._allowance is not None and is_free(model)
            known = self._counted[model] = free or bool(self._counters_of(model))
        return known

    def _counters_of(self, model: str) -> tuple[_Counter, ...]:
        own = self._models.get(model, ())
        if self._keys and self._is_main(model):
            sharing = self._keys_sharing(self._clock.monotonic())
            for counter, most in zip(self._keys, self._per_key, strict=True):
                counter.window.most = most * sharing
            own = (*own, *self._keys)
        return (*own, *self._free) if self._free and is_free(model) else own

    def _counters(self, name: str, rate: Rate) -> tuple[_Counter, ...]:
        both = (("requests", rate.requests), ("tokens", rate.tokens))
        return tuple(
            _Counter(self._window(f"{name} {unit}", most), unit == "tokens")
            for unit, most in both
            if most is not None
        )

    def _window(self, name: str, most: int) -> Window | SharedWindow:
        if self._exchange is None:
            return Window(most)
        window = SharedWindow(name, most, exchange=self._exchange, clock=self._clock, again=self._admit)
        self._shared.append(window)
        return window

    def _wake_at(self, when: float) -> None:
        if self._waking is not None:
            if self._waking[0] <= when and not self._waking[1].done():
                return
            self._waking[1].cancel()
        self._waking = (when, asyncio.ensure_future(self._wake(when)))

    async def _wake(self, when: float) -> None:
        await self._clock.sleep(max(when - self._clock.monotonic(), 0.0))
        self._waking = None
        self._admit()
