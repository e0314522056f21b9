"""The parts of a task's deadline."""

from hypothesis import given
from hypothesis import strategies as st

from farthing.config.schema import LatencyTarget
from farthing.config.upstreams import Upstream
from farthing.routing.patience import patience

QUICK = LatencyTarget(first_token=400, average=2500, p95=4000, p99=6000)


def test_the_last_model_may_wait_as_long_as_the_settings_say() -> None:
    allowed = patience(Upstream(), QUICK, left_s=300, another=False)
    assert allowed == (10, 60, 30, 300)


def test_while_another_is_left_a_model_may_miss_its_target_by_half() -> None:
    assert patience(Upstream(), QUICK, left_s=300, another=True).first_token_s == 12
    assert patience(Upstream(), None, left_s=300, another=True).first_token_s == 60
    none = LatencyTarget(first_token=0, average=0, p95=0, p99=0)
    assert patience(Upstream(), none, left_s=300, another=True).first_token_s == 60


def test_half_of_a_short_time_is_left_for_the_other() -> None:
    allowed = patience(Upstream(), QUICK, left_s=8, another=True)
    assert (allowed.connect_s, allowed.first_token_s, allowed.total_s) == (4, 4, 8)
    plain = patience(Upstream(stream=False), QUICK, left_s=8, another=True)
    assert plain.total_s == 4


@given(st.floats(-5, 1000), st.booleans(), st.booleans(), st.sampled_from([None, QUICK]))
def test_no_part_is_longer_than_the_whole(
    left_s: float, another: bool, stream: bool, target: LatencyTarget | None
) -> None:
    allowed = patience(Upstream(stream=stream), target, left_s=left_s, another=another)
    assert all(0 < part <= max(left_s, 0.001) for part in allowed)
