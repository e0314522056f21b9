"""Each row of the error table, played once against a simulator, plain and streamed."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from tests.docs.blocks import ROOT
from tests.faults.rows import ROWS, Row, table

from farthing.deployment import Deployment
from farthing.errors import TaskFailedError
from farthing.result import Attempt
from farthing.routing.reactions import reaction_to
from farthing.simulator.server import start_simulator
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_at, deployment_on
from farthing.upstream.failure import FailureKind

QWEN, LLAMA = "qwen/qwen-2.5-coder-32b-instruct", "meta-llama/llama-3.3-70b-instruct"
MODELS: Mapping[str, object] = {
    "models.primary": QWEN,
    "models.secondary": LLAMA,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "fallbackRules.retryDelay": 0,
}
CASES = [
    pytest.param(row, stream, id=f"{row.condition}, {'streamed' if stream else 'plain'}")
    for row in ROWS
    for stream in (True, False)
    if stream or not row.streamed
]


async def attempts_of(deployment: Deployment) -> tuple[list[Attempt], bool]:
    """The attempts of one task, and whether it was answered."""
    async with deployment:
        try:
            result = await deployment.execute_task("Write a sort.")
        except TaskFailedError as error:
            return cast("list[Attempt]", list(error.attempts)), False
        return list(result.attempts), True


@pytest.mark.parametrize(("row", "stream"), CASES)
async def test_each_condition_ends_as_the_table_says(row: Row, stream: bool, tmp_path: Path) -> None:
    settings = {**MODELS, **row.settings, "upstream.stream": stream, "upstream.totalTimeout": 20}
    if isinstance(row.fault, Reply):
        upstream = ScriptedUpstream([row.fault, answer("whole")])
        attempts, answered = await attempts_of(deployment_on(upstream, tmp_path, overrides=settings))
    else:
        scenario: dict[str, object] = {
            "rules": [{"match": {"nth": 1}, "fault": dict(row.fault)}],
            "generation_lag_polls": 0,
        }
        async with start_simulator(scenario=scenario) as simulator:
            deployment = deployment_at(simulator.base_url, tmp_path, overrides=settings)
            attempts, answered = await attempts_of(deployment)
    first, *later = attempts
    assert first.reason.split()[0].rstrip(":") == row.kind
    action = reaction_to(row.kind).action
    if action == "refuse":
        assert (later, answered) == ([], False)
        return
    assert answered
    (second,) = later
    same = action == "wait" or (action == "next_provider" and first.provider is not None)
    assert (second.model == first.model) is same


def test_every_kind_that_upstream_can_cause_has_a_row() -> None:
    made = {row.kind for row in ROWS}
    not_from_upstream = {FailureKind.cancelled, FailureKind.queue_full, FailureKind.queue_timeout}
    assert made == set(FailureKind) - not_from_upstream


def test_the_guide_has_this_table() -> None:
    page = (ROOT / "docs" / "guides" / "reliability.md").read_text(encoding="utf-8")
    assert table() in page, "python -m tests.faults.rows writes it anew"
