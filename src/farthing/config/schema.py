"""What a deployment's configuration may say. Shapes, defaults and bounds; reading files is `load.py`'s.

JSON keys are camelCase as in the tutorial; snake_case is accepted too. Unknown keys are errors.
Money is US dollars; a duration says its unit in its docstring; rates and thresholds are fractions of 1.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from farthing.config.alerting import Alerts
from farthing.config.limiting import Limits
from farthing.config.optimizing import Optimization
from farthing.config.section import Dollars, Fraction, Scope, Seconds, Section, plain_url
from farthing.config.tooling import McpServer, ServerName, SharedMemory, Tools
from farthing.config.upstreams import FurtherUpstream, Upstream, UpstreamName, place_of
from farthing.content.redact import check_redaction
from farthing.errors import nearest
from farthing.task import Complexity, TaskType

Slot = Literal["primary", "secondary", "tertiary", "fallback"]
SLOTS: tuple[Slot, ...] = ("primary", "secondary", "tertiary", "fallback")
Milliseconds = Annotated[int, Field(ge=0)]

UNKNOWN_PLACE = "unknown_place"
"""Error type of a slot that names an upstream, and a model that the upstream does not list."""
EMPTY_SLOT = "empty_slot"
"""Error type of a mapping to a slot without a model."""


class SlotModel(Section):
    """The model in one slot. A bare string in the file is short for `{"model": …}`."""

    model: Annotated[str, Field(min_length=1)]
    """An OpenRouter model id, an alias of the catalogue (`deepseek-v3`), or `UPSTREAM:MODEL`."""
    successor: bool = True
    """Whether a gone model is replaced by its dated successor, with a notice."""


class Models(Section):
    primary: SlotModel
    secondary: SlotModel | None = None
    tertiary: SlotModel | None = None
    fallback: SlotModel | None = None

    @field_validator("primary", "secondary", "tertiary", "fallback", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value

    def by_slot(self) -> dict[Slot, SlotModel]:
        """The filled slots, in the order they are tried."""
        slots: dict[Slot, SlotModel | None] = {
            "primary": self.primary,
            "secondary": self.secondary,
            "tertiary": self.tertiary,
            "fallback": self.fallback,
        }
        return {slot: entry for slot, entry in slots.items() if entry is not None}


class Routing(Section):
    strategy: Literal["mapped", "cheapest_good_enough"] = "mapped"
    task_type_mapping: dict[TaskType, Slot] = Field(default_factory=dict[TaskType, Slot])
    complexity_mapping: dict[Complexity, Slot] = Field(default_factory=dict[Complexity, Slot])
    """Overrides the type's slot for a complexity (`{"low": "fallback"}`): `general`, `simple` only."""
    quality_threshold: Fraction = 0.0
    """Catalogue score (0 to 1) a candidate must reach; an unknown score never passes a threshold above 0."""
    max_cost_per_request: Dollars | None = None
    """A candidate whose expected cost is above it is left out."""


class FallbackRules(Section):
    on_rate_limit: bool = True
    on_error: bool = True
    on_timeout: bool = True
    on_invalid_output: bool = True
    max_retries: Annotated[int, Field(ge=0, le=20)] = 3
    """Attempts after the first one, over all candidates together."""
    retry_delay: Milliseconds = 2000
    """Base of the exponential backoff before the same model is tried again, in milliseconds; a random part
    of it is waited."""
    retry_budget: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Retries (the same model again) that each task may add to those of all; fallbacks are not counted."""
    on_broken_stream: Literal["error", "continue"] = "error"
    """After text has reached the caller: an error that has it, or the next candidate goes on from it."""


class Hedging(Section):
    """A second candidate beside one that has not begun to answer. The first text wins."""

    enabled: bool = False
    """Streamed requests without tools only. What the overtaken one has cost by then is paid, too."""
    after: Annotated[int, Field(gt=0)] | None = None
    """Milliseconds without a token; None is the model's `latencyTargets.*.p95`, and never without one."""


class Telemetry(Section):
    """Traces and metrics by OpenTelemetry, and a page for Prometheus. Needs the extra `telemetry`."""

    enabled: bool = False
    """Sends OpenTelemetry traces and metrics; `OTEL_*` variables and your own providers are honoured."""
    endpoint: str | None = None
    """OTLP/HTTP collector without a path such as `/v1/traces`; none is `http://localhost:4318`."""
    service_name: Annotated[str, Field(min_length=1)] = "farthing"
    """`service.name` of what is sent; `OTEL_SERVICE_NAME` wins."""
    shutdown_timeout: Annotated[float, Field(ge=0)] = 2.0
    """Seconds closing waits for the last batch; what a collector that is away has not taken is dropped."""
    prometheus_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Serves metrics for Prometheus while a deployment is open; 0 takes any free port."""
    prometheus_address: str = "127.0.0.1"
    """Where that page listens: on this machine only unless you say otherwise."""

    @field_validator("endpoint")
    @classmethod
    def _is_plain_url(cls, value: str | None) -> str | None:
        return None if value is None else plain_url(value, "an endpoint", "http://localhost:4318")


class Monitoring(Section):
    cost_tracking: bool = True
    """False silences reports and alerts; the ledger and the limits stay."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    telemetry: Telemetry = Telemetry()


class Quality(Section):
    enabled: bool = False
    sampling_rate: Fraction = 0.10
    compare_to_baseline: bool = True
    baseline_model: str = "claude-3.5-sonnet"
    quality_threshold: Fraction = 0.90


class Limit(Section):
    """One limit on what a scope may spend in a period."""

    scope: Scope
    """`deployment`; `key` for each virtual key or tenant, `key:NAME` for one; `swarm`, `agent`, `task`."""
    period: Literal["total", "day", "week", "month"] = "month"
    amount: Dollars
    kind: Literal["hard", "soft"] = "hard"
    """`hard` refuses what could pass it; `soft` turns to cheaper models near it, and warns."""


class Budget(Section):
    """Hard limits in dollars. A call that could pass one is refused before it is sent."""

    monthly_limit: Dollars | None = None
    weekly_limit: Dollars | None = None
    daily_limit: Dollars | None = None
    total_limit: Dollars | None = None
    swarm_limit: Dollars | None = None
    agent_limit: Dollars | None = None
    task_limit: Dollars | None = None
    limits: tuple[Limit, ...] = ()
    """Further limits, by scope and period, hard or soft."""
    unknown_price_ceiling: Dollars | None = None
    """Reserved for a call whose price or output bound is unknown; None refuses such calls."""
    media_part_tokens: Annotated[int, Field(gt=0)] | None = None
    """Stated bound in tokens for an image or file part; None refuses them."""


class Scaling(Section):
    """Service levels to watch; limits are separate and off unless set."""

    target_requests_per_minute: Annotated[int, Field(gt=0)] | None = None
    target_concurrent_agents: Annotated[int, Field(gt=0)] | None = None
    target_queue_depth: Annotated[int, Field(gt=0)] | None = None
    max_concurrency: Annotated[int, Field(gt=0)] | None = None
    """Attempts at once; None is no limit. A caller above it waits."""


class LatencyTarget(Section):
    """Milliseconds, for one model."""

    first_token: Milliseconds
    average: Milliseconds
    p95: Milliseconds
    p99: Milliseconds


class MaxPrice(Section):
    """US dollars per million tokens."""

    prompt: Dollars | None = None
    completion: Dollars | None = None


class ProviderPreferences(Section):
    """Passed through to OpenRouter's `provider` object."""

    order: tuple[str, ...] | None = None
    allow_fallbacks: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    only: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    quantizations: tuple[str, ...] | None = None
    sort: Literal["price", "throughput", "latency"] | None = None
    max_price: MaxPrice | None = None


class RoleSpec(Section):
    """What an agent is. The built-in roles may be overridden by name."""

    description: str
    task_type: TaskType = "general"
    instructions: str = ""
    capabilities: tuple[str, ...] = ()


class Swarm(Section):
    roles: dict[str, RoleSpec] = Field(default_factory=dict[str, RoleSpec])
    max_steps: Annotated[int, Field(gt=0)] = 8
    """Model calls one agent may make for one piece of work."""
    max_depth: Annotated[int, Field(gt=0)] = 3
    max_fan_out: Annotated[int, Field(gt=0)] = 16
    """Tool calls run for one model answer."""
    max_seconds: Seconds = 600.0
    durable: bool = True
    """Journals each run, so that it can be resumed after its process was killed."""
    keep_days: Annotated[int, Field(ge=0, le=3650)] = 0
    """Days for which the journal of a run that has ended is kept, with its goal and answers; 0 forgets it at
    its end, unless `content.keep` is on: then it is kept for `content.retentionDays` at least."""
    queue_size: Annotated[int, Field(gt=0)] = 256
    memory: SharedMemory = SharedMemory()


class Storage(Section):
    database_url: str | None = None
    """SQLAlchemy URL; None is a SQLite file in the user's state directory."""
    lease: Seconds = 30.0
    """Seconds after which a process that has stopped answering counts as gone; its calls are uncertain."""


class Content(Section):
    """Whether prompts and answers are kept, apart from the ledger. Off: the database has neither."""

    keep: bool = False
    """Keeps the prompt and the answer of each task, redacted, in a table of their own."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """What is older is deleted at opening and once a day."""
    redact: tuple[str, ...] = ("email", "phone", "key", "card")
    """What is cut out before it is written: these names, and your patterns in slashes (`/ACME-[0-9]+/`)."""

    @field_validator("redact")
    @classmethod
    def _is_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            check_redaction(name)
        return value


class Baseline(Section):
    """What savings are measured against."""

    model: str = "claude-3.5-sonnet"


class DeploymentConfig(Section):
    """A whole deployment. Profiles are files of this shape."""

    schema_: str | None = Field(default=None, alias="$schema")
    extends: str | None = None
    """A profile whose settings hold where this configuration says nothing."""
    name: str = "custom"
    description: str = ""
    environment: Literal["production", "development"] = "production"
    allow_paid: bool = False
    """Lets `development` use paid models; without it they are left out and the limit is $0."""
    models: Models
    routing: Routing = Routing()
    fallback_rules: FallbackRules = FallbackRules()
    hedging: Hedging = Hedging()
    optimization: Optimization = Optimization()
    monitoring: Monitoring = Monitoring()
    quality: Quality = Quality()
    budget: Budget = Budget()
    alerts: Alerts = Alerts()
    scaling: Scaling = Scaling()
    limits: Limits = Limits()
    latency_targets: dict[str, LatencyTarget] = Field(default_factory=dict[str, LatencyTarget])
    """By model id or alias."""
    provider: ProviderPreferences = ProviderPreferences()
    upstream: Upstream = Upstream()
    upstreams: dict[UpstreamName, FurtherUpstream] = Field(default_factory=dict[str, FurtherUpstream])
    """Further servers by a name of yours; their models are `NAME:MODEL` in slots."""
    swarm: Swarm = Swarm()
    mcp_servers: dict[ServerName, McpServer] = Field(default_factory=dict[str, McpServer])
    """MCP servers whose tools agents may use, by a name of yours. Needs the extra `mcp`."""
    tools: Tools = Tools()
    storage: Storage = Storage()
    content: Content = Content()
    baseline: Baseline = Baseline()

    @model_validator(mode="after")
    def _mapped_slots_have_models(self) -> "DeploymentConfig":
        filled = self.models.by_slot()
        for mapping in (self.routing.task_type_mapping, self.routing.complexity_mapping):
            for key, slot in mapping.items():
                if slot not in filled:
                    text = "{key} leads to the slot {slot}, which has no model"
                    raise PydanticCustomError(EMPTY_SLOT, text, {"key": key, "slot": slot})
        return self

    @model_validator(mode="after")
    def _further_models_are_listed(self) -> "DeploymentConfig":
        for slot, entry in self.models.by_slot().items():
            place = place_of(entry.model, self.upstreams)
            known = self.upstreams[place.upstream].models if place.upstream else {}
            if place.upstream and place.model not in known:
                near = nearest(place.model, known)
                text = "models.{slot} is {model}, which upstreams.{upstream}.models does not list{hint}"
                hint = f" (did you mean {place.upstream}:{near}?)" if near else ""
                facts = {"slot": slot, "model": entry.model, "upstream": place.upstream, "hint": hint}
                raise PydanticCustomError(UNKNOWN_PLACE, text, facts)
        return self
