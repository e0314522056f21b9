"""Scenario files are read strictly, and rules fire as they say."""

from random import Random

import pytest

from farthing.errors import ConfigError
from farthing.simulator.faults import FaultDesk, Seen
from farthing.simulator.scenario import KINDS, demo_scenario, scenario_from

SEEN = Seen(model="acme/plain", text="build a bridge", role="coder", stream=True)


def _kinds(scenario: object, count: int, seen: Seen = SEEN) -> list[str | None]:
    desk = FaultDesk(scenario_from(scenario))
    faults = [desk.choose(seen, Random(n)) for n in range(count)]
    return [fault.kind if fault else None for fault in faults]


_WRONG: list[tuple[object, str, str | None]] = [
    ({"overun_rate": 0.1}, "overun_rate", "overrun_rate"),
    ({"rules": [{"mach": {}, "fault": "cut"}]}, "rules[0].mach", "match"),
    ({"rules": [{"fault": {"kind": "rate_limt"}}]}, "rules[0].fault.kind", "rate_limit"),
    ({"rules": [{"fault": {"kind": "stall", "delays": 1}}]}, "rules[0].fault.delays", "delay_s"),
    ({"rules": [{"match": {"modl": "x"}, "fault": "cut"}]}, "rules[0].match.modl", "model"),
    ({"rules": [{"fault": {"kind": "paced", "events": 0}}]}, "rules[0].fault.events", None),
    ({"random": {"rate": 0.1, "kinds": ["cutt"]}}, "random.kinds[0].kind", "cut"),
]


@pytest.mark.parametrize(("raw", "path", "near"), _WRONG)
def test_an_unknown_name_is_refused_with_the_nearest(raw: object, path: str, near: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_from(raw)
    assert [(fault.path, fault.nearest) for fault in caught.value.faults] == [(path, near)]


def test_every_fault_of_a_file_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_from(
            {"overrun_rate": 2, "random": {"rate": -1}, "abort_billing": "never", "free_per_day": "x"}
        )
    assert {fault.path for fault in caught.value.faults} == {
        "overrun_rate",
        "random.rate",
        "abort_billing",
        "free_per_day",
    }


def test_nth_fires_once_and_every_fires_again() -> None:
    assert _kinds({"rules": [{"match": {"nth": 3}, "fault": "cut"}]}, 6) == [
        None,
        None,
        "cut",
        None,
        None,
        None,
    ]
    every = {"rules": [{"match": {"every": 2}, "fault": "cut"}]}
    assert _kinds(every, 5) == [None, "cut", None, "cut", None]


def test_times_bounds_a_rule_and_the_next_one_follows() -> None:
    scenario = {"rules": [{"fault": "cut", "times": 1}, {"fault": "stall"}]}
    assert _kinds(scenario, 3) == ["cut", "stall", "stall"]


@pytest.mark.parametrize(
    "match", [{"model": "acme/other"}, {"contains": "tunnel"}, {"role": "writer"}, {"stream": False}]
)
def test_a_rule_is_only_for_what_it_matches(match: dict[str, object]) -> None:
    assert _kinds({"rules": [{"match": match, "fault": "cut"}]}, 2) == [None, None]


def test_random_faults_come_at_their_rate_and_repeat_by_seed() -> None:
    scenario = {"random": {"rate": 0.25, "kinds": ["cut", {"kind": "stall", "delay_s": 0.1}]}}
    drawn = _kinds(scenario, 400)
    assert drawn == _kinds(scenario, 400)
    assert {"cut", "stall"} == {kind for kind in drawn if kind}
    assert 60 < sum(kind is not None for kind in drawn) < 140


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_demo_has_one_rate_limit_and_one_cut(seed: int) -> None:
    desk = FaultDesk(demo_scenario(seed))
    faults = [desk.choose(SEEN, Random(0)) for _ in range(50)]
    assert sorted(fault.kind for fault in faults if fault) == ["cut", "rate_limit"]


def test_every_kind_is_described_in_the_module() -> None:
    import farthing.simulator.scenario as module

    own = set(KINDS) - set(module.CONDITIONS)
    assert [kind for kind in sorted(own) if kind not in (module.__doc__ or "")] == []
