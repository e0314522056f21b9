"""What a run's journal is told: a step that was done, and a piece of work that has ended. Values only.

They travel with the ledger's events, so that a step is written in the transaction that settles its call. They
are no part of the chain: a journal is deleted when its run needs it no more, and proves nothing.
"""

from typing import Literal

import msgspec

from farthing.task import StepKey

StepKind = Literal["model", "tools"]


class StepDone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A step and what it came to: JSON of a `TaskResult`, or of the tools' results."""

    key: StepKey
    kind: StepKind
    at_us: int
    body: str
    call_id: str = ""
    """The ledger's call that was paid for it; empty for a round of tools."""


class PieceDone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of work as it ended: JSON of its result, without the texts that its steps have."""

    run_id: str
    piece: str
    epoch: int
    result: str
    call_id: str = ""
    """Of none: every event of the ledger has one."""


Journalled = StepDone | PieceDone
