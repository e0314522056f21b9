"""The rules of the first day: which profile, why, and which settings make the difference."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.models import Catalog
from farthing.config import recommend
from farthing.config.answers import CRITICALITIES, DEMANDS, FAMILIES, Answers
from farthing.config.load import load_catalog, load_config, profile_names
from farthing.config.packaged import profile_values
from farthing.config.recommend import EUROPEAN_MODEL, EUROPEAN_PROVIDERS
from farthing.config.schema import DeploymentConfig
from farthing.config.starter import config_text
from farthing.spend.calculator import CostCalculator, UsageProfile
from farthing.task import TaskType


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def profile(name: str) -> DeploymentConfig:
    return DeploymentConfig.model_validate(profile_values(name))


def stated(answers: Answers, catalog: Catalog) -> dict[str, object]:
    choice = recommend.choose(answers)
    found = recommend.settings(answers, choice, profile(choice.profile), catalog)
    assert all(setting.meaning for setting in found)
    return {setting.path: setting.value for setting in found}


@pytest.mark.parametrize(
    ("answers", "name", "word"),
    [
        (Answers(), "balanced", "mixed work"),
        (Answers(criticality="learning"), "budget", "cost comes first"),
        (Answers(criticality="mission-critical"), "premium", "specialist"),
        (Answers(compliance=frozenset({"zdr"})), "production", "strict"),
        (Answers(workload={"structured": 0.3, "coding": 0.7}), "premium", "30 % structured"),
        (Answers(workload={"structured": 0.29, "coding": 0.71}), "balanced", "mixed work"),
        (Answers(workload={"structured": 1.0}, compliance=frozenset({"eu"})), "production", "strict"),
        (Answers(workload={"structured": 1.0}, criticality="learning"), "budget", "cost comes first"),
        (Answers(criticality="mission-critical", compliance=frozenset({"eu"})), "premium", "specialist"),
        (Answers(criticality="mission-critical", budget=Decimal(0)), "budget", "free models"),
    ],
)
def test_the_rules(answers: Answers, name: str, word: str) -> None:
    choice = recommend.choose(answers)
    assert choice.profile == name
    assert word in choice.reasons[0]


def test_a_named_profile_is_taken_and_the_rule_is_told() -> None:
    choice = recommend.choose(Answers(criticality="learning"), named="premium")
    assert (choice.profile, choice.named) == ("premium", True)
    assert "by the rules it would be budget" in choice.reasons[0]
    assert not recommend.choose(Answers(), named="balanced").named


def test_without_answers_the_file_says_nothing_but_its_profile(catalog: Catalog) -> None:
    assert stated(Answers(), catalog) == {}


def test_a_budget_is_the_hard_limit_and_a_days_share_follows_it(catalog: Catalog) -> None:
    assert stated(Answers(budget=Decimal(40)), catalog) == {"budget.monthlyLimit": 40}
    strict = Answers(budget=Decimal(40), compliance=frozenset({"no-training"}))
    assert stated(strict, catalog) == {"budget.monthlyLimit": 40, "budget.dailyLimit": 4}


def test_a_budget_of_nothing_is_development_with_free_models(catalog: Catalog) -> None:
    assert stated(Answers(budget=Decimal(0)), catalog) == {"environment": "development"}


def test_compliance_is_provider_preferences(catalog: Catalog) -> None:
    learning = Answers(criticality="learning", compliance=frozenset({"no-training"}))
    assert stated(learning, catalog) == {"provider.dataCollection": "deny"}
    retention = Answers(criticality="mission-critical", compliance=frozenset({"zdr"}))
    assert stated(retention, catalog) == {"provider.dataCollection": "deny", "provider.zdr": True}
    european = Answers(compliance=frozenset({"eu"}))
    assert stated(european, catalog) == {  # production denies the collection of data by itself
        "provider.only": tuple(EUROPEAN_PROVIDERS),
        "models.fallback": EUROPEAN_MODEL,
    }


def test_the_european_model_is_listed_priced_and_good_enough_for_every_profile(catalog: Catalog) -> None:
    model = catalog.find(EUROPEAN_MODEL)
    assert model is not None
    assert model.listed
    assert catalog.price(EUROPEAN_MODEL) is not None
    for name in profile_names():
        assert (model.quality or 0) >= profile(name).routing.quality_threshold


def test_what_is_used_today_is_the_baseline_unless_it_is_the_profiles_own(catalog: Catalog) -> None:
    assert stated(Answers(today=FAMILIES["gpt"]), catalog) == {"baseline.model": FAMILIES["gpt"]}
    assert stated(Answers(today="anthropic/claude-3.5-sonnet"), catalog) == {}


_ANSWERS = st.builds(
    Answers,
    workload=st.sampled_from([None, {"structured": 0.5, "coding": 0.5}, {"general": 1.0}]),
    criticality=st.sampled_from(CRITICALITIES),
    budget=st.none() | st.decimals(0, 10**6, places=2),
    compliance=st.frozensets(st.sampled_from(DEMANDS)),
    today=st.sampled_from([None, *FAMILIES.values()]),
)


@given(answers=_ANSWERS, named=st.none() | st.sampled_from(profile_names()))
def test_every_file_loads_and_differs_from_its_profile_in_what_it_says(
    answers: Answers, named: str | None
) -> None:
    known = load_catalog()
    choice = recommend.choose(answers, named=named)
    found = recommend.settings(answers, choice, profile(choice.profile), known)
    values = recommend.file_values(choice, found)
    text = config_text(values)
    config = load_config(values, environ={})
    assert config.extends == choice.profile
    own = profile(choice.profile).model_dump(by_alias=True)
    loaded = config.model_dump(by_alias=True)
    for setting in found:
        section, _, key = setting.path.rpartition(".")
        before, after = (tree[section][key] if section else tree[key] for tree in (own, loaded))
        assert before != after or answers.budget == profile(choice.profile).budget.monthly_limit
        assert key in text
    if answers.compliance:
        assert config.provider.data_collection == "deny"
    if answers.budget:
        assert config.budget.monthly_limit == answers.budget


def test_the_parts_of_the_work_are_told_with_their_models_and_scores(catalog: Catalog) -> None:
    mix: dict[TaskType, float] = {"general": 0.3, "coding": 0.6, "analysis": 0.1}
    usage = UsageProfile(
        input_tokens_per_month=10_000_000, output_tokens_per_month=2_000_000, task_distribution=mix
    )
    parts = CostCalculator("tutorial").calculate_balanced_cost(usage).breakdown
    assert recommend.workload_reasons(parts, catalog) == (
        "coding, 60 % of the work: Qwen 2.5 Coder 32B, score 0.95, $1.66 a month",
        "general, analysis, 40 % of the work: Llama 3.3 70B, score 0.92, $0.720 a month",
    )


def test_a_model_without_a_score_is_told_as_such(catalog: Catalog) -> None:
    usage = UsageProfile(input_tokens_per_month=10**6, output_tokens_per_month=0)
    parts = CostCalculator().calculate_model_cost(usage, "openai/gpt-5.1").breakdown
    (told,) = recommend.workload_reasons(parts, catalog)
    assert "score unknown" in told


TOTALS = {"budget": Decimal(4), "balanced": Decimal(8), "premium": Decimal(20)}


def test_within_the_limit_nothing_is_told() -> None:
    assert recommend.over_limit("balanced", Decimal(8), TOTALS, input_tokens=10) == ()


def test_above_the_limit_what_would_fit_is_told() -> None:
    told = recommend.over_limit("premium", Decimal(10), TOTALS, input_tokens=50_000_000)
    assert "$20.00, is above the limit of $10.00" in told[0]
    assert "day 16 of the month" in told[0]
    assert told[1] == "the dearest profile that fits: balanced, $8.00 (--profile balanced)"
    assert told[2] == "premium fits with 25M input tokens a month, 50 % of the volume, or with a limit of $20"


def test_where_no_profile_fits_that_is_told() -> None:
    told = recommend.over_limit("budget", Decimal("0.01"), TOTALS, input_tokens=1000)
    assert told[1].startswith("no profile")
    assert "2 input tokens a month, less than 1 % of the volume" in told[2]


@given(limit=st.decimals("0.01", 100, places=2), tokens=st.integers(1, 10**12))
def test_the_volume_that_fits_fits(limit: Decimal, tokens: int) -> None:
    told = recommend.over_limit("premium", limit, TOTALS, input_tokens=tokens)
    assert bool(told) == (limit < 20)
    for line in told[2:]:
        fitting = line.removeprefix("premium fits with ").split()[0]
        size = {"B": 10**9, "M": 10**6, "k": 10**3}.get(fitting[-1], 1)
        assert Decimal(fitting.rstrip("BMk")) * size * 20 / tokens <= limit


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (10_000_000, "10M"),
        (4_299_999, "4.29M"),
        (999_999, "999k"),
        (850, "850"),
        (1_000_000_000, "1B"),
        (0, "0"),
    ],
)
def test_tokens_are_told_short_and_never_more_than_they_are(number: int, text: str) -> None:
    assert recommend.tokens_text(number) == text


def test_data_cautions_say_what_is_not_promised() -> None:
    european = Answers(compliance=frozenset({"eu"}))
    told = " ".join(recommend.data_cautions(european, recommend.choose(european)))
    assert "https://eu.openrouter.ai/api/v1" in told
    cheap = Answers(compliance=frozenset({"zdr"}), criticality="learning")
    assert "free models" in recommend.data_cautions(cheap, recommend.choose(cheap))[-1]
    assert recommend.data_cautions(Answers(), recommend.choose(Answers())) == ()
