"""What the processes of one database tell each other while a deployment runs: health, and experience."""

from farthing.attempt import Means
from farthing.config.schema import DeploymentConfig
from farthing.routing.experience import Experience
from farthing.routing.healthbook import HealthBook
from farthing.shared_experience import SharedExperience
from farthing.shared_health import SharedHealth
from farthing.storage.database import Database


class Sharing:
    """Use from one event loop: `begin` it, and `aclose` it."""

    def __init__(self, database: Database, health: HealthBook, means: Means) -> None:
        self._means = means
        self._health = SharedHealth(database, health, clock=means.clock)
        self.experience = SharedExperience(database, self._learn, clock=means.clock)

    async def begin(self) -> None:
        await self._health.begin()
        if _asks_experience(self._means.config):
            await self.experience.begin()

    async def aclose(self) -> None:
        await self._health.aclose()
        await self.experience.aclose()

    def _learn(self, known: Experience) -> None:
        self._means.experience = known


def _asks_experience(config: DeploymentConfig) -> bool:
    """Whether anything is decided by what the ledger teaches: else nobody pays for reading it."""
    by_cost = config.routing.strategy == "cheapest_good_enough"
    return by_cost or config.optimization.output_control.learned_limits
