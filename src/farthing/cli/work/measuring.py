"""Does `farthing rewrites measure`: both forms of a template on the same inputs, side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

from msgspec import structs

from farthing.cli.work import show
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.rewrites import file_of, named, replaced, rewrite_json, trial_in_words
from farthing.cli.work.team import RUN_LIMIT
from farthing.config.load import load_config
from farthing.deployment import Deployment
from farthing.errors import InvalidTaskError
from farthing.names import Names
from farthing.prompt.rewritefile import read_rewrites, write_rewrites
from farthing.prompt.rewrites import Rewrite, Trial
from farthing.prompt.template import rendered, template_of
from farthing.quality.expectations import Check, checks_from, decide
from farthing.quality.jail import run_check
from farthing.result import TaskResult
from farthing.task import Message, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """The command's options as they were given."""

    name: str
    samples: Path | None
    model: str | None
    cap: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One input: what stands in the placeholders, the user's message, and what is expected of the answer."""

    values: Mapping[str, str]
    user: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Sums:
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    passed: int = 0

    def add(self, result: TaskResult, passed: int) -> None:
        self.cost += result.metrics.cost
        self.input_tokens += result.metrics.tokens.input_tokens
        self.output_tokens += result.metrics.tokens.output_tokens
        self.passed += passed


def measure_rewrite(asked: Measuring, source: str | Path | None, file: Path | None, *, as_json: bool) -> None:
    """Raises `BudgetExceededError` where the cap ends it: half a trial is not kept."""
    path = file_of(source, file)
    one = named(read_rewrites(path), asked.name, path)
    samples = samples_from(asked.samples, one)
    trial = run_async(_tried(asked, source, one, samples))
    measured = structs.replace(one, trial=trial)
    write_rewrites(path, replaced(read_rewrites(path), measured))
    if as_json:
        show.write_json(rewrite_json(measured, path))
        return
    show.note(f"{one.id}: {trial_in_words(trial)}")


def samples_from(file: Path | None, one: Rewrite) -> list[Sample]:
    """The samples of a file, or the one that a template without placeholders needs. Raises
    `InvalidTaskError` for one that leaves a placeholder open."""
    names = set(template_of(one.before).names)
    if file is None:
        if names or one.role == "system":
            raise InvalidTaskError(
                f"{one.id} needs values for {', '.join(sorted(names)) or 'a user message'}",
                hint="give --samples FILE",
            )
        return [Sample(values={})]
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTaskError(f"{file} cannot be read: {error}") from None
    found = [_sample(number, line, names) for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise InvalidTaskError(f"{file} has no sample")
    if one.role == "system" and not all(sample.user for sample in found):
        raise InvalidTaskError(f"{one.id} is a system message; each sample needs an `input`")
    return found


def _sample(number: int, line: str, names: set[str]) -> Sample:
    try:
        raw = cast("object", json.loads(line))
    except json.JSONDecodeError as error:
        raise InvalidTaskError(f"line {number} is not JSON: {error.msg}") from None
    if not isinstance(raw, dict):
        raise InvalidTaskError(f"line {number} is no object")
    told = cast("Mapping[str, object]", raw)
    unknown = set(told) - {"values", "input", "check"}
    if unknown:
        raise InvalidTaskError(f"line {number} has {min(unknown)!r}; values, input and check are known")
    values = cast("Mapping[str, object]", told.get("values") or {})
    missing = names - set(values)
    if missing:
        raise InvalidTaskError(f"line {number} has no value for {', '.join(sorted(missing))}")
    return Sample(
        values={name: str(value) for name, value in values.items()},
        user=str(told.get("input") or ""),
        checks=checks_from(told["check"]) if "check" in told else (),
    )


async def _tried(
    asked: Measuring, source: str | Path | None, one: Rewrite, samples: Sequence[Sample]
) -> Trial:
    before, after = _Sums(), _Sums()
    models: dict[str, None] = {}
    config = load_config(source, overrides={RUN_LIMIT: asked.cap})
    run_id = Names().new("rewrite")
    async with Deployment(config) as deployment:
        for sample in samples:
            for text, sums in ((one.before, before), (one.after, after)):
                result = await deployment.execute_task(_task(text, one, sample, asked.model, run_id))
                sums.add(result, await _passed(sample.checks, result.output))
                models[result.model] = None
        simulated = deployment.simulated
    return Trial(
        at=datetime.now(UTC).replace(microsecond=0),
        inputs=len(samples),
        models=tuple(models),
        cost_before=before.cost,
        cost_after=after.cost,
        input_tokens_before=before.input_tokens,
        input_tokens_after=after.input_tokens,
        output_tokens_before=before.output_tokens,
        output_tokens_after=after.output_tokens,
        checks=sum(len(sample.checks) for sample in samples),
        passed_before=before.passed,
        passed_after=after.passed,
        simulated=simulated,
    )


def _task(text: str, one: Rewrite, sample: Sample, model: str | None, run_id: str) -> Task:
    """Its purpose keeps it from being shortened on the way: both forms are sent as they are."""
    said = Message(role=one.role, content=rendered(template_of(text), sample.values))
    messages = (said, Message(role="user", content=sample.user)) if sample.user else (said,)
    return Task(messages=messages, model=model, run_id=run_id, purpose="rewrite", cache=False)


async def _passed(checks: Sequence[Check], answer: str) -> int:
    return sum([(decide(check, answer) or await run_check(check, answer)).passed for check in checks])
