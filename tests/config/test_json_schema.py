"""The published schema is current, accepts what the loader accepts, and documents the keys."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from farthing.config.json_schema import REPOSITORY_PATH, deployment_json_schema
from farthing.config.packaged import profile_names, profile_values

ROOT = Path(__file__).parents[2]
SCHEMA = deployment_json_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def test_the_file_in_the_repository_is_current() -> None:
    assert json.loads((ROOT / REPOSITORY_PATH).read_text(encoding="utf-8")) == SCHEMA


def test_profiles_reach_the_schema_and_fit_it() -> None:
    folder = ROOT / "src" / "farthing" / "config" / "profiles"
    for name in profile_names():
        values = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert (folder / values["$schema"]).resolve() == ROOT / REPOSITORY_PATH
        assert VALIDATOR.is_valid(values), list(VALIDATOR.iter_errors(values))
        assert set(profile_values(name)) == set(values)


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ({"models": {"primary": "a/model"}}, True),
        ({"models": {"primary": {"model": "a/model", "successor": False}}}, True),
        ({"extends": "balanced", "models": {"secondary": "a/model"}}, True),
        ({"models": {"primary": "a"}, "budget": {"monthlyLimit": 5}}, True),
        ({"models": {"primary": "a"}, "budget": {"monthlyLimit": "${LIMIT:-5}"}}, True),
        ({"models": {"primary": "a"}, "quality": {"enabled": "${ON}"}}, True),
        ({"models": {"primary": "a"}, "environment": "${WHERE}"}, True),
        ({}, False),
        ({"models": {"primary": 1}}, False),
        ({"models": {"primary": ""}}, False),
        ({"models": {"primary": "a"}, "budgt": {}}, False),
        ({"models": {"primary": "a"}, "quality": {"enabled": "on"}}, False),
        ({"models": {"primary": "a"}, "environment": "staging"}, False),
        ({"models": {"primary": "a"}, "routing": {"taskTypeMapping": {"codng": "primary"}}}, False),
    ],
)
def test_the_schema_tells_right_from_wrong(value: object, valid: bool) -> None:
    assert VALIDATOR.is_valid(value) is valid


def test_the_keys_carry_their_documentation() -> None:
    definitions = json.loads(json.dumps(SCHEMA["$defs"]))
    assert "milliseconds" in definitions["FallbackRules"]["properties"]["retryDelay"]["description"]
