"""What is written down of a run so that another process can go on with it, and what is read back. Pure.

The order (what was asked for), how pieces ended, and the money of journalled steps as the ledger has it by
now. Where it is written is `runs.py`'s; tools are found by `importing.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec
from msgspec import structs

from farthing.errors import BudgetExceededError, FarthingError, SwarmError, TaskFailedError
from farthing.money import from_nano
from farthing.result import Attempt, CostBasis, TaskResult
from farthing.spend.runs import Call, Fold
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.results import WorkResult, weakest
from farthing.task import Labels, Tool


class ToolOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool as it was handed over. `run`: the path of its function; `runs` without one: code must hand it
    over again."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = {}
    runs: bool = False
    run: str | None = None
    whole: bool = False
    """Whether that function alone was handed over: all else of the tool is read from it. Without a function
    it is only a name, whose tools the deployment has."""
    effects: bool = False
    source: str = ""


class SpecOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An `AgentSpec`, its tools by name or by capability."""

    type: str
    count: int = 1
    capabilities: tuple[str, ...] = ()
    instructions: str = ""
    tools: tuple[ToolOrder, ...] = ()
    tools_by: Mapping[str, tuple[ToolOrder, ...]] | None = None
    model: str | None = None
    budget_usd: Decimal | None = None
    handoffs: tuple["str | SpecOrder", ...] = ()
    delegates: tuple["str | SpecOrder", ...] = ()
    output: str | None = None
    """The path of the type of its output; a type that has none is written down as its schema."""
    output_schema: Mapping[str, object] | None = None

    @property
    def all_tools(self) -> tuple[ToolOrder, ...]:
        """Its own, and those of the agents that it may turn to."""
        others = (one for one in (*self.handoffs, *self.delegates) if isinstance(one, SpecOrder))
        given = (tool for tools in (self.tools_by or {}).values() for tool in tools)
        return (*self.tools, *given, *(tool for one in others for tool in one.all_tools))


class RunOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for. `profile`: what the deployment was configured by, where that has a name."""

    goal: str
    specs: tuple[SpecOrder, ...]
    tools: Mapping[str, tuple[ToolOrder, ...]] = {}
    budget_usd: Decimal | None = None
    labels: Labels | None = None
    profile: str | None = None
    roles: Mapping[str, Mapping[str, object]] = {}
    """Roles of its own, which the configuration lacks."""
    orchestration: object = None
    """JSON of the pattern or swarm file, where it is not stages in the order of the specs."""

    @property
    def all_tools(self) -> tuple[ToolOrder, ...]:
        """Every tool once, by name."""
        found = {tool.name: tool for given in self.tools.values() for tool in given}
        for spec in self.specs:
            found.update({tool.name: tool for tool in spec.all_tools})
        return tuple(found.values())

    @property
    def to_hand_over(self) -> tuple[str, ...]:
        """The tools that another process cannot find by itself."""
        return tuple(tool.name for tool in self.all_tools if tool.runs and tool.run is None)


class PieceEnd(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a piece ended, without its texts. `error`: the name of its class, where it failed."""

    agent_id: str
    role: str
    stage: int
    title: str
    ended_us: int
    pieces: int = 0
    """How many pieces the run had when it ended."""
    tools_run: int = 0
    model: str = ""
    error: str = ""
    message: str = ""
    hint: str | None = None
    scope: str = ""
    """Of the limit that was reached."""
    attempts: tuple[Attempt, ...] = ()
    """Of a failed piece: a finished one's are in its steps."""


class RefusedScope(msgspec.Struct, frozen=True):
    """What is left of a refusal: which scope's limit it was."""

    scope: str


class RefusalRead(msgspec.Struct, frozen=True):
    """A refusal as it is read back."""

    key: RefusedScope


_KINDS: Mapping[str, type[FarthingError]] = {
    kind.__name__: kind for kind in (SwarmError, TaskFailedError, BudgetExceededError, FarthingError)
}


def piece_end(work: WorkResult, *, at_us: int) -> PieceEnd:
    error = work.error
    told = PieceEnd(
        agent_id=work.agent_id,
        role=work.role,
        stage=work.stage,
        title=work.title,
        ended_us=at_us,
        tools_run=work.tools_run,
    )
    if error is None:
        return structs.replace(told, model=work.result.model if work.result else "")
    kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in _KINDS)
    return structs.replace(
        told,
        error=kind,
        message=error.message,
        hint=error.hint,
        scope=scope_of(error),
        attempts=work.attempts,
    )


def failed_work(end: PieceEnd) -> WorkResult:
    """The result of a piece that failed, as it was."""
    error: FarthingError
    if end.error == BudgetExceededError.__name__:
        refusal = RefusalRead(RefusedScope(end.scope))
        error = BudgetExceededError(end.message, refusal=refusal, hint=end.hint)
    else:
        error = _KINDS.get(end.error, FarthingError)(end.message, hint=end.hint)
    return WorkResult(
        agent_id=end.agent_id,
        role=end.role,
        stage=end.stage,
        title=end.title,
        error=error,
        attempts=end.attempts,
        tools_run=end.tools_run,
    )


def scope_of(error: FarthingError) -> str:
    """Which scope's limit a refusal was; empty for any other error."""
    # Read by name, as the swarm's stages do.
    key: object = getattr(getattr(error, "refusal", None), "key", None)
    return str(getattr(key, "scope", ""))


OutputAt: TypeAlias = Callable[[str], object]
"""Finds the type of an output by its path; where there is none, the output is not typed again."""


def spec_of(
    order: SpecOrder, tools: Mapping[str, ToolSource], output_at: OutputAt | None = None
) -> AgentSpec:
    """The spec again, with its tools taken from `tools` by name."""
    given: Sequence[ToolSource] | Mapping[str, Sequence[ToolSource]]
    if order.tools_by is None:
        given = [tools[one.name] for one in order.tools]
    else:
        given = by_capability(order.tools_by, tools)
    return AgentSpec(
        type=order.type,
        count=order.count,
        capabilities=order.capabilities,
        instructions=order.instructions,
        tools=given,
        model=order.model,
        budget_usd=order.budget_usd,
        handoffs=_others(order.handoffs, tools, output_at),
        delegates=_others(order.delegates, tools, output_at),
        output_type=None if order.output is None or output_at is None else output_at(order.output),
        output_schema=order.output_schema,
    )


def _others(
    orders: Sequence[str | SpecOrder], tools: Mapping[str, ToolSource], output_at: OutputAt | None
) -> tuple[str | AgentSpec, ...]:
    return tuple(one if isinstance(one, str) else spec_of(one, tools, output_at) for one in orders)


def by_capability(
    orders: Mapping[str, Sequence[ToolOrder]], tools: Mapping[str, ToolSource]
) -> dict[str, Sequence[ToolSource]]:
    return {capability: [tools[one.name] for one in given] for capability, given in orders.items()}


def tool_order(tool: Tool, path: str | None, *, whole: bool) -> ToolOrder:
    if whole and path is not None:
        return ToolOrder(name=tool.name, runs=True, run=path, whole=True)
    return ToolOrder(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters,
        runs=tool.run is not None,
        run=path,
        effects=tool.effects,
        source=tool.source,
    )


def priced_again(result: TaskResult, calls: Mapping[str, Call]) -> TaskResult:
    """A journalled result with the money that the ledger has for its attempts by now: a bill that was still
    to be asked for when it was journalled may have come."""
    attempts = tuple(_priced(one, calls.get(one.call_id)) for one in result.attempts)
    if attempts == result.attempts:
        return result
    metrics = structs.replace(
        result.metrics,
        cost=sum((one.cost for one in attempts), Decimal(0)),
        cost_basis=weakest(one.cost_basis for one in attempts if one.cost or one.status == "accepted"),
    )
    return structs.replace(result, attempts=attempts, metrics=metrics)


def _priced(attempt: Attempt, call: Call | None) -> Attempt:
    if call is None or call.outcome is None:
        return attempt
    cost, basis = _money_of(call)
    return structs.replace(attempt, cost=cost, cost_basis=basis)


def _money_of(call: Call) -> tuple[Decimal, CostBasis]:
    if call.cost is None or call.outcome is None:
        return from_nano(call.worst), "uncertain"
    return from_nano(call.cost), call.outcome.basis


def interrupted(fold: Fold, journalled: Iterable[str]) -> tuple[Attempt, ...]:
    """The calls of a run that the ledger has and the journal has not: they ended with their process, or their
    step was not yet whole."""
    known = set(journalled)
    return tuple(_lost(call) for call in fold.calls.values() if call.call_id not in known)


def _lost(call: Call) -> Attempt:
    cost, basis = _money_of(call)
    outcome = call.outcome
    return Attempt(
        call_id=call.call_id,
        model=call.intent.model,
        status="failed",
        reason="interrupted" if outcome is None else outcome.reason,
        cost=cost,
        cost_basis=basis,
        latency_ms=0.0 if outcome is None else outcome.latency_ms,
        generation_id=call.generation_id,
        provider=None if outcome is None else outcome.provider,
    )


def decode_order(body: str) -> RunOrder:
    """Raises `SwarmError` for a run that this version cannot read."""
    try:
        return _decode_order(body)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SwarmError(f"what was asked of this run cannot be read: {error}") from error


def encode(value: RunOrder | PieceEnd) -> str:
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(RunOrder).decode
decode_piece_end = msgspec.json.Decoder(PieceEnd).decode
decode_result = msgspec.json.Decoder(TaskResult).decode
