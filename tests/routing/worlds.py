"""Small catalogues, configurations and whole decisions made by hand, for the tests of routing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st
from msgspec import structs

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceBook, Rates
from farthing.config.schema import DeploymentConfig
from farthing.result import Route
from farthing.routing.classify import Features
from farthing.routing.health import CandidateHealth, CoolingDown, Healthy
from farthing.routing.route import NoRoute, decide_route
from farthing.task import COMPLEXITIES, TASK_TYPES, Task, TaskType, Tool

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLOCK = 500.0
LLAMA, QWEN, MISTRAL, DEEPSEEK, GLM = (
    "meta/llama",
    "qwen/coder",
    "mistral/small",
    "deepseek/v3",
    "glm/9b:free",
)
SIMPLE_TASK = Task(description="Do it.")
TOOL = Tool(name="search", description="Searches.", parameters={"type": "object"})
ALL = frozenset({"tools", "response_format", "structured_outputs"})


def model(name: str, title: str, quality: float | None, **more: object) -> Model:
    made = Model(
        id=name,
        name=title,
        quality=quality,
        context_tokens=32_000,
        max_output_tokens=8_000,
        supported_parameters=ALL,
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType] - fields by name, checked at run time


def price(name: str, prompt: str, completion: str) -> Price:
    per_million = Decimal(1_000_000)
    rates = Rates(prompt=Decimal(prompt) / per_million, completion=Decimal(completion) / per_million)
    return Price(model=name, book="test", rates=rates)


MODELS = {
    LLAMA: model(LLAMA, "Llama 3.3 70B", 0.90, aliases=("llama",)),
    QWEN: model(QWEN, "Qwen 2.5 Coder 32B", 0.85, quality_by_type={"coding": 0.92}),
    MISTRAL: model(MISTRAL, "Mistral Small 3.1", 0.93, free_variant=f"{MISTRAL}:free"),
    f"{MISTRAL}:free": model(f"{MISTRAL}:free", "Mistral Small 3.1 (free)", None, context_tokens=8_000),
    DEEPSEEK: model(DEEPSEEK, "DeepSeek V3", 0.88),
    GLM: model(GLM, "GLM-4-9B", 0.75, supported_parameters=frozenset[str]()),
}
PRICES = {
    LLAMA: price(LLAMA, "0.10", "0.40"),
    QWEN: price(QWEN, "0.23", "0.23"),
    MISTRAL: price(MISTRAL, "0.30", "0.30"),
    f"{MISTRAL}:free": price(f"{MISTRAL}:free", "0", "0"),
    DEEPSEEK: price(DEEPSEEK, "0.15", "0.15"),
    GLM: price(GLM, "0", "0"),
}
SLOTS = {"primary": LLAMA, "secondary": QWEN, "tertiary": MISTRAL, "fallback": DEEPSEEK}
MAPPING: dict[str, str] = {
    "coding": "secondary",
    "general": "primary",
    "analysis": "primary",
    "structured": "tertiary",
    "simple": "fallback",
}


def catalog(models: Mapping[str, Model] | None = None, prices: Mapping[str, Price] | None = None) -> Catalog:
    book = PriceBook(
        id="2026-11-23/test",
        day=date(2026, 11, 23),
        source="made by hand",
        prices=PRICES if prices is None else prices,
    )
    return Catalog(models=models or MODELS, prices=book)


def mapping(slots: Iterable[str]) -> dict[str, str]:
    """The tutorial's table as far as these slots are filled."""
    return {kind: slot for kind, slot in MAPPING.items() if slot in slots}


def config(
    *, models: Mapping[str, object] = SLOTS, routing: Mapping[str, object] | None = None, **changes: object
) -> DeploymentConfig:
    rules = {"taskTypeMapping": mapping(models), **(routing or {})}
    return DeploymentConfig.model_validate({"models": models, "routing": rules, **changes})


def features(kind: TaskType = "coding", **changes: object) -> Features:
    made = Features(
        task_type=kind,
        complexity="medium",
        confidence=0.9,
        input_tokens=1000,
        needs_tools=False,
        needs_schema=False,
    )
    return structs.replace(made, **changes)  # pyright: ignore[reportArgumentType] - fields by name, checked at run time


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All inputs of one decision."""

    wanted: Features = field(default_factory=features)
    task: Task = SIMPLE_TASK
    settings: DeploymentConfig = field(default_factory=config)
    known: Catalog = field(default_factory=catalog)
    health: Mapping[str, CandidateHealth] = field(default_factory=dict[str, CandidateHealth])
    remaining: Decimal | None = None

    def decide(self) -> Route | NoRoute:
        return decide_route(
            self.wanted,
            self.task,
            config=self.settings,
            catalog=self.known,
            health=self.health,
            now=NOW,
            clock_s=CLOCK,
            remaining_usd=self.remaining,
        )


def decide(
    wanted: Features | None = None,
    task: Task = SIMPLE_TASK,
    *,
    settings: DeploymentConfig | None = None,
    known: Catalog | None = None,
    health: Mapping[str, CandidateHealth] | None = None,
    remaining: Decimal | None = None,
) -> Route | NoRoute:
    return World(
        wanted=wanted or features(),
        task=task,
        settings=settings or config(),
        known=known or catalog(),
        health=health or {},
        remaining=remaining,
    ).decide()


def route(
    wanted: Features | None = None,
    task: Task = SIMPLE_TASK,
    *,
    settings: DeploymentConfig | None = None,
    known: Catalog | None = None,
    health: Mapping[str, CandidateHealth] | None = None,
    remaining: Decimal | None = None,
) -> Route:
    decided = decide(wanted, task, settings=settings, known=known, health=health, remaining=remaining)
    assert isinstance(decided, Route), decided
    return decided


def order(decided: Route) -> list[str]:
    return [candidate.model for candidate in decided.candidates]


def left_out(decided: Route | NoRoute) -> dict[str, str]:
    return {item.model: item.reason for item in decided.excluded}


PRICE_TEXTS = st.sampled_from(["0", "0.05", "0.3", "2"])
SLOT_NAMES = ("primary", "secondary", "tertiary", "fallback")


@st.composite
def known_models(draw: st.DrawFn, names: Sequence[str]) -> dict[str, Model]:
    return {
        name: Model(
            id=name,
            name=name,
            quality=draw(st.sampled_from([None, 0.3, 0.8, 0.95])),
            context_tokens=draw(st.sampled_from([None, 2_000, 50_000])),
            max_output_tokens=draw(st.sampled_from([None, 500, 8_000])),
            supported_parameters=draw(st.sampled_from([ALL, frozenset[str](), frozenset({"tools"})])),
            expires=draw(st.sampled_from([None, None, date(2026, 1, 1)])),
        )
        for name in names
    }


@st.composite
def states(draw: st.DrawFn) -> CandidateHealth:
    cooling = CoolingDown(until=CLOCK + draw(st.integers(-2, 5)), reason="x")
    choices: list[CandidateHealth] = [Healthy(), cooling]
    return draw(st.sampled_from(choices))


@st.composite
def deployments(draw: st.DrawFn, names: Sequence[str]) -> DeploymentConfig:
    filled = ("primary", *draw(st.sets(st.sampled_from(SLOT_NAMES[1:]))))
    return DeploymentConfig.model_validate(
        {
            "environment": draw(st.sampled_from(["production", "development"])),
            "allowPaid": draw(st.booleans()),
            "models": {slot: draw(st.sampled_from([*names, "not/known"])) for slot in filled},
            "routing": {
                "strategy": draw(st.sampled_from(["mapped", "cheapest_good_enough"])),
                "taskTypeMapping": draw(st.sampled_from([{}, mapping(filled)])),
                "qualityThreshold": draw(st.sampled_from([0, 0.5, 0.9])),
                "maxCostPerRequest": draw(st.sampled_from([None, "0", "0.0003"])),
            },
            "budget": {"unknownPriceCeiling": draw(st.sampled_from([None, "0.0001", "1"]))},
        }
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = [f"maker/m{i}" for i in range(draw(st.integers(2, 5)))]
    priced = [name for name in names if draw(st.booleans()) or draw(st.booleans())]
    prices = {name: price(name, draw(PRICE_TEXTS), draw(PRICE_TEXTS)) for name in priced}
    wanted = features(
        draw(st.sampled_from(TASK_TYPES)),
        complexity=draw(st.sampled_from(COMPLEXITIES)),
        input_tokens=draw(st.sampled_from([10, 1_500, 60_000])),
        needs_tools=draw(st.booleans()),
        needs_schema=draw(st.booleans()),
    )
    task = Task(
        description="x",
        max_tokens=draw(st.sampled_from([None, 100, 3_000])),
        model=draw(st.sampled_from([None, None, *names])),
    )
    return World(
        wanted=wanted,
        task=task,
        settings=draw(deployments(names)),
        known=catalog(draw(known_models(names)), prices),
        health={name: draw(states()) for name in names},
        remaining=draw(st.sampled_from([None, Decimal(0), Decimal("0.001"), Decimal(100)])),
    )
