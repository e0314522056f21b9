"""tests/conftest.py keeps the machine of whoever runs the tests out of them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def test_no_key_and_no_setting_of_the_machine_is_seen() -> None:
    prefixes = ("OPENROUTER_", "FARTHING_", "DEPLOYMENT_CONFIG", "MONTHLY_BUDGET", "ENABLE_COST_TRACKING")
    assert [name for name in os.environ if name.startswith(prefixes)] == []


def test_home_is_empty_and_temporary(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert Path.home().is_relative_to(tmp_path_factory.getbasetemp())
    assert list(Path.home().iterdir()) == []
    assert Path(os.environ["XDG_STATE_HOME"]).is_relative_to(Path.home())


@given(number=st.integers())
def test_a_law_is_tried_beside_the_fixtures_and_without_a_deadline(number: int) -> None:
    assert settings().deadline is None
    assert number == int(number)
