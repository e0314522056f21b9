"""A simulator on the test's own loop, with rows of its own, and an HTTP client for it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp
import msgspec
import pytest

from farthing.simulator.scenario import Scenario
from farthing.simulator.server import Simulator, start_simulator

PARAMETERS = ["tools", "tool_choice", "response_format", "structured_outputs", "max_tokens"]
ROWS: list[dict[str, object]] = [
    {
        "id": "acme/plain",
        "canonical_slug": "acme/plain-2026",
        "name": "Plain",
        "context_length": 32768,
        "pricing": {"prompt": "0.00000015", "completion": "0.0000006"},
        "top_provider": {"context_length": 32768, "max_completion_tokens": 4096},
        "supported_parameters": PARAMETERS,
    },
    {
        "id": "acme/tiered",
        "context_length": 1000000,
        "pricing": {
            "prompt": "0.000003",
            "completion": "0.000015",
            "request": "0.0001",
            "input_cache_read": "0.0000003",
            "input_cache_write": "0.00000375",
            "overrides": [{"min_prompt_tokens": 1000, "prompt": "0.000006"}],
        },
        "supported_parameters": [*PARAMETERS, "reasoning"],
    },
    {"id": "acme/free:free", "context_length": 8000, "pricing": {"prompt": "0", "completion": "0"}},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: bool = False

    @property
    def json(self) -> dict[str, object]:
        return DECODER.decode(self.body)

    @property
    def events(self) -> list[dict[str, object]]:
        """The data events that are JSON, without `[DONE]`."""
        lines = [line[6:] for line in self.body.splitlines() if line.startswith(b"data: {")]
        return [DECODER.decode(line) for line in lines if line.endswith(b"}")]

    @property
    def text(self) -> str:
        """What a client would assemble from the stream."""
        return "".join(
            str(at(event, "choices", 0, "delta", "content") or "")
            for event in self.events
            if event["choices"]
        )


DECODER = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)


def at(value: object, *keys: str | int) -> object:
    """The value under a path of keys; None where one is missing."""
    for key in keys:
        if isinstance(value, Mapping) and key in value:
            value = msgspec.convert(value, dict[object, object])[key]
        elif isinstance(value, list) and isinstance(key, int):
            entries = msgspec.convert(value, list[object])
            value = entries[key] if key < len(entries) else None
        else:
            return None
    return value


@dataclass(slots=True)
class Caller:
    simulator: Simulator
    session: aiohttp.ClientSession
    key: str = "sk-or-test"
    defaults: dict[str, object] = field(
        default_factory=lambda: {
            "model": "acme/plain",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "Explain how bridges stand."}],
        }
    )

    async def chat(self, **fields: object) -> Reply:
        """One chat call. Arguments replace the defaults; None leaves a field out."""
        body = {name: value for name, value in {**self.defaults, **fields}.items() if value is not None}
        return await self.call("POST", "/chat/completions", msgspec.json.encode(body))

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, root: str | None = None
    ) -> Reply:
        url = (self.simulator.base_url if root is None else root) + path
        headers = {"Authorization": f"Bearer {self.key}"}
        received, broken = b"", False
        async with self.session.request(method, url, data=body, headers=headers) as response:
            try:
                async for data in response.content.iter_any():
                    received += data
            except aiohttp.ClientPayloadError:
                broken = True
            return Reply(status=response.status, headers=response.headers, body=received, broken=broken)


Opener = Callable[..., AbstractAsyncContextManager[Caller]]
QUIET = {"overrun_rate": 0.0, "missing_cost_rate": 0.0, "generation_lag_polls": 0}


@pytest.fixture
def open_simulator() -> Opener:
    """Opens a simulator without ambient irregularities but those of the scenario given."""

    @asynccontextmanager
    async def opened(
        scenario: Mapping[str, object] | Scenario | None = None, *, seed: int = 1, time_scale: float = 0.0
    ) -> AsyncGenerator[Caller]:
        plan = scenario if isinstance(scenario, Scenario) else {**QUIET, **(scenario or {})}
        async with (
            start_simulator(rows=ROWS, scenario=plan, seed=seed, time_scale=time_scale) as simulator,
            aiohttp.ClientSession() as session,
        ):
            yield Caller(simulator, session)

    return opened


def rule(kind: str, **fields: object) -> dict[str, object]:
    """A scenario in which every chat call meets this fault."""
    return {"rules": [{"fault": {"kind": kind, **fields}}]}
