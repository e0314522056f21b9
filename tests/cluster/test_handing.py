"""What workers are handed holds no secret, and what they need of secrets is their own machine's."""

import asyncio
import pickle
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from farthing.cluster import ray as placing
from farthing.cluster.actor import WorkerActor
from farthing.cluster.crew import Crew
from farthing.cluster.handing import Order, database_url_of, handed_url, order_for
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError, SwarmError
from farthing.storage.database import Database, sqlite_url
from farthing.swarm.placing import Ground

_KEY = "sk-or-v1-0123456789abcdef"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(sqlite_url(tmp_path / "ledger.db"))
    yield opened
    opened.close()


def _ground(database: Database, config: DeploymentConfig) -> Ground:
    return Ground(run_id="run-1", config=config, database=database, modules=("company.tools",))


def test_a_worker_configures_itself_as_who_deployed_the_swarm(database: Database) -> None:
    config = load_config(
        "budget", environ={"MONTHLY_BUDGET": "7"}, overrides={"limits.requestsPerMinute": 30}
    )
    order = msgspec.json.decode(order_for(_ground(database, config), concurrency=4, drain_s=1.0), type=Order)
    assert load_config(order.config, environ={}) == config.model_copy(
        update={"storage": config.storage.model_copy(update={"database_url": None})}
    )
    assert load_config(order.config, environ={}).budget.monthly_limit == Decimal(7)
    assert (order.run_id, order.modules, order.concurrency) == ("run-1", ("company.tools",), 4)


class _Handle:
    """Stands for Ray: keeps what would be pickled for the other machine."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.options: list[dict[str, object]] = []

    def remote(self, *given: object, **options: object) -> Any:
        if options:
            self.options.append(options)
            return self._made
        self.given.append(pickle.dumps(given))
        return self

    def _made(self, _kind: object) -> Any:
        return self

    @property
    def health(self) -> Any:
        return self

    @property
    def util(self) -> Any:
        return self

    @property
    def scheduling_strategies(self) -> Any:
        return self

    @property
    def exceptions(self) -> Any:
        return self

    def NodeAffinitySchedulingStrategy(self, node: str, *, soft: bool) -> str:  # noqa: N802 - Ray's name
        return f"{node} {soft}"

    def nodes(self) -> list[dict[str, object]]:
        return [
            {"NodeID": "a", "Alive": True},
            {"NodeID": "b", "Alive": False},
            {"NodeID": "c", "Alive": True},
        ]

    def wait(self, asked: list[object], *, timeout: float) -> tuple[list[object], list[object]]:
        return [], asked


def test_neither_key_nor_password_is_handed_to_ray(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", _KEY)
    config = load_config(
        "balanced", overrides={"storage.databaseUrl": "postgresql+psycopg://farthing:hush-hush@db/farthing"}
    )
    order = order_for(_ground(database, config), concurrency=4, drain_s=1.0)
    ray = _Handle()
    crew = Crew(ray, order, database, per_node=2)
    crew.look()
    sent = b"".join(ray.given)
    assert order in sent
    assert _KEY.encode() not in sent
    assert b"hush-hush" not in sent
    assert len([one for one in ray.given if order in one]) == 4  # two on each node that lives
    assert all("runtime_env" not in options for options in ray.options)
    assert {options["max_task_retries"] for options in ray.options} == {0}
    assert {options["scheduling_strategy"] for options in ray.options} == {"a False", "c False"}


def test_an_address_with_a_password_stays_here(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlalchemy as sa

    for url, handed in (
        ("postgresql+psycopg://farthing@db/farthing", True),
        ("postgresql+psycopg://farthing:hush@db/farthing", False),
        ("postgresql+psycopg://farthing@db/farthing?password=hush", False),
        ("postgresql+psycopg://farthing@db/farthing?sslpassword=hush", False),
    ):
        monkeypatch.setattr(database, "url", sa.make_url(url))
        assert handed_url(database) == (url if handed else None)


def test_the_machines_own_address_of_the_database_wins() -> None:
    order = Order(config={}, database_url="postgresql+psycopg://db/a", run_id="run-1")
    assert database_url_of(order, {}) == "postgresql+psycopg://db/a"
    assert database_url_of(order, {"FARTHING_DATABASE_URL": "postgresql+psycopg://x/b"}).endswith("x/b")
    without = msgspec.structs.replace(order, database_url=None)
    with pytest.raises(SwarmError, match="before `ray start`"):
        database_url_of(without, {})


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"alerts.webhooks": ["https://hooks.example/T0/abcdef123456"]}, "alerts"),
        (
            {"mcpServers": {"git": {"command": "git-server", "env": {"TOKEN": "t0ken"}}}},
            "mcpServers.git",
        ),
    ],
)
def test_a_configuration_with_secrets_is_not_handed_over(
    database: Database, overrides: dict[str, object], named: str
) -> None:
    config = load_config("balanced", environ={}, overrides=overrides)
    with pytest.raises(SwarmError, match=named) as refused:
        order_for(_ground(database, config), concurrency=4, drain_s=1.0)
    assert "t0ken" not in str(refused.value)
    assert "abcdef123456" not in str(refused.value)


async def test_a_worker_that_cannot_open_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FARTHING_DATABASE_URL", raising=False)
    actor = WorkerActor(msgspec.json.encode(Order(config={}, database_url=None, run_id="run-1")))
    told = msgspec.json.decode(await asyncio.to_thread(actor.stop), type=dict[str, object])
    assert told["state"] == "failed"
    assert "FARTHING_DATABASE_URL is not set" in str(told["error"])


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(placing, "import_module", missing)
    with pytest.raises(FarthingError, match=r"pip install 'farthing\[ray\]'"):
        placing.load_ray()
