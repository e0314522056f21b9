"""What a deployment gives to its swarms beside the way to a model. Words only; a swarm may do without."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from farthing.config.tooling import RoleTools
from farthing.swarm.calls import Offer, offer_all
from farthing.swarm.equipment import Supply
from farthing.swarm.keeping import Durable
from farthing.swarm.memory.shared import Memory
from farthing.swarm.placing import Driving


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`supply` has the tools of servers and the built-in ones, `rules` say which of them a role may use, and
    `offer` which an agent is told at a step. `memory` opens a namespace of shared memory. `durable` makes
    runs last; None where they need not. `driving` opens who does the pieces; None is this process."""

    supply: Supply | None = None
    rules: Mapping[str, RoleTools] = field(default_factory=dict[str, RoleTools])
    offer: Offer = offer_all
    memory: Callable[[str], Memory] | None = None
    durable: Durable | None = None
    driving: Driving | None = None
