"""The packaged profiles are the tutorial's tables."""

import json
from decimal import Decimal
from importlib.resources import files

import pytest

from farthing.config.load import costly_settings, inert_settings, load_config
from farthing.config.packaged import load_catalog, profile_names
from farthing.config.schema import DeploymentConfig, LatencyTarget
from farthing.task import TaskType

DEEPSEEK = "deepseek/deepseek-chat"
LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN = "qwen/qwen-2.5-coder-32b-instruct"
MISTRAL = "mistralai/mistral-small-3.1-24b-instruct"
GLM = "thudm/glm-4-9b:free"


def profile(name: str) -> DeploymentConfig:
    return load_config(name, environ={})


@pytest.mark.parametrize(
    ("name", "slots"),
    [
        ("budget", {"primary": DEEPSEEK, "fallback": GLM}),
        ("balanced", {"primary": LLAMA, "secondary": QWEN, "fallback": DEEPSEEK}),
        ("production", {"primary": LLAMA, "secondary": QWEN, "fallback": DEEPSEEK}),
        ("premium", {"primary": QWEN, "secondary": LLAMA, "tertiary": MISTRAL, "fallback": DEEPSEEK}),
    ],
)
def test_slots_are_the_tutorials(name: str, slots: dict[str, str]) -> None:
    assert {slot: entry.model for slot, entry in profile(name).models.by_slot().items()} == slots


@pytest.mark.parametrize(
    ("name", "task_type", "model"),
    [
        ("budget", "coding", DEEPSEEK),
        ("budget", "general", DEEPSEEK),
        ("budget", "simple", DEEPSEEK),
        ("balanced", "coding", QWEN),
        ("balanced", "analysis", LLAMA),
        ("balanced", "general", LLAMA),
        ("balanced", "simple", DEEPSEEK),
        ("premium", "coding", QWEN),
        ("premium", "analysis", LLAMA),
        ("premium", "general", LLAMA),
        ("premium", "structured", MISTRAL),
        ("premium", "simple", DEEPSEEK),
        ("production", "coding", QWEN),
        ("production", "general", LLAMA),
    ],
)
def test_each_task_type_goes_where_the_tutorial_sends_it(name: str, task_type: TaskType, model: str) -> None:
    config = profile(name)
    assert config.models.by_slot()[config.routing.task_type_mapping[task_type]].model == model


@pytest.mark.parametrize(
    ("name", "targets", "limit"),
    [
        ("budget", (50, 5, 20), 10),
        ("balanced", (100, 20, 50), 200),
        ("premium", (200, 50, 100), 300),
        ("production", (100, 20, 50), 200),
    ],
)
def test_targets_and_limits(name: str, targets: tuple[int, int, int], limit: int) -> None:
    config = profile(name)
    scaling = config.scaling
    assert (
        scaling.target_requests_per_minute,
        scaling.target_concurrent_agents,
        scaling.target_queue_depth,
    ) == targets
    assert config.budget.monthly_limit == limit
    assert f"${limit}" in config.description
    assert (config.alerts.warning_threshold, config.alerts.critical_threshold) == (0.80, 0.95)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (DEEPSEEK, (400, 2500, 4000, 6000)),
        (LLAMA, (500, 3000, 5000, 8000)),
        (QWEN, (450, 2800, 4500, 7000)),
        (MISTRAL, (400, 2500, 4000, 6000)),
    ],
)
def test_latency_targets_are_the_tutorials(model: str, target: tuple[int, int, int, int]) -> None:
    first, average, p95, p99 = target
    expected = LatencyTarget(first_token=first, average=average, p95=p95, p99=p99)
    assert profile("premium").latency_targets[model] == expected


def test_fallback_rules_are_the_tutorials() -> None:
    for name in profile_names():
        rules = profile(name).fallback_rules
        assert (rules.on_rate_limit, rules.max_retries, rules.retry_delay) == (True, 3, 2000)


def test_production_is_balanced_made_strict() -> None:
    balanced, production = profile("balanced"), profile("production")
    assert production.models == balanced.models
    assert production.routing.task_type_mapping == balanced.routing.task_type_mapping
    assert production.provider.data_collection == "deny"
    assert production.routing.quality_threshold == 0.85
    assert (production.budget.daily_limit, production.budget.task_limit) == (20, Decimal("0.1"))


def test_production_maps_no_type_to_a_model_below_its_threshold() -> None:
    config, catalog = profile("production"), load_catalog("tutorial")
    for task_type, slot in config.routing.task_type_mapping.items():
        model = catalog.find(config.models.by_slot()[slot].model)
        assert model is not None
        assert (model.score(task_type) or 0) >= config.routing.quality_threshold


def test_profiles_name_the_baseline_and_switch_on_nothing_that_does_not_act() -> None:
    for name in profile_names():
        config = profile(name)
        assert config.name == name
        assert config.baseline.model == "claude-3.5-sonnet"
        assert inert_settings(config) == ()


def test_profiles_point_at_the_schema_in_the_repository() -> None:
    for name in profile_names():
        raw = json.loads(files("farthing.config").joinpath("profiles", f"{name}.json").read_text("utf-8"))
        assert raw["$schema"].endswith("/schemas/deployment-config.schema.json")


def test_inert_settings_are_told_in_a_sentence_each() -> None:
    settings = {
        "quality.enabled": True,
    }
    notices = inert_settings(load_config("balanced", environ={}, overrides=settings))
    assert [notice.text.split()[0] for notice in notices] == list(settings)
    assert {notice.code for notice in notices} == {"inert_setting"}


def test_an_order_of_providers_is_told_what_it_costs() -> None:
    assert costly_settings(load_config("balanced", environ={})) == ()
    ordered = load_config("balanced", environ={}, overrides={"provider.order": ["North"]})
    (notice,) = costly_settings(ordered)
    assert notice.code == "costly_setting"
    assert "discount on cached prompts" in notice.text
