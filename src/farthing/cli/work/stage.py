"""Where drills are played: a simulator for each upstream, a recording channel, a deployment on all of them.

Everything is on loopback and in a temporary folder. No key of the user's comes here: each variable that a
configuration names holds a made-up one.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import msgspec

from farthing.clock import VirtualClock
from farthing.config.schema import DeploymentConfig
from farthing.config.upstreams import MAIN, place_of
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.policies.drill import Asked, Change, Fault, Heard
from farthing.policies.setup import Setup
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess
from farthing.spend.channels import SIGNATURE

_AMBIENT = {"overrun_rate": 0, "missing_cost_rate": 0, "free_per_minute": 10**6, "free_per_day": 10**6}
"""What would disturb: bills above their bound, missing costs, the account's own limit on free models."""
_KEY = "sk-or-made-up-for-a-check"
_REFUSED = "-invalid"
"""How the simulator knows a key that is not accepted."""
_REFRESH_S = 30.0


class Recorder:
    """A webhook on loopback that keeps what it receives; it stands in for every channel."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the recorder is not open")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/alerts"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            told = msgspec.json.decode(body, type=dict[str, object])
            words = {name: str(told[name]) for name in ("level", "scope", "period", "text")}
            self.heard.append(Heard(**words, signed=SIGNATURE.lower() in fields))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


class Stage:
    """The simulators by upstream, and what they have received since the last `clear`."""

    def __init__(self, setup: Setup, simulators: Mapping[str, SimulatorProcess], recorder: Recorder) -> None:
        self._setup, self._simulators, self.recorder = setup, simulators, recorder
        self._read: dict[str, int] = {}

    async def clear(self) -> None:
        """As good as new: no bill, no request, no fault."""
        for simulator in self._simulators.values():
            await simulator.release()
            await simulator.reset()
        self._read = {}
        self.recorder.heard.clear()
        await self.set_scene(())

    async def set_scene(self, faults: Iterable[Fault]) -> None:
        """Each simulator gets the faults of its own models, and those of every model."""
        known = list(faults)
        for name, simulator in self._simulators.items():
            rules = [self._rule(fault) for fault in known if self._is_for(fault, name)]
            await simulator.set_scenario({**_AMBIENT, "plain": name != MAIN, "rules": rules})

    async def received(self) -> tuple[Asked, ...]:
        """What has come since the last time this was asked."""
        asked: list[Asked] = []
        for name, simulator in self._simulators.items():
            new = await simulator.requests(self._read.get(name, 0))
            self._read[name] = self._read.get(name, 0) + len(new)
            asked += [_asked(entry, name) for entry in new]
        return tuple(asked)

    async def count(self) -> int:
        """How many requests have come since `clear`."""
        stats = [await simulator.stats() for simulator in self._simulators.values()]
        return sum(entry["chat_requests"] for entry in stats)

    async def most_at_once(self) -> int:
        stats = [await simulator.stats() for simulator in self._simulators.values()]
        return max(entry["max_in_flight"] for entry in stats)

    async def release(self) -> None:
        for simulator in self._simulators.values():
            await simulator.release()

    def _is_for(self, fault: Fault, name: str) -> bool:
        return fault.model is None or place_of(fault.model, self._setup.config.upstreams).upstream == name

    def _rule(self, fault: Fault) -> dict[str, object]:
        match: dict[str, object] = {}
        if fault.model is not None:
            match["model"] = place_of(fault.model, self._setup.config.upstreams).model
        if fault.provider is not None:
            match["provider"] = fault.provider
        rule: dict[str, object] = {"match": match, "fault": {"kind": fault.kind, **fault.details}}
        return rule if fault.times is None else {**rule, "times": fault.times}

    def deployment(
        self, folder: Path, clock: VirtualClock, changes: Sequence[Change], refused_keys: Sequence[str]
    ) -> Deployment:
        """The user's configuration on this stage, with a ledger of its own in `folder`."""
        settings: dict[str, object] = {name: value for name, value, _ in self.placed(folder)}
        settings |= {change.setting: change.value for change in changes}
        config = self._setup.said
        names = [*config.upstream.api_key_env]
        names += [name for upstream in config.upstreams.values() for name in upstream.api_key_env]
        environ = {name: _KEY + (_REFUSED if name in refused_keys else "") for name in names}
        return Deployment(config, environ=environ, overrides=settings, clock=clock)

    def placed(self, folder: Path) -> list[tuple[str, object, str]]:
        """Settings that every drill has otherwise than the user: name, value, why."""
        config = self._setup.said
        local = "nothing leaves this machine"
        placed: list[tuple[str, object, str]] = [
            ("upstream.baseUrl", self._simulators[MAIN].base_url, "a simulator answers"),
            ("upstream.refreshTimeout", _REFRESH_S, "a busy machine"),
            ("storage.databaseUrl", f"sqlite:///{folder / 'ledger.db'}", "a ledger for the drill alone"),
            ("alerts.webhooks", [self.recorder.url], "a recording channel in place of every channel"),
            ("alerts.apprise", [], "likewise"),
            ("monitoring.telemetry.enabled", False, local),
            ("monitoring.telemetry.prometheusPort", None, local),
        ]
        placed += [
            (f"upstreams.{name}.baseUrl", self._simulators[name].base_url, "a plain simulator answers")
            for name in config.upstreams
        ]
        return placed


def _asked(entry: Mapping[str, object], upstream: str) -> Asked:
    name = str(entry.get("model", ""))
    return Asked(
        model=f"{upstream}:{name}" if upstream else name,
        max_tokens=cast("int | None", entry.get("max_tokens")) or 0,
        tools=cast("int", entry.get("tools", 0)),
        response_format=cast("str | None", entry.get("response_format")),
        plugins=tuple(cast("list[str]", entry.get("plugins", []))),
        ignore=tuple(cast("list[str]", entry.get("ignore", []))),
    )


@asynccontextmanager
async def open_stage(setup: Setup, *, book: str) -> AsyncGenerator[Stage]:
    """Starts a simulator for each upstream, in a process each. Raises `FarthingError` when one fails."""
    config = setup.said
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="farthing-check-")))
        simulators: dict[str, SimulatorProcess] = {}
        try:
            for name in (MAIN, *config.upstreams):
                rows = folder / f"{name or 'main'}.json"
                rows.write_bytes(msgspec.json.encode(_unlisted(setup, name)))
                simulator = SimulatorProcess(book=book, unlisted=rows)
                simulators[name] = await opened.enter_async_context(simulator)
        except SimulatorFailedError as error:
            raise FarthingError(str(error), hint="see `farthing simulator`") from error
        recorder = Recorder()
        await recorder.open()
        opened.push_async_callback(recorder.aclose)
        yield Stage(setup, simulators, recorder)


def _unlisted(setup: Setup, upstream: str) -> list[dict[str, object]]:
    """Models of the configuration that the price book does not have, as the simulator is to serve them."""
    if upstream:
        models = setup.said.upstreams[upstream].models
        return [
            _row(name, facts.context_tokens, tools=facts.tools, form=facts.structured)
            for name, facts in models.items()
        ]
    unknown = [filled.id for filled in setup.slots if setup.at_main(filled.id) and filled.model is None]
    return [_row(name, None, tools=False, form=False) for name in unknown]


def _row(name: str, context: int | None, *, tools: bool, form: bool) -> dict[str, object]:
    able = [("tools", tools), ("response_format", form)]
    return {
        "id": name,
        "context_length": context,
        "pricing": {"prompt": "0.0000001", "completion": "0.0000002"},
        "supported_parameters": [parameter for parameter, can in able if can],
    }


def drill_clock(setup: Setup) -> VirtualClock:
    """A clock at the setup's moment, which moves when somebody waits."""
    return VirtualClock(setup.now)


def midmonth(now: datetime) -> datetime:
    """Noon of the same day, or of the 20th: no wait of a drill passes the end of a day, a week or a month."""
    return now.replace(day=min(now.day, 20), hour=12, minute=0, second=0, microsecond=0)


def made_up_names(config: DeploymentConfig) -> tuple[str, ...]:
    """Variables that hold keys of the user's, which a check takes out of its environment."""
    further = (name for upstream in config.upstreams.values() for name in upstream.api_key_env)
    return (*config.upstream.api_key_env, *further)
