"""Every policy of a configuration, in the order in which a check tells of them. Pure."""

from farthing.policies.breaking import breaking_drills
from farthing.policies.cast import cast_for
from farthing.policies.charging import charging_drills
from farthing.policies.drill import Planned, cannot
from farthing.policies.emulating import emulating_drills
from farthing.policies.failing import failing_drills
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
    return (
        *leading_drills(setup),
        *failing_drills(setup, parts),
        *retrying_drills(setup, parts),
        *breaking_drills(setup, parts),
        *charging_drills(setup, parts),
        *warning_drills(setup, parts),
        *queueing_drills(setup, parts),
        *emulating_drills(setup),
        *keying_drills(setup, parts),
    )
