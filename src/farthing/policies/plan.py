"""Every policy of a configuration, in the order in which a check tells of them. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from farthing.policies.breaking import breaking_drills
from farthing.policies.cast import cast_for, without_rates
from farthing.policies.charging import charging_drills
from farthing.policies.drill import Change, Drill, Planned, cannot
from farthing.policies.emulating import emulating_drills
from farthing.policies.failing import failing_drills
from farthing.policies.hedging import hedging_drill, without_hedging
from farthing.policies.keying import keying_drills
from farthing.policies.leading import leading_drills
from farthing.policies.queueing import queueing_drills
from farthing.policies.retrying import retrying_drills
from farthing.policies.setup import Setup
from farthing.policies.warning import warning_drills


def plan_for(setup: Setup) -> tuple[Planned, ...]:
    """A drill for each policy that can be provoked, a line for each that cannot be or is not configured."""
    parts = cast_for(setup)
    if parts is None:
        why = "no model can take any task"
        return (cannot("everything", "models", None, why, "see the findings about models"),)
    unhedged = without_hedging(setup)
    quiet = (*unhedged, *without_rates(setup))
    return (
        *_lifted(leading_drills(setup), quiet),
        *_lifted(failing_drills(setup, parts), quiet),
        *_lifted([hedging_drill(setup, parts)], without_rates(setup)),
        *_lifted(retrying_drills(setup, parts), quiet),
        *_lifted(breaking_drills(setup, parts), quiet),
        *_lifted(charging_drills(setup, parts), quiet),
        *_lifted(warning_drills(setup, parts), quiet),
        *_lifted(queueing_drills(setup, parts), unhedged),
        *_lifted(emulating_drills(setup), quiet),
        *_lifted(keying_drills(setup, parts), quiet),
    )


def _lifted(planned: Iterable[Planned], changes: tuple[Change, ...]) -> Iterator[Planned]:
    """Without what would act in every drill beside its policy."""
    for one in planned:
        yield replace(one, changes=(*one.changes, *changes)) if isinstance(one, Drill) and changes else one
