"""How the accounts stand that a configuration limits: read from the ledger when somebody asks.

Reads and decides nothing. Only scopes that a configuration names are here: an account of each swarm, agent
or task would be a list without an end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from farthing.config.schema import DeploymentConfig
from farthing.limits.permits import Permits
from farthing.spend import store
from farthing.spend.budget import AccountKey, Balance, Claim
from farthing.spend.claims import DEPLOYMENT, claims_for
from farthing.spend.targets import Level
from farthing.storage.database import Database
from farthing.task import Task

_KEY = "key:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, nano-dollars. `period` is its kind: `month`, not which one. `limit` None is no limit."""

    scope: str
    period: str
    settled: int
    held: int
    uncertain: int
    limit: int | None

    @property
    def remaining(self) -> int | None:
        """What the limit still allows; None without one."""
        if self.limit is None:
            return None
        return max(0, self.limit - self.settled - self.held - self.uncertain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The accounts, how many attempts are on the wire or wait for a permit, and the service levels."""

    accounts: tuple[Account, ...]
    in_flight: int
    waiting: int
    levels: tuple[Level, ...] = ()


def reader(
    database: Database,
    permits: Permits,
    *,
    config: Callable[[], DeploymentConfig],
    now: Callable[[], datetime],
    levels: Callable[[], tuple[Level, ...]],
) -> Callable[[], Standing | None]:
    """A function that reads the standing, from any thread; it gives None while no database answers."""

    def read() -> Standing | None:
        claims = standing_claims(config(), now())
        try:
            with database.read() as connection:
                scopes = {claim.key.scope for claim in claims}
                balances: dict[AccountKey, Balance] = {}
                for scope in sorted(scopes):
                    balances |= store.read_accounts(connection, scope=scope)
        except DBAPIError:
            return None
        accounts = tuple(_account(claim, balances.get(claim.key, Balance())) for claim in claims)
        return Standing(
            accounts=accounts, in_flight=permits.in_flight, waiting=permits.queue_depth, levels=levels()
        )

    return read


def standing_claims(config: DeploymentConfig, at: datetime) -> tuple[Claim, ...]:
    """The deployment's accounts and those of the keys that the configuration limits by name, each once.

    Where an account has several limits, the lowest is shown.
    """
    named = sorted({limit.scope for limit in config.budget.limits if limit.scope.startswith(_KEY)})
    keys: list[str | None] = [None, *(scope.removeprefix(_KEY) for scope in named)]
    limits: dict[AccountKey, int | None] = {}
    for key in keys:
        for claim in claims_for(config, Task(description="standing", key=key), task_id="", at=at):
            if claim.key.scope == DEPLOYMENT or claim.key.scope.startswith(_KEY):
                both = [limit for limit in (limits.get(claim.key), claim.limit) if limit is not None]
                limits[claim.key] = min(both, default=None)
    return tuple(Claim(key, limit) for key, limit in limits.items())


def _account(claim: Claim, balance: Balance) -> Account:
    return Account(
        scope=claim.key.scope,
        period=claim.key.period.partition(":")[0],
        settled=balance.settled,
        held=balance.held,
        uncertain=balance.uncertain,
        limit=claim.limit,
    )
