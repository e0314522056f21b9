"""Reports and routes as tables for people and as JSON for machines. Adds nothing up."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from farthing.cli.work.ledger import LedgerCall, LedgerTask, RunReport, basis_of
from farthing.cli.work.show import counted, facts, percent, table, usd
from farthing.spend.promptcache import PromptCache
from farthing.spend.report import CostLine, CostReport

Json = dict[str, object]

SIMULATED_SENTENCE = (
    "Simulated: a simulator on this machine answered. No request left it and no money was spent; "
    "the dollars are what its bill says."
)
GROUPS = {"by_model": "model", "by_task_type": "task type", "by_role": "role", "by_purpose": "purpose"}
"""The groups of a report and what each line of them is."""


def groups_of(costs: CostReport) -> dict[str, Mapping[str, CostLine]]:
    return {
        "by_model": costs.by_model,
        "by_task_type": costs.by_task_type,
        "by_role": costs.by_role,
        "by_purpose": costs.by_purpose,
    }


def show_costs(out: Console, costs: CostReport, *, is_run: bool) -> None:
    """The sums of a report, settled, held and uncertain apart, and its groups."""
    out.print(facts(sums(costs, is_run=is_run)))
    for name, lines in groups_of(costs).items():
        if lines:
            out.print(group_table(GROUPS[name], lines))
    if costs.simulated:
        out.print(SIMULATED_SENTENCE, style="yellow")


def sums(costs: CostReport, *, is_run: bool) -> Iterable[tuple[str, str]]:
    """The sums of a report as names and values; a run has no limit and no projection of its own."""
    failed = f", {counted(costs.failed_calls, 'failed one')} among them" if costs.failed_calls else ""
    yield "calls", f"{costs.calls:,}{failed}"
    yield "tokens", f"{costs.input_tokens:,} in, {costs.output_tokens:,} out"
    if costs.prompt_cache is not None and costs.prompt_cache.calls:
        yield "cached", cached_in_words(costs.prompt_cache)
    yield "settled", f"{usd(costs.total_spend)} ({_basis(costs)})"
    yield "held", f"{usd(costs.held)} by calls on the wire"
    yield "uncertain", f"{usd(costs.uncertain)} that may have been spent; counted against the limits"
    if costs.reused:
        told = counted(costs.reused, "answer")
        yield "reused", f"{told} given again at $0; asking anew would have cost {usd(costs.saved_by_reuse)}"
    if costs.wasted:
        yield "wasted", f"{usd(costs.wasted)} of the settled, by attempts that failed"
    yield "baseline", f"{usd(costs.baseline_cost)} on {costs.baseline_model} for the same answers"
    yield "saved", f"{usd(costs.savings)}, {percent(costs.savings_percent)} net"
    if not is_run:
        left = "no limit" if costs.limit is None else f"{usd(costs.remaining)} of {usd(costs.limit)}"
        yield "left", left
        yield "projected", f"{usd(costs.projected_monthly)} this month at the rate so far"


def cached_in_words(found: PromptCache) -> str:
    """What came from providers' prompt caches."""
    written = f", {found.written_tokens:,} written to them" if found.written_tokens else ""
    share = percent(found.hit_percent)
    return (
        f"{found.cached_tokens:,} of the tokens in, {share}, from providers' caches{written};"
        f" saved {usd(found.saved)}"
    )


def _prompt_cache_json(found: PromptCache | None) -> Json | None:
    if found is None:
        return None
    return {
        "input_tokens": found.input_tokens,
        "cached_tokens": found.cached_tokens,
        "cache_write_tokens": found.written_tokens,
        "hit_percent": rounded(found.hit_percent),
        "calls": found.calls,
        "saved": found.saved,
    }


def _basis(costs: CostReport) -> str:
    if not costs.computed:
        return "all reported by the provider's bill"
    return f"{usd(costs.computed)} of it computed from usage and dated prices"


def group_table(noun: str, lines: Mapping[str, CostLine]) -> Table:
    """One line a name of a group."""
    return table(
        [noun, "calls", "failed", "settled", "uncertain", "baseline", "saved", "tokens in", "tokens out"],
        [
            [
                name,
                f"{line.calls:,}",
                f"{line.failed:,}",
                usd(line.cost),
                usd(line.uncertain),
                usd(line.baseline),
                percent(line.savings_percent),
                f"{line.input_tokens:,}",
                f"{line.output_tokens:,}",
            ]
            for name, line in lines.items()
        ],
        right=["calls", "failed", "settled", "uncertain", "baseline", "saved", "tokens in", "tokens out"],
    )


def show_run(out: Console, run: RunReport) -> None:
    """Every task of a run with its model, the reason, its attempts and its money; then the total."""
    hidden = _HIDDEN_IF_NARROW if out.width < _NARROW else frozenset[str]()
    columns = [name for name in _RUN_COLUMNS if name not in hidden]
    rows = [_task_row(task) for task in run.tasks]
    made = table(
        columns, [[row[name] for name in columns] for row in rows], right=["cost", "baseline", "saved"]
    )
    total = _total_row(run.costs)
    made.add_section()
    made.add_row(*(total.get(name, "") for name in columns), style="bold")
    out.print(made)


_RUN_COLUMNS = ("agent", "task type", "model", "why", "attempts", "cost", "basis", "baseline", "saved")
_HIDDEN_IF_NARROW = frozenset({"task type", "basis", "baseline"})
_NARROW = 110


def _task_row(task: LedgerTask) -> dict[str, str]:
    answered = task.answered
    last = answered or task.attempts[-1]
    return {
        "agent": task.agent or task.role or "—",
        "task type": task.task_type,
        "model": short(last.model),
        "why": last.why if answered is not None else f"failed: {last.ended or 'under way'}",
        "attempts": _attempts_in_words(task),
        "cost": usd(task.cost),
        "basis": task.basis,
        "baseline": usd(task.baseline_cost) if answered is not None else "—",
        "saved": percent(task.savings_percent) if answered is not None else "—",
    }


def _total_row(costs: CostReport) -> dict[str, str]:
    return {
        "agent": "total",
        "attempts": f"{costs.calls:,}",
        "cost": usd(costs.total_spend + costs.uncertain + costs.held),
        "basis": basis_of(costs),
        "baseline": usd(costs.baseline_cost),
        "saved": percent(costs.savings_percent),
    }


def _attempts_in_words(task: LedgerTask) -> str:
    failed = sum(call.status == "failed" for call in task.attempts)
    return f"{len(task.attempts)}, {failed} failed" if failed else f"{len(task.attempts)}"


def met_in_words(call: LedgerCall) -> str:
    """What a failed attempt met, for a sentence: `a cut stream`, `rate_limited 429, retry after 1 s`."""
    return "a cut stream" if call.ended.split()[:1] == ["cut"] else call.ended


def short(model: str) -> str:
    """A model id without its author."""
    return model.rpartition("/")[2]


def costs_json(costs: CostReport, *, is_run: bool) -> Json:
    """A report as JSON values; percentages to two places, the projection to a nano-dollar."""
    told: Json = {"simulated": costs.simulated}
    if not is_run:
        told |= {"scope": costs.scope, "period": costs.period}
    told |= {
        "total_spend": costs.total_spend,
        "held": costs.held,
        "uncertain": costs.uncertain,
        "computed": costs.computed,
        "cost_basis": basis_of(costs),
        "wasted": costs.wasted,
        "baseline_model": costs.baseline_model,
        "baseline_cost": costs.baseline_cost,
        "savings": costs.savings,
        "savings_percent": rounded(costs.savings_percent),
        "calls": costs.calls,
        "failed_calls": costs.failed_calls,
        "input_tokens": costs.input_tokens,
        "output_tokens": costs.output_tokens,
        "reused": costs.reused,
        "saved_by_reuse": costs.saved_by_reuse,
        "prompt_cache": _prompt_cache_json(costs.prompt_cache),
    }
    if not is_run:
        told |= {
            "limit": costs.limit,
            "remaining": costs.remaining,
            "projected_monthly": round(costs.projected_monthly, 9),
        }
    lines = groups_of(costs)
    return told | {name: {key: line_json(line) for key, line in lines[name].items()} for name in GROUPS}


def line_json(line: CostLine) -> Json:
    return {
        "calls": line.calls,
        "failed": line.failed,
        "cost": line.cost,
        "uncertain": line.uncertain,
        "baseline": line.baseline,
        "savings_percent": rounded(line.savings_percent),
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "reused": line.reused,
        "saved_by_reuse": line.saved,
    }


def run_json(run: RunReport) -> Json:
    """A run's report as JSON values."""
    told: Json = {"run_id": run.run_id, "started_at": run.started_at}
    return told | costs_json(run.costs, is_run=True) | {"tasks": [_task_json(task) for task in run.tasks]}


def _task_json(task: LedgerTask) -> Json:
    answered = task.answered
    return {
        "task_id": task.task_id,
        "agent": task.agent,
        "role": task.role,
        "purpose": task.purpose,
        "task_type": task.task_type,
        "model": None if answered is None else answered.model,
        "reason": None if answered is None else answered.why,
        "cost": task.cost,
        "cost_basis": task.basis,
        "baseline_cost": task.baseline_cost,
        "attempts": [_call_json(call) for call in task.attempts],
    }


def _call_json(call: LedgerCall) -> Json:
    return {
        "call_id": call.call_id,
        "model": call.model,
        "status": call.status,
        "reason": call.why,
        "ended": call.ended,
        "cost": call.cost,
        "cost_basis": call.basis,
        "baseline_cost": call.baseline_cost,
        "input_tokens": call.usage.input_tokens,
        "output_tokens": call.usage.output_tokens,
        "latency_ms": call.latency_ms,
        "provider": call.provider,
        "generation_id": call.generation_id,
    }


def rounded(value: Decimal | None) -> Decimal | None:
    """A percentage to two places."""
    return None if value is None else round(value, 2)
