"""The route of each task as a deployment stands: decided in `routing/`, from health, money and warmth.

Asks the clock and the ledger, and remembers routes and where conversations are warm. Decides nothing itself.
"""

from typing import NamedTuple

from farthing.attempt import Means
from farthing.money import from_nano
from farthing.result import Route
from farthing.routing.classify import Features, classify
from farthing.routing.eligible import expected_output_tokens
from farthing.routing.healthbook import HealthBook
from farthing.routing.memo import RouteMemo
from farthing.routing.route import NoRoute
from farthing.routing.warmth import LEAST_TOKENS, WarmBook, conversation_of, kept_warm
from farthing.spend.claims import claims_for
from farthing.task import Task


class Found(NamedTuple):
    """A route, and what the conversation is known by: empty where it cannot be warm."""

    route: Route | NoRoute
    conversation: str


class Routes:
    """For one pipeline. `warmth` is told of each answer by it."""

    def __init__(self, means: Means, health: HealthBook) -> None:
        self._means, self._health = means, health
        self._memo = RouteMemo()
        self.warmth = WarmBook()

    def find(self, task: Task) -> Found:
        """The route that the task would take now."""
        means, features = self._means, classify(task)
        now, clock_s = means.clock.now(), means.clock.monotonic()
        left = means.ledger.headroom(claims_for(means.config, task, task_id="", at=now))
        route = self._memo.decide(
            features,
            task,
            config=means.config,
            catalog=means.catalog,
            health=self._health.models,
            now=now,
            clock_s=clock_s,
            remaining_usd=None if left is None else from_nano(left),
            experience=means.experience,
        )
        conversation = self._conversation(task, features)
        warm = self.warmth.of(conversation, clock_s)
        if warm is None or isinstance(route, NoRoute):
            return Found(route, conversation)
        stayed = kept_warm(
            route,
            warm,
            features=features,
            output_tokens=expected_output_tokens(features, task, means.config),
            catalog=means.catalog,
            health=self._health.models,
            now=now,
            clock_s=clock_s,
        )
        return Found(stayed, conversation)

    def _conversation(self, task: Task, features: Features) -> str:
        """Short prompts are never cached, and a provider that the user orders keeps no conversation."""
        may_be_warm = 2 * features.input_tokens > LEAST_TOKENS and self._means.config.provider.order is None
        return conversation_of(task) if may_be_warm else ""
