"""Each figure of the page on costs, computed; and the page says what was computed."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from tests.docs.blocks import ROOT

from farthing import CostCalculator, UsageProfile
from farthing.money import percent_saved
from farthing.spend.calculator import Costs
from farthing.spend.projection import CREDIT_FEE, CREDIT_FEE_LEAST
from farthing.spend.workload import Typical, typical
from farthing.task import TaskType

PAGE = (ROOT / "docs" / "02-cost-analysis.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
BOOK = CostCalculator(prices="tutorial")
TODAY = CostCalculator()
MIXED: Mapping[TaskType, float] = {"coding": 0.40, "general": 0.40, "analysis": 0.20}


def month(
    inward: int, outward: int, *, mix: Mapping[TaskType, float] = MIXED, sample: float = 0.0
) -> UsageProfile:
    return UsageProfile(
        input_tokens_per_month=inward,
        output_tokens_per_month=outward,
        task_distribution=mix,
        baseline_sample=sample,
    )


def worth(
    dollars: int, ratio: Decimal, *, mix: Mapping[TaskType, float], sample: float = 0.0
) -> UsageProfile:
    """The month that costs so much on Claude 3.5 Sonnet ($3 and $15), with `ratio` tokens in to one out."""
    outward = Decimal(dollars) * 1_000_000 / (3 * ratio + 15)
    return month(round(outward * ratio), round(outward), mix=mix, sample=sample)


def usual(profile: str, *, sample: float | None = None) -> Costs:
    known = typical(profile)
    usage = known.usage() if sample is None else _sampled(known, sample)
    return BOOK.calculate_cost(usage, profile=profile)


def _sampled(known: Typical, sample: float) -> UsageProfile:
    return month(known.input_tokens, known.output_tokens, mix=known.mix, sample=sample)


def model(name: str, ratio: Decimal) -> Costs:
    return BOOK.calculate_model_cost(worth(1000, ratio, mix=MIXED), name)


def told(costs: Costs) -> str:
    return f"${costs.total:,.2f}, {costs.savings_percent:.1f} %"


FIVE = Decimal(5)
TEN_MILLION = BOOK.calculate_balanced_cost(month(10_000_000, 2_000_000))
PREMIUM_MIX = typical("premium").mix
STARTUP = BOOK.calculate_budget_cost(worth(500, FIVE / 3, mix={"general": 1.0}))
ENTERPRISE = BOOK.calculate_premium_cost(worth(10_000, FIVE, mix=PREMIUM_MIX, sample=0.0376))
LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN, MISTRAL = "qwen/qwen-2.5-coder-32b-instruct", "mistralai/mistral-small-3.1-24b-instruct"


def against(name: str) -> Decimal:
    """What routing the calculator's month saves against all of it on one model, in percent."""
    saved = percent_saved(TEN_MILLION.total, BOOK.calculate_model_cost(TEN_MILLION.usage, name).total)
    assert saved is not None
    return saved


ROWS = {
    "calculator: $60.00 baseline": f"${TEN_MILLION.baseline:.2f}",
    "calculator: $2.14, 96.4 %": told(TEN_MILLION),
    "Budget $2.50, 97 %": told(usual("budget")),
    "Balanced $15.00, 95 %": told(usual("balanced")),
    "Balanced saves $285 a month, $3,420 a year": (
        f"${usual('balanced').savings:,.2f}, ${usual('balanced').annual_savings:,.2f}"
    ),
    "Premium $75.00, 88 %": told(usual("premium")),
    "Balanced with the tutorial's sampling rate of 10 %": told(usual("balanced", sample=0.10)),
    "Premium with the tutorial's sampling rate of 10 %": told(usual("premium", sample=0.10)),
    "Balanced averages $0.17 per million tokens": f"${usual('balanced', sample=0.0).total / 60:.2f}",
    "80–97 % savings": f"{usual('premium').savings_percent:.1f}–{usual('budget').savings_percent:.1f} %",
    "DeepSeek V3 saves 97 %": f"{model('deepseek-v3', FIVE).savings_percent:.1f} %",
    "Llama 3.3 70B saves 97 %": f"{model('llama-3.3-70b', FIVE).savings_percent:.1f} %",
    "Qwen 2.5 Coder saves 95 %": f"{model(QWEN, Decimal('6.5')).savings_percent:.1f} %",
    "Mistral Small saves 92 %": f"{model(MISTRAL, Decimal(15)).savings_percent:.1f} %",
    "GLM-4-9B saves 100 %": f"{model('thudm/glm-4-9b:free', FIVE).savings_percent:.1f} %",
    "Routing saves 15–25 %": f"{against(QWEN):.1f} %",
    "Prompts save 40–60 % of input": f"{percent_saved(Decimal(50), Decimal(150)):.1f} %",
    "Startup: $500 to $10, 98 %": told(STARTUP),
    "Startup: $5,880 a year": f"${STARTUP.annual_savings:,.2f}",
    "Enterprise: $10,000 to $800, 92 %": told(ENTERPRISE),
    "Enterprise: $110,400 a year": f"${ENTERPRISE.annual_savings:,.2f}",
}


def cells(first: str) -> list[str]:
    """The cells of the row that begins so."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("figure", ROWS)
def test_a_row_says_what_its_numbers_give(figure: str) -> None:
    assert cells(figure)[1] == ROWS[figure]


def test_the_table_has_no_other_rows() -> None:
    table = PAGE.partition("| tutorial | its own numbers give | how |")[2].strip().splitlines()[1:]
    rows = [line for line in table if line.startswith("|")]
    assert len(rows) == len(ROWS)


@pytest.mark.parametrize(
    ("profile", "dollars", "percent", "baseline"),
    [
        ("budget", "2.50", 97, "83.33"),
        ("balanced", "15", 95, "300"),
        ("premium", "75", 88, "625"),
    ],
)
def test_key_results_within_ten_percent_and_one_point(
    profile: str, dollars: str, percent: int, baseline: str
) -> None:
    costs = usual(profile)
    assert abs(costs.baseline - Decimal(baseline)) < Decimal("0.005")
    assert abs(costs.total / Decimal(dollars) - 1) <= Decimal("0.10")
    assert costs.savings_percent is not None
    assert abs(costs.savings_percent - percent) <= 1
    known = typical(profile)
    assert abs(known.input_tokens / known.output_tokens - 5) < 0.01


@pytest.mark.parametrize(("name", "ratio", "at_five"), [("Qwen", "6.5", "95.4"), ("Mistral", "15", "94.0")])
def test_the_ratio_that_gives_a_models_figure_is_not_five(name: str, ratio: str, at_five: str) -> None:
    ids = {"Qwen": QWEN, "Mistral": MISTRAL}
    assert f"{model(ids[name], FIVE).savings_percent:.1f}" == at_five
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name}")]
    assert f"at {ratio}:1; {at_five} % at 5:1" in row


@pytest.mark.parametrize(
    ("template", "dollars"),
    [("startup, $50", 50), ("small business, $200", 200), ("enterprise, $1,000", 1000)],
)
@pytest.mark.parametrize(("book", "years"), [(BOOK, ""), (TODAY, "-2026")])
def test_a_budget_carries_so_many_tokens(
    template: str, dollars: int, book: CostCalculator, years: str
) -> None:
    row = cells(f"{template}, today" if years else template)
    for cell, profile in zip(row[1:], ("budget", "balanced", "premium"), strict=True):
        costs = book.calculate_cost(typical(profile).usage(), profile=f"{profile}{years}")
        assert cell == f"{typical(profile).input_tokens / costs.total * dollars / 1_000_000:,.1f}"


def test_the_profiles_of_2026_save_what_the_tutorial_promised() -> None:
    found: list[str] = []
    for profile, promised in (("budget", 97), ("balanced", 95), ("premium", 88)):
        saved = TODAY.calculate_cost(typical(profile).usage(), profile=f"{profile}-2026").savings_percent
        assert saved is not None
        assert abs(saved - promised) <= 1
        found.append(f"{saved:.1f}")
    assert f"save {found[0]}, {found[1]} and {found[2]} % of the typical months" in PROSE


def test_the_tutorials_four_models_have_become_dearer() -> None:
    for name in ("deepseek-v3", "llama-3.3-70b", QWEN, MISTRAL):
        then, now = BOOK.catalog.price(name), TODAY.catalog.price(name)
        assert then is not None
        assert now is not None
        assert now.rates.prompt > then.rates.prompt
        assert now.rates.completion > then.rates.completion


def test_where_to_begin_has_the_figures_of_the_books() -> None:
    sample = usual("premium").breakdown[-1]
    assert f"{sample.share * 100:.1f} % of the traffic are ${sample.cost:.2f} of premium's" in PROSE
    assert f"${usual('premium').total:.2f} by the tutorial's prices" in PROSE
    llama = against("llama-3.3-70b")
    assert f"saves {against(QWEN):.1f} % against" in PROSE
    assert f"costs {-llama:.1f} % more than Llama 3.3 70B alone" in PROSE
    assert f"against Llama 3.3 70B it costs {-llama:.1f} % more" in cells("Routing saves 15–25 %")[2]
    scores = [BOOK.catalog.models[name].score("coding") or 0 for name in (LLAMA, QWEN)]
    assert scores[0] < scores[1]
    parts = [model(name, FIVE).breakdown[0] for name in ("deepseek-v3", "llama-3.3-70b")]
    percents = [f"{part.input_cost / part.cost * 100:.0f} %" for part in parts]
    assert f"prompts are {percents[0]} of a month on DeepSeek V3 and {percents[1]} on Llama" in PROSE


def test_the_average_that_the_tutorial_prints_holds_at_nine_to_one() -> None:
    at_nine = BOOK.calculate_balanced_cost(month(9_000_000, 1_000_000)).total / 10
    assert f"${at_nine:.2f} at 9:1" in cells("Balanced averages $0.17 per million tokens")[2]
    assert f"${Decimal(15) / 60:.2f} and not its $0.17" in PROSE


def test_the_credit_fees_floor() -> None:
    assert f"{CREDIT_FEE * 100:.1f} %, and at least ${CREDIT_FEE_LEAST} a purchase" in PROSE
    assert f"less than ${CREDIT_FEE_LEAST / CREDIT_FEE:.2f} at once" in PROSE


@pytest.mark.parametrize(("profile", "agents"), [("budget", 5), ("balanced", 20), ("premium", 50)])
def test_the_agents_that_a_profile_is_made_for(profile: str, agents: int) -> None:
    assert usual(profile).target_agents == agents


def test_the_tutorials_sample_costs_two_to_three_times_the_work() -> None:
    work = usual("balanced", sample=0.0).total
    sample = usual("balanced", sample=0.10).total - work
    assert 2 <= sample / work <= 3
