"""Which calls wait for a person's word."""

import pytest

from farthing.swarm.confirming import Confirm, needs_approval
from farthing.task import Tool


def tool(*, effects: bool, runs: bool = True) -> Tool:
    run = (lambda: "done") if runs else None
    return Tool(name="t", description="", parameters={"type": "object"}, run=run, effects=effects)


@pytest.mark.parametrize(
    ("setting", "effects", "asks"),
    [
        ("effects", True, True),
        ("effects", False, False),
        ("always", True, True),
        ("always", False, True),
        ("never", True, False),
        ("never", False, False),
    ],
)
def test_the_setting_and_the_tools_own_word_decide(setting: Confirm, effects: bool, asks: bool) -> None:
    assert needs_approval(tool(effects=effects), setting) is asks


@pytest.mark.parametrize("setting", ["effects", "always", "never"])
def test_a_schema_that_nothing_runs_has_nothing_to_approve(setting: Confirm) -> None:
    assert not needs_approval(tool(effects=True, runs=False), setting)
