"""Which agents a team has."""

import pytest

from farthing.cli.work.team import specs_for
from farthing.config.load import load_config
from farthing.errors import SwarmError
from farthing.swarm.agent import specs_from


def test_specs_are_read_in_order() -> None:
    specs = specs_from("researcher:3, coder ,reviewer:2")
    assert [(spec.type, spec.count) for spec in specs] == [("researcher", 3), ("coder", 1), ("reviewer", 2)]


@pytest.mark.parametrize("text", ["", "coder:x", ":3", "coder:1,,", "coder:0", "coder:-1"])
def test_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(SwarmError):
        specs_from(text)


@pytest.mark.parametrize(
    ("profile", "size"), [("budget", 5), ("balanced", 8), ("premium", 12), ("production", 8)]
)
def test_the_default_team_is_scaled_to_the_profile(profile: str, size: int) -> None:
    assert sum(spec.count for spec in specs_for(load_config(profile, environ={}))) == size
