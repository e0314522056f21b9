"""Files, layers and faults: what is read, which setting wins, and how a wrong file is told."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig, Models, SlotModel
from farthing.errors import ConfigError, ConfigFault

MINIMAL: Mapping[str, object] = {"models": {"primary": "a/model"}}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs where no `.env` lies, unless it writes one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, content: object) -> Path:
    path = Path(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def faults(
    source: str | Path | Mapping[str, object] | None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> dict[str, ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        load_config(source, environ=environ or {}, overrides=overrides)
    return {fault.path: fault for fault in caught.value.faults}


def test_json_toml_and_a_mapping_say_the_same() -> None:
    content = {
        **MINIMAL,
        "budget": {"monthlyLimit": 12.5},
        "routing": {"taskTypeMapping": {"coding": "primary"}},
    }
    toml = (
        '[models]\nprimary = "a/model"\n[budget]\nmonthlyLimit = 12.5\n'
        '[routing.taskTypeMapping]\ncoding = "primary"\n'
    )
    configs = [
        load_config(written("c.json", content), environ={}),
        load_config(written("c.toml", toml), environ={}),
        load_config("c.json", environ={}),
        load_config(content, environ={}),
    ]
    assert all(config == configs[0] for config in configs)
    assert configs[0].budget.monthly_limit == Decimal("12.5")


def test_snake_case_and_the_long_form_of_a_slot_are_accepted() -> None:
    config = load_config(
        {
            "models": {"primary": {"model": "a/model", "successor": False}},
            "fallback_rules": {"max_retries": 7},
            "routing": {"task_type_mapping": {"coding": "primary"}},
        },
        environ={},
    )
    assert config.models.primary == SlotModel(model="a/model", successor=False)
    assert config.fallback_rules.max_retries == 7
    assert config.routing.task_type_mapping == {"coding": "primary"}


@pytest.mark.parametrize("digits", ["0.1", "0.000000000000000000001", "123456789012345678.000000001"])
def test_dollars_of_a_file_are_exact_and_never_a_float(digits: str) -> None:
    path = written("c.json", f'{{"models": {{"primary": "a"}}, "budget": {{"taskLimit": {digits}}}}}')
    assert load_config(path, environ={}).budget.task_limit == Decimal(digits)
    toml = written("c.toml", f'[models]\nprimary = "a"\n[budget]\ntaskLimit = {digits}\n')
    assert load_config(toml, environ={}).budget.task_limit == Decimal(digits)


# ---- precedence: argument > environment > .env > file > profile (money.md, law 15)

LAYERS = ["profile", "file", "dotenv", "environment", "argument"]


@pytest.mark.parametrize("highest", range(len(LAYERS)))
def test_a_higher_layer_wins(highest: int) -> None:
    present = LAYERS[: highest + 1]
    limits = {"profile": 200, "file": 31, "dotenv": 32, "environment": 33, "argument": 34}
    content: dict[str, object] = {"extends": "balanced"}
    if "file" in present:
        content["budget"] = {"monthlyLimit": 31}
    if "dotenv" in present:
        written(".env", "MONTHLY_BUDGET=32\n")
    environ = {"MONTHLY_BUDGET": "33"} if "environment" in present else {}
    overrides = {"budget.monthlyLimit": 34} if "argument" in present else {}
    config = load_config(written("c.json", content), environ=environ, overrides=overrides)
    assert config.budget.monthly_limit == limits[present[-1]]
    assert config.models.primary.model == "meta-llama/llama-3.3-70b-instruct"


def test_a_layer_changes_only_what_it_says() -> None:
    content = {
        "extends": "balanced",
        "models": {"secondary": "x/y"},
        "routing": {"task_type_mapping": {"simple": "primary"}},
    }
    config = load_config(written("c.json", content), environ={})
    assert {slot: entry.model for slot, entry in config.models.by_slot().items()} == {
        "primary": "meta-llama/llama-3.3-70b-instruct",
        "secondary": "x/y",
        "fallback": "deepseek/deepseek-chat",
    }
    assert config.routing.task_type_mapping["simple"] == "primary"
    assert config.routing.task_type_mapping["coding"] == "secondary"


def test_an_argument_of_settings_wins_over_the_environment() -> None:
    environ = {"MONTHLY_BUDGET": "200", "FARTHING_DATABASE_URL": "sqlite:///x.db"}
    told = {**MINIMAL, "budget": {"monthlyLimit": 5}}
    made = DeploymentConfig.model_validate(told)
    for source in (told, made):
        config = load_config(source, environ=environ)
        assert config.budget.monthly_limit == 5
        assert config.storage.database_url == "sqlite:///x.db"


def test_a_loaded_configuration_loads_to_itself() -> None:
    literal = {"extends": "premium", "description": "a literal $${NAME}"}
    config = load_config(written("c.json", literal), environ={"MONTHLY_BUDGET": "7"})
    assert config.description == "a literal ${NAME}"
    assert load_config(config, environ={"MONTHLY_BUDGET": "9"}) == config


def test_overrides_may_be_dotted_or_nested_and_spelled_either_way() -> None:
    overrides = {"budget.daily_limit": 1, "routing": {"qualityThreshold": 0.5}, "environment": "development"}
    config = load_config("balanced", environ={}, overrides=overrides)
    assert (config.budget.daily_limit, config.routing.quality_threshold) == (1, 0.5)
    assert config.environment == "development"


def test_overrides_are_not_changed_by_loading() -> None:
    overrides: dict[str, object] = {"budget": {"dailyLimit": 1}, "budget.weeklyLimit": 2}
    budget = load_config("balanced", environ={}, overrides=overrides).budget
    assert (budget.daily_limit, budget.weekly_limit, budget.monthly_limit) == (1, 2, 200)
    assert overrides == {"budget": {"dailyLimit": 1}, "budget.weeklyLimit": 2}


def test_an_explicit_null_empties_a_slot() -> None:
    overrides = {"models.fallback": None, "routing.taskTypeMapping.simple": "primary"}
    assert load_config("balanced", environ={}, overrides=overrides).models.fallback is None


# ---- environment


def test_the_variables_stand_for_their_settings() -> None:
    environ = {
        "OPENROUTER_BASE_URL": "http://127.0.0.1:8099/api/v1/",
        "MONTHLY_BUDGET": "123.45",
        "ENABLE_COST_TRACKING": "false",
        "FARTHING_DATABASE_URL": "sqlite:///other.db",
        "FARTHING_ENV": "development",
        "DEPLOYMENT_CONFIG": "premium",
    }
    config = load_config(environ=environ)
    assert config.name == "premium"
    assert config.upstream.base_url == "http://127.0.0.1:8099/api/v1"
    assert config.budget.monthly_limit == config.alerts.monthly_budget == Decimal("123.45")
    assert not config.monitoring.cost_tracking
    assert config.storage.database_url == "sqlite:///other.db"
    assert config.environment == "development"


def test_without_a_source_and_variables_it_is_balanced() -> None:
    assert load_config(environ={}).name == "balanced"


def test_a_named_source_wins_over_deployment_config() -> None:
    assert load_config("budget", environ={"DEPLOYMENT_CONFIG": "premium"}).name == "budget"


def test_the_tutorials_dotenv_works() -> None:
    written(
        ".env",
        "OPENROUTER_API_KEY=sk-or-your-key-here\nDEPLOYMENT_CONFIG=premium\n"
        "MONTHLY_BUDGET=200\nENABLE_COST_TRACKING=true\n",
    )
    config = load_config(environ={})
    assert (config.name, config.budget.monthly_limit) == ("premium", 200)
    assert "sk-or" not in config.model_dump_json()


def test_an_empty_variable_counts_as_unset() -> None:
    written(".env", "MONTHLY_BUDGET=50\n")
    config = load_config("budget", environ={"MONTHLY_BUDGET": "", "FARTHING_ENV": ""})
    assert (config.budget.monthly_limit, config.environment) == (50, "production")


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET", "77")
    assert load_config("budget").budget.monthly_limit == 77


def test_a_wrong_variable_is_named_as_itself_and_once() -> None:
    found = faults(
        "budget", {"MONTHLY_BUDGET": "plenty", "FARTHING_ENV": "prodution", "ENABLE_COST_TRACKING": "maybe"}
    )
    assert set(found) == {"MONTHLY_BUDGET", "FARTHING_ENV", "ENABLE_COST_TRACKING"}
    assert found["FARTHING_ENV"].nearest == "production"
    assert found["MONTHLY_BUDGET"].value == "plenty"


# ---- interpolation in a configuration


def test_references_are_replaced_also_where_a_number_stands() -> None:
    written(".env", "LIMIT=5\n")
    content = {"models": {"primary": "${VENDOR:-a}/model"}, "budget": {"dailyLimit": "${LIMIT}"}}
    config = load_config(written("c.json", content), environ={"VENDOR": "b"})
    assert config.models.primary.model == "b/model"
    assert config.budget.daily_limit == 5


def test_an_unset_reference_is_one_fault_at_its_key() -> None:
    found = faults(written("c.json", {**MINIMAL, "budget": {"daily_limit": "${DAYLY}"}}), {"DAILY": "1"})
    assert list(found) == ["budget.daily_limit"]
    assert "${DAYLY}" in found["budget.daily_limit"].problem
    assert found["budget.daily_limit"].nearest == "DAILY"


def test_the_key_never_enters_a_configuration() -> None:
    secret = "sk-or-v1-very-secret"
    path = written("c.json", {**MINIMAL, "apiKey": secret, "description": "${OPENROUTER_API_KEY}"})
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={"OPENROUTER_API_KEY": secret})
    assert {fault.path for fault in caught.value.faults} == {"apiKey", "description"}
    assert secret not in str(caught.value) + repr(caught.value.faults)
    assert "OPENROUTER_API_KEY" in str(caught.value)


# ---- faults


@pytest.mark.parametrize(
    ("content", "path", "problem", "near"),
    [
        ({"budgt": {}}, "budgt", "unknown key", "budget"),
        ({"routing": {"taskTypeMaping": {}}}, "routing.taskTypeMaping", "unknown key", "taskTypeMapping"),
        (
            {"routing": {"task_type_maping": {}}},
            "routing.task_type_maping",
            "unknown key",
            "task_type_mapping",
        ),
        ({"models": {"primary": "a", "secundary": "b"}}, "models.secundary", "unknown key", "secondary"),
        (
            {"routing": {"taskTypeMapping": {"codng": "primary"}}},
            "routing.taskTypeMapping.codng",
            "'codng' is not one of coding",
            "coding",
        ),
        (
            {"routing": {"taskTypeMapping": {"coding": "primry"}}},
            "routing.taskTypeMapping.coding",
            "'primry' is not one of primary",
            "primary",
        ),
        (
            {"routing": {"complexity_mapping": {"hgh": "primary"}}},
            "routing.complexity_mapping.hgh",
            "is not one of low",
            "high",
        ),
        (
            {"routing": {"taskTypeMapping": {"coding": "tertiary"}}},
            "routing.taskTypeMapping.coding",
            "has no model; filled: primary",
            None,
        ),
        ({"routing": {"strategy": "maped"}}, "routing.strategy", "is not one of mapped", "mapped"),
        ({"routing": {"qualityThreshold": 1.5}}, "routing.qualityThreshold", "is 1.5; ", None),
        ({"budget": {"monthlyLimit": -1}}, "budget.monthlyLimit", "greater than or equal to 0", None),
        ({"budget": {"monthlyLimit": "lots"}}, "budget.monthlyLimit", "'lots'", None),
        ({"fallbackRules": {"maxRetries": 99}}, "fallbackRules.maxRetries", "less than or equal to 20", None),
        ({"provider": {"only": ["a", 7]}}, "provider.only[1]", "is 7", None),
        ({"provider": {"sort": "prise"}}, "provider.sort", "is not one of price", "price"),
        ({"models": {}}, "models.primary", "is required", None),
        ({"models": None}, "models", "is None", None),
        ({"models": {"primary": ""}}, "models.primary.model", "at least 1 character", None),
        ({"alerts": {"warningThreshold": 0.9, "criticalThreshold": 0.5}}, "alerts", "is above", None),
        ({"optimization": {"minOutputTokens": 9999}}, "optimization", "is above", None),
        ({"upstream": {"baseUrl": "openrouter.ai"}}, "upstream.baseUrl", "not an http(s) URL", None),
        ({"upstream": {"baseUrl": "https://u:p@x/api/v1"}}, "upstream.baseUrl", "no user", None),
        ({"latencyTargets": {"a/m.1": {"p95": 1}}}, "latencyTargets.a/m.1.firstToken", "is required", None),
        (
            {"latencyTargets": {"a/m.1": {"averge": 1}}},
            "latencyTargets.a/m.1.averge",
            "unknown key",
            "average",
        ),
        (
            {"swarm": {"roles": {"my_role": {"descrption": "x"}}}},
            "swarm.roles.my_role.descrption",
            "unknown",
            "description",
        ),
        ({"extends": "balansed"}, "extends", "there is no profile", "balanced"),
    ],
)
def test_a_fault_names_path_problem_and_nearest(
    content: dict[str, object], path: str, problem: str, near: str | None
) -> None:
    found = faults(written("c.json", {**MINIMAL, **content}))
    assert path in found
    assert problem in found[path].problem
    assert found[path].nearest == near


def test_all_faults_come_in_one_error() -> None:
    found = faults(
        written(
            "c.json",
            {
                "models": {"primry": "a"},
                "routing": {"taskTypeMapping": {"codng": "primary", "simple": "fallback"}},
                "budget": {"dailyLimit": -1, "weeklyLimit": "${UNSET}"},
            },
        ),
        {"FARTHING_ENV": "x"},
        {"scaling.maxConcurency": 3},
    )
    assert set(found) == {
        "models.primry",
        "models.primary",
        "routing.taskTypeMapping.codng",
        "routing.taskTypeMapping.simple",
        "budget.dailyLimit",
        "budget.weeklyLimit",
        "FARTHING_ENV",
        "override scaling.maxConcurency",
    }


def test_a_password_in_a_url_is_not_repeated() -> None:
    for url in ("https://user:hunter2@x/api/v1", "ftp://user:hunter2@x"):
        found = faults({**MINIMAL, "upstream": {"baseUrl": url}})
        assert "hunter2" not in repr(found)


def test_a_key_given_in_both_spellings_is_a_fault() -> None:
    found = faults({**MINIMAL, "budget": {"dailyLimit": 1, "daily_limit": 2}})
    assert "given twice" in found["budget.daily_limit"].problem


def test_malformed_files_name_line_and_column() -> None:
    found = faults(written("c.json", '{\n  "models": {"primary": "a",}\n}'))
    assert "line 2, column" in found["c.json"].problem
    found = faults(written("c.toml", '[models]\nprimary = "a\n'))
    assert "line 2, column" in found["c.toml"].problem


def test_a_file_that_is_no_object_or_says_a_key_twice() -> None:
    assert "not an object" in faults(written("c.json", "[1]"))["c.json"].problem
    assert "given twice" in faults(written("c.json", '{"name": "a", "name": "b"}'))["name"].problem


def test_a_missing_file_names_what_is_there() -> None:
    written("balanced-config.json", MINIMAL)
    found = faults("balancd-config.json")["balancd-config.json"]
    assert found.nearest == "balanced-config.json"
    assert "profiles: balanced, balanced-2026, budget" in found.problem
    elsewhere = faults("configs/balanced-config.json")["configs/balanced-config.json"]
    assert elsewhere.nearest == "balanced"
    assert "nor a folder 'configs'" in elsewhere.problem


def test_an_unreadable_file_is_told() -> None:
    Path("c.json").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in faults("c.json")["c.json"].problem
    Path("folder.json").mkdir()
    assert "cannot be read" in faults("folder.json")["folder.json"].problem


def test_an_unknown_profile_names_the_nearest() -> None:
    found = faults("balansed")["profile"]
    assert found.nearest == "balanced"
    assert "premium" in found.problem


def test_a_configuration_made_in_code_keeps_the_same_rules() -> None:
    with pytest.raises(ValueError, match="has no model"):
        DeploymentConfig.model_validate({**MINIMAL, "routing": {"taskTypeMapping": {"coding": "secondary"}}})
    assert Models(primary=SlotModel(model="a")).by_slot() == {"primary": SlotModel(model="a")}
