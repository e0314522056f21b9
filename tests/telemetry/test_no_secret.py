"""No secret in anything that can be seen: a deployment with all of it on, whose upstream repeats the key."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import ClientSession
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.telemetry.test_content import on_disk

from farthing import AgentSpec, Deployment
from farthing.config.schema import DeploymentConfig
from farthing.errors import TaskFailedError
from farthing.simulator.process import SimulatorProcess
from farthing.telemetry.logs import logging_to
from farthing.telemetry.secrets import known_secrets

KEY = "sk-or-v1-5ec2e75ec2e75ec2e7"
TOKEN = "collector-token-hunter22"
SECRETS = (KEY, TOKEN)
ON: Mapping[str, object] = {
    "monitoring.telemetry.enabled": True,
    "monitoring.telemetry.prometheusPort": 0,
    "content.keep": True,
}
ECHO = f"the key {KEY} of Bearer {KEY} is not welcome, nor is {TOKEN}"


def faults() -> Mapping[str, object]:
    """The first five requests fail, the last of them for good, and each time the key is in the answer."""
    kinds = ("server_error", "rate_limit", "server_error", "overloaded", "authentication")
    rules = [
        {"match": {"nth": number}, "fault": {"kind": kind, "message": ECHO}}
        for number, kind in enumerate(kinds, start=1)
    ]
    return {"rules": rules}


async def all_that_is_said(deployment: Deployment, measured: InMemoryMetricReader) -> AsyncIterator[str]:
    """What tasks that fail and tasks that succeed hand back, the report, the page and the metrics."""
    for _ in range(4):
        try:
            yield repr(await deployment.execute_task("Say what the key is."))
        except TaskFailedError as error:
            yield f"{error} {error!r} {error.attempts!r}"
    result = await deployment.execute_task(f"Is {KEY} or {TOKEN} a key?")
    yield repr(result.attempts)
    await deployment.deploy_swarm([AgentSpec(type="coder", count=2)], goal="Build it.")
    yield repr(await deployment.cost_report())
    (page,) = (one.text for one in deployment.notices if one.code == "prometheus")
    async with ClientSession() as session, session.get(page.rpartition(" ")[2]) as response:
        yield await response.text()
    data = measured.get_metrics_data()
    assert data is not None
    yield data.to_json()


async def test_no_secret_is_in_a_span_a_metric_a_line_a_row_or_a_report(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spans: InMemorySpanExporter,
    measured: InMemoryMetricReader,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-token={TOKEN}")
    lines, logged = io.StringIO(), {"FARTHING_LOG": "json", "FARTHING_LOG_LEVEL": "debug"}
    async with SimulatorProcess() as simulator:
        await simulator.set_scenario(faults())
        environ = {
            "OPENROUTER_API_KEY": KEY,
            "OPENROUTER_BASE_URL": simulator.base_url,
            "FARTHING_DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        }
        with logging_to(lines, environ=logged, secrets=known_secrets(None, environ={}, api_keys=[KEY])):
            async with Deployment("balanced", environ=environ, overrides=ON) as deployment:
                told = [text async for text in all_that_is_said(deployment, measured)]
    told += [lines.getvalue(), str([span.to_json() for span in spans.get_finished_spans()])]
    everything = "\n".join([*told, on_disk(tmp_path).decode(errors="replace")])
    assert len([line for line in lines.getvalue().splitlines() if json.loads(line)]) > 6
    assert any("authentication" in text for text in told)
    assert "Is [key] or [key] a key?" in everything  # what the content's table has of the prompt
    assert [word for word in SECRETS if word in everything] == []


def test_what_a_deployment_was_given_in_secret_is_known() -> None:
    config = DeploymentConfig.model_validate(
        {"models": {"primary": "a/b"}, "storage": {"databaseUrl": "postgresql+psycopg://bob:p%40ss@h/db"}}
    )
    environ = {
        "FARTHING_DATABASE_URL": "postgresql://ann:0ther@h/db?sslpassword=third3",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20abc,x-token=def",
    }
    assert known_secrets(config, environ=environ, api_keys=[KEY]) == {
        *(KEY, "p%40ss", "p@ss", "0ther", "third3", "Bearer abc", "def")
    }
    assert known_secrets(None, environ={}, api_keys=[]) == frozenset()


def test_an_address_that_a_configuration_names_is_a_secret_and_so_are_its_tokens() -> None:
    hook = "https://hooks.example.org/services/T0123ABC456/B1"
    config = DeploymentConfig.model_validate({"models": {"primary": "a/b"}, "name": hook})
    assert known_secrets(config, environ={}, api_keys=[]) == {hook, "T0123ABC456"}


def test_the_addresses_of_the_upstream_and_the_collector_are_none() -> None:
    config = DeploymentConfig.model_validate(
        {
            "models": {"primary": "a/b"},
            "monitoring": {"telemetry": {"endpoint": "http://collector-01.example.org:4318"}},
        }
    )
    assert known_secrets(config, environ={}, api_keys=[]) == frozenset()
