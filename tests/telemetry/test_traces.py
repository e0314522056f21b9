"""Spans of tasks, attempts, loops and swarms, as a program's own provider has them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from farthing import AgentSpec, Deployment, TokenReceived
from farthing.errors import BudgetExceededError, NoCandidateError, TaskFailedError
from farthing.swarm.run import Swarm
from farthing.testing import (
    ScriptedExchange,
    ScriptedUpstream,
    VirtualClock,
    answer,
    cut,
    deployment_on,
    failure,
    hang,
)
from farthing.upstream.transport import TransportFault

QWEN = "qwen/qwen-2.5-coder-32b-instruct"
LLAMA = "meta-llama/llama-3.3-70b-instruct"
ON: Mapping[str, object] = {"monitoring.telemetry.enabled": True}


def watched(upstream: ScriptedUpstream, folder: Path, **overrides: object) -> Deployment:
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides={**ON, **named})


def said(span: ReadableSpan) -> Mapping[str, object]:
    return span.attributes or {}


def named(spans: InMemorySpanExporter, start: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name.startswith(start)]


def only(spans: InMemorySpanExporter, start: str) -> ReadableSpan:
    found = named(spans, start)
    assert len(found) == 1, [span.name for span in spans.get_finished_spans()]
    return found[0]


def ids(span: ReadableSpan) -> SpanContext:
    found = span.context
    assert found is not None
    return found


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == ids(parent).span_id


async def test_a_task_is_a_span_with_one_in_it_for_each_attempt(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    upstream = ScriptedUpstream([failure(429, retry_after=30), answer("done", cost="0.000002")])
    async with watched(upstream, tmp_path) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
    task, (failed, accepted) = only(spans, "task coding"), named(spans, "chat ")
    assert [span.name for span in (failed, accepted)] == [f"chat {QWEN}", f"chat {LLAMA}"]
    assert is_child(failed, task)
    assert is_child(accepted, task)
    assert (task.parent, task.kind, failed.kind) == (None, SpanKind.INTERNAL, SpanKind.CLIENT)
    assert (failed.status.status_code, said(failed)["error.type"]) == (StatusCode.ERROR, "rate_limited")
    assert failed.status.description == "rate_limited 429, retry after 30 s"
    assert said(task)["farthing.task.cost_usd"] == "0.000002"
    assert Decimal(str(said(task)["farthing.baseline_cost_usd"])) == result.metrics.baseline_cost
    assert said(task)["farthing.route.reason"] == result.route.reason
    assert said(task)["farthing.task_id"] == result.task_id
    assert "farthing.cost_usd" not in said(task)
    assert task.status.status_code is StatusCode.UNSET


async def test_an_attempt_says_what_was_asked_for_and_how_it_ended(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    upstream = ScriptedUpstream([answer("done", cost="0.000002", model=QWEN)])
    async with watched(upstream, tmp_path) as deployment:
        result = await deployment.execute_task(
            type="coding", description="Write a sort.", temperature=0.2, tags=("t1",), key="acme"
        )
    accepted = only(spans, "chat ")
    assert {name: said(accepted)[name] for name in sorted(said(accepted))} == {
        "farthing.attempt": 1,
        "farthing.call_id": result.attempts[0].call_id,
        "farthing.cost_basis": "reported",
        "farthing.cost_usd": "0.000002",
        "farthing.key": "acme",
        "farthing.purpose": "task",
        "farthing.served_by": "Scripted",
        "farthing.simulated": True,
        "farthing.status": "accepted",
        "farthing.tags": ("t1",),
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openrouter",
        "gen_ai.request.model": QWEN,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "gen-1",
        "gen_ai.response.model": QWEN,
        "gen_ai.response.time_to_first_chunk": pytest.approx(0.5, abs=0.5),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": 9,
    }


async def test_a_key_that_a_caller_wrote_into_a_tag_is_cut_out(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with watched(ScriptedUpstream(["four"]), tmp_path) as deployment:
        await deployment.execute_task("What is it?", tags=("sk-or-no-key-in-tests", "ghp_0123456789abcdef"))
    assert said(only(spans, "chat "))["farthing.tags"] == ("[key]", "[key]")


async def test_the_callers_span_is_the_parent_and_is_current_between_events(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    tracer = trace.get_tracer("a program")
    upstream = ScriptedUpstream([answer("one two")])
    seen: list[trace.Span] = []
    async with watched(upstream, tmp_path) as deployment:
        with tracer.start_as_current_span("request") as mine:
            async for _ in deployment.stream_task("Say it."):
                seen.append(trace.get_current_span())  # noqa: PERF401 - the point is when it is asked
    assert seen
    assert all(span is mine for span in seen)
    assert is_child(only(spans, "task "), only(spans, "request"))


def test_the_sync_doors_have_the_callers_span_as_parent(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    tracer = trace.get_tracer("a program")
    with (
        watched(ScriptedUpstream(["four"]), tmp_path) as deployment,
        tracer.start_as_current_span("request"),
    ):
        deployment.execute_task_sync("What is two and two?")
    assert is_child(only(spans, "task "), only(spans, "request"))


class Looking(ScriptedUpstream):
    """Sees which span is current when a request is sent: what an instrumented client would be put in."""

    def __init__(self, script: Sequence[str]) -> None:
        super().__init__(script)
        self.current: list[object] = []

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> ScriptedExchange | TransportFault:
        if body is not None:
            self.current.append(getattr(trace.get_current_span(), "name", None))
        return await super().exchange(method, url, headers=headers, body=body, on_sent=on_sent)


@pytest.mark.parametrize("stream", [True, False])
async def test_an_attempts_span_is_current_while_it_is_sent(
    tmp_path: Path, spans: InMemorySpanExporter, stream: bool
) -> None:
    upstream = Looking(["four"])
    async with watched(upstream, tmp_path) as deployment:
        if stream:
            async for _ in deployment.stream_task("What is two and two?"):
                pass
        else:
            await deployment.execute_task("What is two and two?")
    assert upstream.current == [only(spans, "chat ").name]


async def test_what_ends_a_task_is_its_error_type(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    upstream = ScriptedUpstream([failure(401, "no such key")])
    async with watched(upstream, tmp_path) as deployment:
        with pytest.raises(TaskFailedError):
            await deployment.execute_task("Explain it.")
    task, attempt = only(spans, "task "), only(spans, "chat ")
    assert (said(task)["error.type"], said(attempt)["error.type"]) == ("TaskFailedError", "authentication")
    assert task.status.status_code is StatusCode.ERROR


async def test_a_refusal_of_money_is_an_attempt_that_was_refused(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with watched(ScriptedUpstream(), tmp_path, budget__monthlyLimit=0) as deployment:
        with pytest.raises((BudgetExceededError, NoCandidateError)):
            await deployment.execute_task("Explain it.")
    task = only(spans, "task")
    assert said(task)["error.type"] in {"BudgetExceededError", "NoCandidateError"}
    assert {said(span)["farthing.status"] for span in named(spans, "chat ")} <= {"refused"}


async def test_a_reader_who_leaves_ends_both_spans_as_cancelled(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    upstream = ScriptedUpstream([hang("half")])
    async with watched(upstream, tmp_path) as deployment:
        stream = deployment.stream_task("Tell it.")
        async for event in stream:
            if isinstance(event, TokenReceived):
                break
        await stream.aclose()
    assert said(only(spans, "chat "))["error.type"] == "cancelled"
    assert said(only(spans, "task "))["error.type"] == "cancelled"


async def test_tasks_side_by_side_keep_to_their_own_spans(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    upstream = ScriptedUpstream(["a", "b", "c"])
    async with watched(upstream, tmp_path) as deployment:
        await asyncio.gather(*(deployment.execute_task(f"Say {n}.") for n in range(3)))
    tasks = {ids(span).span_id for span in named(spans, "task ")}
    assert {span.parent.span_id for span in named(spans, "chat ") if span.parent} == tasks
    assert len(tasks) == 3


def get_weather(city: str) -> str:
    """The weather in a city."""
    with trace.get_tracer("a program").start_as_current_span("look up"):
        return f"rain in {city}"


async def test_a_loop_has_a_span_with_its_model_calls_and_tools(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    call = {"id": "c1", "function": {"name": "get_weather", "arguments": '{"city": "Secretville"}'}}
    upstream = ScriptedUpstream([answer("", tool_calls=[call]), "It rains."])
    async with watched(upstream, tmp_path) as deployment:
        await deployment.execute_task("How is it there?", tools=[get_weather])
    loop, tool = only(spans, "invoke_agent"), only(spans, "execute_tool get_weather")
    assert all(is_child(span, loop) for span in (tool, *named(spans, "task "), only(spans, "look up")))
    assert [said(span)["farthing.purpose"] for span in named(spans, "chat ")] == ["task", "tool_step"]
    assert "Secretville" not in str([span.to_json() for span in spans.get_finished_spans()])


async def swarm_of(deployment: Deployment) -> Swarm:
    agents = [AgentSpec(type="researcher", count=2), AgentSpec(type="coder", count=1)]
    return await deployment.deploy_swarm(agents, goal="Design a garden.", budget_usd="1")


async def test_a_swarms_run_has_its_agents_and_they_their_tasks(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with watched(ScriptedUpstream(["a", "b", "c", "all"]), tmp_path) as deployment:
        swarm = await swarm_of(deployment)
    run, agents = only(spans, "invoke_workflow swarm"), named(spans, "invoke_agent ")
    assert run.parent is None
    assert (said(run)["farthing.run_id"], said(run)["farthing.agents"]) == (swarm.run_id, 3)
    assert said(run)["farthing.run.cost_usd"] == format(swarm.total_cost.normalize(), "f")
    assert all(is_child(agent, run) for agent in agents)
    by_agent = {said(agent)["gen_ai.agent.name"]: agent for agent in agents}
    assert set(by_agent) == {"researcher-1", "researcher-2", "coder-1", "synthesis"}
    tasks = named(spans, "task ")
    assert len(tasks) == 4
    assert all(is_child(task, by_agent[said(task)["farthing.agent_id"]]) for task in tasks)


async def test_an_agent_that_is_asked_stands_in_the_one_that_asks_it(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    call = {"id": "a", "function": {"name": "ask_researcher", "arguments": '{"task": "which?"}'}}
    upstream = ScriptedUpstream([answer("", tool_calls=[call]), "this", "so", "all"])
    async with watched(upstream, tmp_path) as deployment:
        await deployment.deploy_swarm([AgentSpec(type="coder", delegates=["researcher"])], goal="Choose.")
    by_agent = {said(agent)["gen_ai.agent.name"]: agent for agent in named(spans, "invoke_agent ")}
    asked = by_agent["coder-1/ask_researcher-1"]
    assert is_child(asked, by_agent["coder-1"])
    tasks = [span for span in named(spans, "task ") if is_child(span, asked)]
    assert [said(task)["farthing.role"] for task in tasks] == ["researcher"]
    assert not [span for span in named(spans, "invoke_agent ") if "error.type" in said(span)]


async def test_an_agent_that_fails_says_so_and_the_next_run_is_a_trace_of_its_own(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    script = [failure(401), failure(401), *["a", "b", "c", "all"]]
    async with watched(ScriptedUpstream(script), tmp_path) as deployment:
        swarm = await swarm_of(deployment)
        await swarm.run()
    first, second = named(spans, "invoke_workflow swarm")
    assert (said(first)["error.type"], second.status.status_code) == ("stopped", StatusCode.UNSET)
    failed = [span for span in named(spans, "invoke_agent ") if "error.type" in said(span)]
    assert [said(span)["error.type"] for span in failed] == ["TaskFailedError"] * 2
    assert ids(first).trace_id != ids(second).trace_id


async def test_a_run_that_is_left_ends_its_spans(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    upstream = ScriptedUpstream([hang("a"), hang("b")])
    async with watched(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm([AgentSpec(type="researcher", count=2)])
        stream = swarm.stream("Design a garden.")
        async for _ in stream:
            if len(upstream.requests) == 2:
                break
        await stream.aclose()
    assert said(only(spans, "invoke_workflow"))["error.type"] == "cancelled"
    assert {said(span)["error.type"] for span in named(spans, "invoke_agent ")} == {"cancelled"}


async def test_no_word_of_a_prompt_or_an_answer_is_in_a_span(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    upstream = ScriptedUpstream([cut("the answer MARKER-2"), answer("MARKER-3"), *["MARKER-4"] * 4])
    async with watched(upstream, tmp_path) as deployment:
        await deployment.execute_task(type="coding", description="Say MARKER-1.")
        await deployment.deploy_swarm([AgentSpec(type="coder", count=2)], goal="Do MARKER-5.")
    assert len(spans.get_finished_spans()) > 8
    assert "MARKER" not in str([span.to_json() for span in spans.get_finished_spans()])


class Breaking(SpanProcessor):
    """A program's processor with a fault."""

    def on_start(self, span: object, parent_context: object = None) -> None:
        raise RuntimeError("a processor is broken")


async def test_a_processor_that_raises_breaks_no_task_and_no_swarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Breaking())
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    async with watched(ScriptedUpstream(["four", "a", "b", "c", "all"]), tmp_path) as deployment:
        result = await deployment.execute_task("What is two and two?")
        swarm = await swarm_of(deployment)
    assert (result.output, len(swarm.results)) == ("four", 4)
    assert "RuntimeError" in caplog.text
    assert "a processor is broken" not in caplog.text
