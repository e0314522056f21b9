"""What people write as answers is read, or refused with a reason that helps."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.models import Catalog
from farthing.config import answers
from farthing.config.answers import CRITICALITIES, DEMANDS, FAMILIES, Volume
from farthing.config.load import load_catalog
from farthing.task import TASK_TYPES


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("coding=.6,general=.4", {"coding": 0.6, "general": 0.4}),
        (" Coding = 60% , general=40% ", {"coding": 0.6, "general": 0.4}),
        ("structured=1", {"structured": 1.0}),
        ("coding=1,simple=0", {"coding": 1.0}),
        ("typical", None),
        ("don't know", None),
    ],
)
def test_a_workload(text: str, shares: object) -> None:
    assert answers.workload_from(text) == shares


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=len(TASK_TYPES)))
def test_the_shares_of_a_workload_add_up_to_one(parts: list[int]) -> None:
    whole = sum(parts)
    shares = [f"{kind}={part / whole:.6f}" for kind, part in zip(TASK_TYPES, parts, strict=False)]
    read = answers.workload_from(",".join(shares))
    assert read is not None
    assert sum(read.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("10M", Volume(10_000_000, 2_000_000)),
        ("10M/2M", Volume(10_000_000, 2_000_000)),
        ("850k / 1.2m", Volume(850_000, 1_200_000)),
        ("1,000,000", Volume(1_000_000, 200_000)),
        ("2b/0", Volume(2_000_000_000, 0)),
        ("typical", None),
        ("?", None),
    ],
)
def test_a_volume(text: str, volume: object) -> None:
    assert answers.volume_from(text) == volume


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("production", "production"),
        ("PROD", "production"),
        ("testing", "learning"),
        ("mission critical", "mission-critical"),
    ],
)
def test_a_criticality(text: str, word: str) -> None:
    assert answers.criticality_from(text) == word


@pytest.mark.parametrize(
    ("text", "demands"), [("none", []), ("eu", ["eu"]), ("ZDR, no-training", ["zdr", "no-training"])]
)
def test_compliance(text: str, demands: list[str]) -> None:
    assert answers.compliance_from(text) == frozenset(demands)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("200", Decimal(200)), ("$1,000.50", Decimal("1000.50")), ("0", Decimal(0)), ("typical", None)],
)
def test_a_budget(text: str, amount: Decimal | None) -> None:
    assert answers.budget_from(text) == amount


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("claude", FAMILIES["claude"]),
        ("GPT", FAMILIES["gpt"]),
        ("nothing", None),
        ("none", None),
        ("claude-3.5-sonnet", "anthropic/claude-3.5-sonnet"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("acme/brand-new-1", "acme/brand-new-1"),
    ],
)
def test_the_model_of_today(text: str, model: str | None, catalog: Catalog) -> None:
    assert answers.today_from(text, catalog) == model


def test_the_families_models_have_prices(catalog: Catalog) -> None:
    assert [model for model in FAMILIES.values() if catalog.price(model) is None] == []


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (answers.workload_from, "codng=.6,general=.4", "did you mean 'coding'"),
        (answers.workload_from, "coding", "give it as coding=.6,general=.4"),
        (answers.workload_from, "coding=.6,general=.3", "add up to 0.9 and not to 1"),
        (answers.workload_from, "coding=lots", "is no number"),
        (answers.workload_from, "coding=nan", "is not from 0 to 1"),
        (answers.workload_from, "coding=1.5,general=-.5", "is not from 0 to 1"),
        (answers.workload_from, "coding=.5,Coding=.5", "given twice"),
        (answers.workload_from, "", "add up to 0"),
        (answers.volume_from, "lots", "give it as 10M"),
        (answers.volume_from, "-5M", "give it as 10M"),
        (answers.volume_from, "0", "no tokens are no workload"),
        (answers.volume_from, "10M/", "give it as 10M"),
        (answers.volume_from, "9999999B", "more than anybody"),
        (answers.criticality_from, "prduction", "did you mean 'production'"),
        (answers.criticality_from, "", "learning, production, mission-critical"),
        (answers.compliance_from, "eu,zrd", "did you mean 'zdr'"),
        (answers.compliance_from, "none,eu", "'none' is not among"),
        (answers.compliance_from, "", "none, eu, no-training, zdr"),
        (answers.budget_from, "lots", "not an amount of dollars"),
        (answers.budget_from, "-1", "no budget for a month"),
        (answers.budget_from, "1e12", "no budget for a month"),
        (answers.budget_from, "inf", "not a finite amount"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(read: Callable[[str], object], text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        read(text)
    assert said in str(refused.value)


def test_a_word_that_is_no_model_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match=r"did you mean 'claude-3\.5-sonnet'"):
        answers.today_from("claude-3.5-sonet", catalog)


@given(text=st.text(max_size=30))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (
        answers.workload_from,
        answers.volume_from,
        answers.criticality_from,
        answers.compliance_from,
        answers.budget_from,
    ):
        try:
            read(text)
        except ValueError as refused:
            assert str(refused)  # noqa: PT017 - most texts are refused, and some are not


def test_the_words_are_those_of_the_questions() -> None:
    assert (CRITICALITIES, DEMANDS) == (
        ("learning", "production", "mission-critical"),
        ("eu", "no-training", "zdr"),
    )
