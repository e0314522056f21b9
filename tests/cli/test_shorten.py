"""A prompt shortened at the command line: the prompt alone on standard output, what was done beside it."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.conftest import Command

from farthing.cli.work.counting import ESTIMATE, counter_for

PROMPT = "Please sort these in order to find the largest.\n\nRun `please  now`.\n"


def test_the_prompt_goes_out_and_the_diff_beside_it(farthing: Command) -> None:
    said = farthing("shorten", stdin=PROMPT)
    assert (said.code, said.out) == (0, "Sort these to find the largest.\n\nRun `please  now`.\n")
    lines = said.err.splitlines()
    assert lines[:3] == [
        "@@ message 0, user -1,2 +1,2 @@",
        "-Please sort these in order to find the largest.",
        "+Sort these to find the largest.",
    ]
    assert "\x1b" not in said.err
    assert "verbose phrase" in said.err
    assert lines[-1] == "15 tokens before, 12 after, by our estimate (mean error 8 %)"


def test_json_has_every_change_with_its_rule(farthing: Command) -> None:
    told = farthing("shorten", "-", "--json", stdin=PROMPT).json
    assert (told["tokens_before"], told["tokens_after"]) == (15, 12)
    assert {rule: entry["times"] for rule, entry in told["rules"].items()} == {
        "politeness": 1,
        "verbose phrase": 1,
    }
    assert told["changes"][0] == {
        "rule": "verbose phrase",
        "message": 0,
        "before": "in order to",
        "after": "to",
    }
    assert told["messages"][0]["role"] == "user"


def test_a_conversation_comes_back_as_one(farthing: Command, tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "Please be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Please look."}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"rows": [1, 2, 3, 4]}, indent=2)},
        {"role": "user", "content": "Please keep this.", "pinned": True},
    ]
    path = tmp_path / "conversation.json"
    path.write_text(json.dumps({"messages": messages}), encoding="utf-8")
    found = farthing("shorten", str(path))
    messages[0]["content"] = "Be brief."
    messages[1]["content"] = [{"type": "text", "text": "Look."}]
    messages[3]["content"] = '{"rows":[1,2,3,4]}'
    assert json.loads(found.out) == messages


def test_nothing_to_take_out_says_so(farthing: Command) -> None:
    said = farthing("shorten", stdin="Sort these.")
    assert (said.out, said.err.startswith("nothing to take out")) == ("Sort these.\n", True)


def test_an_approved_rewrite_of_the_configuration_is_used(farthing: Command, tmp_path: Path) -> None:
    prompts = Path(__file__).parents[2] / "examples" / "samples" / "prompts"
    config = {
        "extends": "balanced",
        "optimization": {"promptOptimization": {"rewrites": str(prompts / "rewrites.json")}},
    }
    path = tmp_path / "farthing.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    text = (prompts / "review.txt").read_text(encoding="utf-8")
    said = farthing("shorten", "--config", str(path), stdin=text)
    assert said.out.startswith("Review code for quality, performance, security:\n")
    assert "rewrite code-review" in said.err
    assert said.err.splitlines()[-1].startswith("150 tokens before, 50 after")


@pytest.mark.parametrize(("content", "problem"), [(b"", "empty"), (b"\xff", "not UTF-8")])
def test_what_cannot_be_read_is_an_error(
    farthing: Command, tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    said = farthing("shorten", str(path))
    assert (said.code, problem in said.err) == (2, True)
    assert farthing("shorten", str(tmp_path / "none.txt")).code == 2


def test_an_installed_tokenizer_counts_its_own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def words(text: str) -> int:
        return len(text.split())

    def get_encoding(name: str) -> object:
        asked.append(name)
        return SimpleNamespace(count=words)

    monkeypatch.setitem(sys.modules, "quicktok", SimpleNamespace(get_encoding=get_encoding))
    counter = counter_for("qwen/qwen-2.5-coder-32b-instruct")
    assert (counter.count("one two three"), counter.basis, asked) == (3, "by the tokenizer qwen3", ["qwen3"])
    assert counter_for("deepseek/deepseek-chat").count("one two") == ESTIMATE.count("one two")
    assert "no tokenizer of deepseek" in counter_for("deepseek/deepseek-chat").basis
    monkeypatch.setitem(sys.modules, "quicktok", None)
    assert "farthing[tokens]" in counter_for("meta-llama/llama-3.3-70b-instruct").basis
