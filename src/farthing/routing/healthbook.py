"""What a deployment knows of its models' and their providers' health, from its own calls and from others'.

Holds the states; what moves them is `health.py`'s. Use from one event loop. Other processes' news come in
by `merge`, ours go out by `take_changes`; who carries them is `shared_health.py`'s affair.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from farthing.result import Candidate
from farthing.routing.fallback import Ending
from farthing.routing.health import (
    CandidateHealth,
    Healthy,
    Open,
    Probing,
    after_failure,
    after_nothing,
    after_success,
    before_call,
    resting_until,
)
from farthing.task import Completion
from farthing.upstream.failure import Failure

PROBE_LOOK_S = 0.5
"""How soon to look again whether the one call that tries has ended."""
MOST_AVOIDED = 5
"""Providers left out at once: a request that leaves out everyone is served by nobody."""


class Subject(NamedTuple):
    """Whose health: a model's, or one provider's of it."""

    model: str
    provider: str = ""


class HealthBook:
    """States by subject. `models` is what routing reads; a model that never failed is not in it."""

    def __init__(self) -> None:
        self.models: dict[str, CandidateHealth] = {}
        self._providers: dict[str, dict[str, CandidateHealth]] = {}
        self._changed: set[Subject] = set()

    def begin(self, model: str, now: float) -> None:
        """A call to the model is about to be sent: it may be the one that tries."""
        state = self.models.get(model)
        if state is not None:
            self._put_model(model, before_call(state, now), now)

    def note(self, model: str, ending: Ending | None, now: float) -> None:
        """What a call's ending says of its model and, where it is named, of its provider."""
        state = self.models.get(model, Healthy())
        match ending:
            case Completion():
                self._put_model(model, after_success(state), now)
                if ending.provider and model in self._providers:
                    self._put_provider(model, ending.provider, Healthy(), now)
            case Failure():
                wait = ending.retry_after_s
                self._put_model(model, after_failure(state, ending.kind, wait, now), now)
                if ending.provider:
                    known = self._providers.get(model, {}).get(ending.provider, Healthy())
                    self._put_provider(
                        model, ending.provider, after_failure(known, ending.kind, wait, now), now
                    )
            case _:  # a refusal or an unusable answer says nothing about the endpoint
                self._put_model(model, after_nothing(state, now), now)

    def ready(self, candidates: Iterable[Candidate], now: float) -> Mapping[str, float]:
        """When each candidate that rests may be asked again; those that may be asked now are left out."""
        if not self.models:
            return {}
        ready: dict[str, float] = {}
        for candidate in candidates:
            state = self.models.get(candidate.model)
            until = resting_until(state, now)
            if until is not None:
                ready[candidate.model] = (
                    min(until, now + PROBE_LOOK_S) if isinstance(state, Probing) else until
                )
        return ready

    def avoided(self, model: str, now: float) -> tuple[str, ...]:
        """Providers whose breaker is open for the model, those that rest longest first."""
        known = self._providers.get(model)
        if not known:
            return ()
        open_ones = [
            (state.until, name)
            for name, state in known.items()
            if isinstance(state, Open) and state.until > now
        ]
        return tuple(name for _, name in sorted(open_ones, reverse=True)[:MOST_AVOIDED])

    def states(self) -> dict[Subject, CandidateHealth]:
        """Everything known."""
        found: dict[Subject, CandidateHealth] = {Subject(model): s for model, s in self.models.items()}
        for model, providers in self._providers.items():
            found |= {Subject(model, provider): state for provider, state in providers.items()}
        return found

    def merge(self, subject: Subject, state: CandidateHealth) -> None:
        """Takes over what another process found."""
        if subject.provider:
            self._providers.setdefault(subject.model, {})[subject.provider] = state
        else:
            self.models[subject.model] = state

    @property
    def has_changes(self) -> bool:
        return bool(self._changed)

    def has_news_of(self, subject: Subject) -> bool:
        return subject in self._changed

    def take_changes(self) -> set[Subject]:
        """What others should hear of, since the last time."""
        changed, self._changed = self._changed, set[Subject]()
        return changed

    def put_back(self, changes: Iterable[Subject]) -> None:
        """What could not be told is news still."""
        self._changed.update(changes)

    def _put_model(self, model: str, state: CandidateHealth, now: float) -> None:
        before = self.models.get(model)
        if before is state or (before is None and state == Healthy()):
            return
        self.models[model] = state
        if _is_news(before, state, now):
            self._changed.add(Subject(model))

    def _put_provider(self, model: str, provider: str, state: CandidateHealth, now: float) -> None:
        known = self._providers.setdefault(model, {})
        before = known.get(provider)
        known[provider] = state
        if _is_news(before, state, now):
            self._changed.add(Subject(model, provider))


def _is_news(before: CandidateHealth | None, state: CandidateHealth, now: float) -> bool:
    """Whether others should hear of it: not of single failures, nor of answers as usual."""
    if isinstance(state, Healthy):
        return before is not None and not isinstance(before, Healthy)
    until = resting_until(state, now)
    return until is None or until != resting_until(before, now) or type(state) is not type(before)
