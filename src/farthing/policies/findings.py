"""All that can be said of a configuration without sending anything. Pure; the parts are beside this file."""

from collections.abc import Iterable, Sequence

from farthing.policies.alerting import alerting_findings
from farthing.policies.bounds import bounds_findings, unset_key_findings
from farthing.policies.finding import Finding
from farthing.policies.hedging import hedging_findings
from farthing.policies.reach import reach_findings
from farthing.policies.setup import Setup
from farthing.policies.spending import spending_findings
from farthing.policies.trouble import trouble_findings
from farthing.result import Notice


def findings_of(
    setup: Setup, inert: Iterable[Notice] = (), *, unset_keys: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Rules that can never act first, then what acts otherwise than one might think.

    `inert` is what the loader knows of settings that this version does not act on, `unset_keys` variables
    for keys that hold none.
    """
    found = [
        *reach_findings(setup),
        *trouble_findings(setup),
        *hedging_findings(setup),
        *spending_findings(setup),
        *alerting_findings(setup),
        *bounds_findings(setup, inert),
        *unset_key_findings(unset_keys),
    ]
    return tuple(sorted(found, key=lambda one: one.level != "finding"))
