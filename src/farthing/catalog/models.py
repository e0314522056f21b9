"""Models, what they can do and how good they are: the catalogue as an immutable value.

Values and look-ups; reading packaged data is `config/load.py`'s, fetching `/models` is `refresh.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from farthing.catalog.pricing import Price, PriceBook
from farthing.task import TaskType

ROUTED_VARIANTS = frozenset({"floor", "nitro", "exacto", "thinking"})
"""Variants that have no row of their own: the same model, differently sorted or told to think."""

_PRICED_AS_BASE = ROUTED_VARIANTS - {"nitro"}
# `:nitro` may be served at a priority tier whose rates no row states, so it has no known price.


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """What replaces a model that is gone, from a stated date on."""

    model: str
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicScore:
    """What others measured, as they published it. Cited, never used: it orders no candidates."""

    benchmark: str
    value: str
    by: str
    """Who measured it."""
    source: str
    day: str
    """The year or the month of the source, as `2025-07`."""
    remark: str = ""

    def __str__(self) -> str:
        told = ", ".join(filter(None, (self.source, self.day, self.remark)))
        return f"{self.benchmark} {self.value} by {self.by} ({told})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. Scores are fractions of 1; None is unknown and never passes a quality threshold."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    supported_parameters: frozenset[str] = frozenset()
    quality: float | None = None
    quality_by_type: Mapping[TaskType, float] = field(default_factory=dict[TaskType, float])
    scores_from: str = ""
    """Where the scores come from, in words."""
    public_scores: tuple[PublicScore, ...] = ()
    best_for: tuple[str, ...] = ()
    free_variant: str | None = None
    successor: Successor | None = None
    expires: date | None = None
    """The last day it was announced for; gone from this day on."""
    reasons_by_default: bool = False
    """True for a model that spends reasoning tokens unless told not to."""
    listed: bool = True
    """False for a model that is known but not in this catalogue's rows: it is gone, and has no price."""

    @property
    def native_tools(self) -> bool:
        return "tools" in self.supported_parameters

    @property
    def native_schema(self) -> bool:
        return (
            "structured_outputs" in self.supported_parameters
            or "response_format" in self.supported_parameters
        )

    def score(self, task_type: TaskType) -> float | None:
        """The catalogue's score for a task type, else the overall one."""
        return self.quality_by_type.get(task_type, self.quality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every known model and today's prices. A refresh makes a new one."""

    models: Mapping[str, Model]
    prices: PriceBook
    live: bool = False
    """True when prices and existence were read from upstream at start, not from the packaged snapshot."""
    _by_alias: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        aliases = {alias: model.id for model in self.models.values() for alias in model.aliases}
        object.__setattr__(self, "_by_alias", aliases)

    def find(self, name: str) -> Model | None:
        """A model by id, by alias, or as the `:variant` of a known model; None when unknown.

        The `id` of what is returned is what to send: `llama-3.3-70b:floor` is found as
        `meta-llama/llama-3.3-70b-instruct:floor`. A `:free` variant is known only by a row of its own.
        """
        exact = self.models.get(self._by_alias.get(name, name))
        if exact is not None:
            return exact
        base_name, _, variant = name.rpartition(":")
        base = self.models.get(self._by_alias.get(base_name, base_name))
        if base is None:
            return None
        full = f"{base.id}:{variant}"
        if full in self.models:
            return self.models[full]
        return replace(base, id=full, aliases=(), free_variant=None) if variant in ROUTED_VARIANTS else None

    def renamed(self, book: str) -> "Catalog":
        """The same models and prices under another book's name."""
        prices = {name: replace(entry, book=book) for name, entry in self.prices.prices.items()}
        return replace(self, prices=replace(self.prices, id=book, prices=prices))

    def price(self, model_id: str) -> Price | None:
        """Today's price of a model by id, alias or variant; None is unknown, which is never zero.

        `:floor`, `:exacto` and `:thinking` have the price of their model. `:nitro` has none of its own:
        it may be served at a priority tier whose rates no row states.
        """
        model = self.find(model_id)
        name = model.id if model is not None else model_id
        stated = self.prices.prices.get(name)
        if stated is not None:
            return stated
        base, _, variant = name.rpartition(":")
        return self.prices.prices.get(base) if variant in _PRICED_AS_BASE else None

    def names(self) -> tuple[str, ...]:
        """Every id and alias, for "did you mean"."""
        return (*self.models, *self._by_alias)
