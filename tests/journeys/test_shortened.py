"""Shorter prompts on their way: what is sent, what the result and the ledger say of it."""

from pathlib import Path
from typing import cast

from tests.prompt.test_rewrites import SHORT, TEMPLATE, rewrite

from farthing.deployment import Deployment
from farthing.prompt.rewritefile import write_rewrites
from farthing.prompt.rewrites import Rewrites
from farthing.task import Message, Task
from farthing.testing import ScriptedUpstream, deployment_on

ON = {"optimization.promptOptimization.enabled": True}
PROMPT = "Please sort these in order to find the largest. Thank you in advance!"


def sent(upstream: ScriptedUpstream) -> list[str]:
    messages = cast("list[dict[str, str]]", upstream.requests[-1]["messages"])
    return [one["content"] for one in messages]


def left_out(deployment: Deployment, run_id: str) -> list[int]:
    return [call.intent.shortened_tokens for call in deployment.run_ledger(run_id).calls.values()]


async def test_a_shorter_prompt_is_sent_and_told(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["ok"])
    async with deployment_on(upstream, tmp_path, overrides=ON) as deployment:
        assert not [one for one in deployment.notices if "promptOptimization" in one.text]
        result = await deployment.execute_task(PROMPT, run_id="run")
        assert sent(upstream) == ["Sort these to find the largest."]
        shortening = result.shortening
        assert shortening is not None
        assert [(one.rule, one.before) for one in shortening.changes] == [
            ("politeness", " Thank you in advance!"),
            ("verbose phrase", "in order to"),
            ("politeness", "Please s"),
        ]
        assert left_out(deployment, "run") == [shortening.tokens_before - shortening.tokens_after]
        assert shortening.tokens_after < shortening.tokens_before


async def test_without_the_setting_or_for_its_own_purposes_nothing_changes(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["ok"])
    async with deployment_on(upstream, tmp_path, overrides=ON) as deployment:
        own = Task(messages=(Message(role="user", content=PROMPT),), purpose="rewrite", run_id="run")
        assert (await deployment.execute_task(own)).shortening is None
        assert left_out(deployment, "run") == [0]
    (tmp_path / "other").mkdir()
    other = ScriptedUpstream(["ok"])
    async with deployment_on(other, tmp_path / "other") as deployment:
        assert (await deployment.execute_task(PROMPT)).shortening is None
    assert sent(upstream) == sent(other) == [PROMPT]


async def test_an_approved_rewrite_is_sent_and_not_shortened_again(tmp_path: Path) -> None:
    path = tmp_path / "rewrites.json"
    polite = SHORT + " Please be brief."
    write_rewrites(path, Rewrites(rewrites=(rewrite(after=polite),)))
    upstream = ScriptedUpstream(["ok", "ok"])
    overrides = {**ON, "optimization.promptOptimization.rewrites": str(path)}
    async with deployment_on(upstream, tmp_path, overrides=overrides) as deployment:
        text = TEMPLATE.replace("{what}", "bee").replace("{where}", "Rome")
        result = await deployment.execute_task(text, run_id="run")
        assert sent(upstream) == [polite.replace("{what}", "bee").replace("{where}", "Rome")]
        assert result.shortening is not None
        assert [one.rule for one in result.shortening.changes] == ["rewrite one"]
        assert left_out(deployment, "run")[0] > 0
        await deployment.execute_task(text.replace("called", "named"))
        assert sent(upstream)[0].startswith("Tell me in JSON")
