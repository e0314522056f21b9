"""The labelled pairs, and which half each belongs to."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

_HERE = Path(__file__).parent


class Pair(NamedTuple):
    """Two questions. `same`: an answer to one answers the other."""

    kind: str
    a: str
    b: str
    same: bool
    attack: bool = False
    """Written against the guards when they were there: in no half."""

    @property
    def held_out(self) -> bool | None:
        """Settled before any guard was tuned; see the README beside the pairs."""
        return None if self.attack else hashlib.sha256(self.a.encode()).digest()[0] % 2 == 1


def pairs() -> Sequence[Pair]:
    """All of them, in the order of their files."""
    return [
        Pair(same=same, attack=name == "attacks", **msgspec.json.decode(line, type=dict[str, str]))
        for name, same in (("paraphrases", True), ("adversarial", False), ("attacks", False))
        for line in (_HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
