"""Keeps a run as files: `result.md`, one file per agent, and `run.json` with every task and its money.

Writes one folder per run, whole or not at all, and never into a folder that exists. Nothing is added up
here: sums are those of the result.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from farthing.errors import SwarmError
from farthing.money import format_usd
from farthing.result import Attempt
from farthing.swarm.results import SwarmResult, Totals, WorkResult
from farthing.task import Usage

Json = dict[str, object]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_COPIES = 100


def write_run(result: SwarmResult, directory: Path) -> Path:
    """Writes the run under `directory` and returns its folder, named by the run's id.

    Where that folder exists, `-2`, `-3` … is added: no file of another run is touched. Money is decimal text
    of dollars in `run.json`. Raises `OSError` when the disk refuses.
    """
    directory.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=directory))
    try:
        for name, text in run_files(result).items():
            path = draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        return _placed(draft, directory, _safe(result.run_id))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def run_files(result: SwarmResult) -> dict[str, str]:
    """The files of a run by their path inside its folder."""
    files = {
        "result.md": _result_page(result),
        "run.json": json.dumps(run_json(result), indent=2, ensure_ascii=False) + "\n",
    }
    by_agent: dict[str, list[WorkResult]] = {}
    for piece in result.results:
        by_agent.setdefault(piece.agent_id, []).append(piece)
    for agent_id, pieces in by_agent.items():
        files[f"agents/{_safe(agent_id)}.md"] = "\n\n".join(_piece_page(piece) for piece in pieces) + "\n"
    return files


def run_json(result: SwarmResult) -> Json:
    """The run as JSON values; money as decimal text in dollars, times as ISO 8601 in UTC."""
    return {
        "run_id": result.run_id,
        "goal": result.goal,
        "simulated": result.simulated,
        "stopped": result.stopped,
        "started_at": result.started_at.isoformat(),
        "finished_at": result.finished_at.isoformat(),
        "totals": _totals_json(result.totals),
        "unlisted": result.unlisted.finished + result.unlisted.failed,
        "tasks": [_piece_json(piece) for piece in result.results],
        "interrupted": [_attempt_json(attempt) for attempt in result.interrupted],
    }


def _placed(draft: Path, directory: Path, name: str) -> Path:
    for number in range(1, _COPIES + 1):
        target = directory / (name if number == 1 else f"{name}-{number}")
        try:
            target.mkdir()  # whoever makes the folder owns the name; an existing one is never replaced
        except FileExistsError:
            continue
        return draft.replace(target)  # POSIX replaces an empty folder in one step
    raise SwarmError(f"{directory / name} and {_COPIES - 1} more exist already; choose another directory")


def _safe(name: str) -> str:
    """The name as one that cannot leave its folder."""
    return _UNSAFE.sub("_", name).lstrip(".") or "unnamed"


def _totals_json(totals: Totals) -> Json:
    return {
        "cost": _money(totals.cost),
        "cost_basis": totals.cost_basis,
        "baseline_cost": _money(totals.baseline_cost),
        "net_savings": _money(totals.net_savings),
        "savings_percent": None if totals.savings_percent is None else f"{totals.savings_percent:.2f}",
        "tokens": _tokens(totals.tokens),
        "attempts": totals.attempts,
        "finished": totals.finished,
        "failed": totals.failed,
    }


def _piece_json(piece: WorkResult) -> Json:
    told: Json = {
        "agent": piece.agent_id,
        "role": piece.role,
        "stage": piece.stage,
        "title": piece.title,
        "ok": piece.ok,
        "error": str(piece.error) if piece.error else None,
        "cost": _money(piece.cost),
        "cost_basis": piece.cost_basis,
        "tools_run": piece.tools_run,
        "attempts": [_attempt_json(attempt) for attempt in piece.attempts],
    }
    return told | _result_json(piece)


def _result_json(piece: WorkResult) -> Json:
    result = piece.result
    if result is None:
        return {}
    chosen = next((one.reason for one in result.route.candidates if one.model == result.model), None)
    return {
        "task_id": result.task_id,
        "model": result.model,
        "reason": chosen or result.route.reason,
        "task_type": result.route.task_type,
        "complexity": result.route.complexity,
        "baseline_cost": _money(result.metrics.baseline_cost),
        "baseline_model": result.metrics.baseline_model,
        "tokens": _tokens(result.metrics.tokens),
        "latency_ms": result.metrics.latency_ms,
        "finish_reason": result.finish_reason,
        "cached": result.cached,
        "clamped": result.clamped,
        "emulated_tools": result.emulated_tools,
        "simulated": result.simulated,
    }


def _attempt_json(attempt: Attempt) -> Json:
    return {
        "call_id": attempt.call_id,
        "model": attempt.model,
        "status": attempt.status,
        "reason": attempt.reason,
        "cost": _money(attempt.cost),
        "cost_basis": attempt.cost_basis,
        "latency_ms": attempt.latency_ms,
        "generation_id": attempt.generation_id,
        "provider": attempt.provider,
    }


def _tokens(usage: Usage) -> Mapping[str, int]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "cache_write": usage.cache_write_tokens,
        "reasoning": usage.reasoning_tokens,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _result_page(result: SwarmResult) -> str:
    totals = result.totals
    lines = [f"# {' '.join(result.goal.split())}", ""]
    if result.simulated:
        lines += ["*Simulated: the answers come from a simulator, and no money was spent.*", ""]
    if result.stopped is not None:
        lines += [
            f"**Stopped before the end:** {result.stopped}",
            "",
            "What was done is under `agents/`.",
            "",
        ]
    if result.output:
        lines += [result.output, ""]
    facts = (
        f"{totals.finished} finished, {totals.failed} failed, {format_usd(totals.cost)} {totals.cost_basis}"
    )
    return "\n".join([*lines, "---", "", f"Run {result.run_id}: {facts}.", ""])


def _piece_page(piece: WorkResult) -> str:
    head = [f"# {piece.agent_id}: {piece.title}", ""]
    spent = f"{format_usd(piece.cost)} {piece.cost_basis}"
    if piece.result is None:
        return "\n".join([*head, f"*Failed; {spent}.*", "", str(piece.error)])
    note = "; simulated" if piece.result.simulated else ""
    return "\n".join([*head, f"*{piece.result.model}; {spent}{note}.*", "", piece.result.output])
