"""The simulator as a server on loopback: routes, start and stop, in this process.

`process.py` runs it in a process of its own. Chat is in `chat.py`, reads in `listing.py`; here are keys,
routes and the control endpoints:

    GET  /simulator/bill       the whole bill, amounts as strings of exact digits
    GET  /simulator/requests   the chat requests received; `?since=N` leaves out the first N
    GET  /simulator/stats      in flight, most in flight, connections, totals
    GET  /simulator/faults     which faults of the scenario were met, and how often
    GET  /simulator/replies    replies under way: task, events and bytes sent, whether the client reads
    POST /simulator/scenario   replaces the scenario (the body), 400 names every fault of it
    POST /simulator/release    lets held replies go on and held batches end
    POST /simulator/reset      forgets bill, log and counts
"""

import asyncio
import resource
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import msgspec

from farthing.errors import ConfigError
from farthing.simulator import batches, listing
from farthing.simulator.books import Shelf, packaged_shelf, shelf_from
from farthing.simulator.chat import ChatDesk
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.connection import Connection
from farthing.simulator.framing import Request
from farthing.simulator.scenario import HEALTHY, Scenario, scenario_from

API = "/api/v1"
CONTROL = "/simulator"
BACKLOG = 16_384
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """How a simulator runs. `time_scale` multiplies all drawn times, 0 is no waiting; port 0: any."""

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    time_scale: float = 1.0
    book: str = "tutorial"
    scenario: Scenario = HEALTHY


class Simulator:
    """A running simulator. Made by `start_simulator`."""

    def __init__(self, options: SimulatorOptions, shelf: Shelf) -> None:
        self.options = options
        self.shelf = shelf
        self._connections: set[Connection] = set()
        self._most_connections = 0
        self._requests = 0
        self._server: asyncio.Server | None = None
        self.desk = ChatDesk(
            shelf,
            options.scenario,
            seed=options.seed,
            time_scale=options.time_scale,
            now=lambda: datetime.now(UTC),
        )
        self.batches = batches.BatchDesk(self.desk)

    @property
    def root_url(self) -> str:
        if self._server is None:
            raise RuntimeError("the simulator is not running")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def base_url(self) -> str:
        """What a client is given in place of `https://openrouter.ai/api/v1`."""
        return self.root_url + API

    @property
    def control_url(self) -> str:
        return self.root_url + CONTROL

    async def start(self) -> None:
        """Begins to listen. Raises `OSError` when the port is taken."""
        raise_file_limit()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._accept, self._connections),
            self.options.host,
            self.options.port,
            backlog=BACKLOG,
        )

    async def stop(self) -> None:
        """Stops listening and closes every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()
        self._server = None

    def bill(self) -> dict[str, object]:
        return self.desk.bill.document()

    def requests(self, since: int = 0) -> list[dict[str, object]]:
        return list(self.desk.log)[since:]

    def stats(self) -> dict[str, object]:
        return {
            **asdict(self.desk.counts),
            "billed": len(self.desk.bill),
            "held": len(self.desk.holds),
            "batches": self.batches.under_way,
            "blocked": sum(playback.blocked for playback in self.desk.playing),
            "open_connections": len(self._connections),
            "max_open_connections": self._most_connections,
            "requests": self._requests,
            "simulated": True,
        }

    def replies(self) -> list[dict[str, object]]:
        return [
            {
                "task": playback.name,
                "events": playback.sent_events,
                "bytes": playback.sent_bytes,
                "blocked": playback.blocked,
            }
            for playback in self.desk.playing
        ]

    def set_scenario(self, raw: object) -> None:
        """Replaces the scenario. Raises `ConfigError`."""
        self.desk.use(scenario_from(raw))

    def release(self) -> int:
        return self.desk.release() + self.batches.release()

    def reset(self) -> None:
        self.desk.reset(self.desk.scenario)

    def _accept(self, request: Request, wire: Connection) -> None:
        self._requests += 1
        self._most_connections = max(self._most_connections, len(self._connections))
        path = request.path.rstrip("/")
        if path == f"{API}/chat/completions" and request.method == "POST":
            if _authorized(request.headers) or self.desk.scenario.plain:
                self.desk.accept(request, wire)
            else:
                self.desk.unauthorized(request, wire)
            return
        if path.startswith(batches.PATH):
            self._answer_batch(request, path, wire)
            return
        _respond(wire, self._read(request, path) if path.startswith(API) else self._control(request, path))

    def _answer_batch(self, request: Request, path: str, wire: Connection) -> None:
        if not _authorized(request.headers):
            _respond(wire, CONDITIONS["authentication"])
            return
        answer = self.batches.answer(request, path)
        if isinstance(answer, Condition):
            _respond(wire, answer)
        else:
            _respond(wire, answer[1], status=answer[0])

    def _read(self, request: Request, path: str) -> Mapping[str, object] | Condition:
        desk = self.desk
        name = path.removeprefix(API)
        if name == "/models":
            return listing.models_page(self.shelf, request.query, base_url=self.base_url)
        if not _authorized(request.headers):
            return CONDITIONS["authentication"]
        if name.startswith("/models/") and name.endswith("/endpoints"):
            return listing.endpoints(self.shelf, name.removeprefix("/models/").removesuffix("/endpoints"))
        match name:
            case "/generation":
                now = asyncio.get_running_loop().time()
                polls = desk.scenario.generation_lag_polls
                return listing.generation(desk.bill, request.query.get("id", ""), now=now, polls=polls)
            case "/key":
                per_day = desk.scenario.free_per_day
                return listing.key_status(desk.bill, desk.quota, desk.now(), free_per_day=per_day)
            case "/credits":
                return listing.credit_status(desk.bill)
            case "/activity":
                return listing.activity(desk.bill)
            case _:
                return _unknown(request)

    def _control(self, request: Request, path: str) -> Mapping[str, object] | Condition:
        match request.method, path.removeprefix(CONTROL):
            case "GET", name:
                return self._told(request, name)
            case "POST", "/scenario":
                return self._replaced(request.body)
            case "POST", "/release":
                return {"released": self.release()}
            case "POST", "/reset":
                self.reset()
                return {"reset": True}
            case _:
                return _unknown(request)

    def _told(self, request: Request, name: str) -> Mapping[str, object] | Condition:
        match name:
            case "/bill":
                return self.bill()
            case "/requests":
                since = request.query.get("since", "0")
                return {"requests": self.requests(int(since) if since.isdigit() else 0), "simulated": True}
            case "/stats":
                return self.stats()
            case "/faults":
                return {"met": dict(self.desk.met), "simulated": True}
            case "/replies":
                return {"replies": self.replies(), "simulated": True}
            case _:
                return _unknown(request)

    def _replaced(self, body: bytes) -> Mapping[str, object] | Condition:
        try:
            self.set_scenario(msgspec.json.decode(body))
        except ConfigError as error:
            return Condition(status=400, message=str(error))
        except msgspec.DecodeError as error:
            return Condition(status=400, message=f"the scenario is not JSON: {error}")
        return {"scenario": "replaced"}


@asynccontextmanager
async def start_simulator(
    *,
    seed: int = 1,
    time_scale: float = 0.0,
    book: str = "tutorial",
    scenario: Mapping[str, object] | Scenario | None = None,
    rows: Iterable[Mapping[str, object]] | None = None,
    port: int = 0,
) -> AsyncGenerator[Simulator]:
    """A simulator on this event loop, for tests. `rows` are `/models` rows in place of a packaged book."""
    plan = scenario if isinstance(scenario, Scenario) else scenario_from(scenario or {})
    options = SimulatorOptions(seed=seed, time_scale=time_scale, book=book, scenario=plan, port=port)
    simulator = Simulator(options, packaged_shelf(book) if rows is None else shelf_from(rows, book="rows"))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


def raise_file_limit() -> None:
    """Lets this process open as many files as its hard limit allows: one a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _authorized(headers: Mapping[str, str]) -> bool:
    kind, _, key = headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and key.startswith("sk-or-") and not key.endswith("-invalid")


def _unknown(request: Request) -> Condition:
    return Condition(
        status=404, message=f"No endpoint {request.method} {request.path}.", error_type="not_found"
    )


def _respond(wire: Connection, outcome: Mapping[str, object] | Condition, *, status: int = 200) -> None:
    if isinstance(outcome, Condition):
        wire.respond(outcome.status, _JSON, outcome.body())
    else:
        wire.respond(status, _JSON, msgspec.json.encode(outcome))
