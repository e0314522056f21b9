"""Where a request's randomness comes from: the seed and what the request says, not when it arrives.

The same request asked again draws anew; the same run with the same seed repeats, also when its requests
arrive in another order. Identifiers of a session, a user or a run play no part.
"""

from collections import Counter
from hashlib import blake2b
from random import Random

import msgspec

from farthing.simulator.request import ChatBody

_FIRST_PART = 5
"""An overrun never falls into the first fifth of its block, so that a short run has none."""


class Draws:
    """Random generators for one simulator."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._key = str(seed).encode()
        self._asked = Counter[bytes]()
        self._replies = 0
        self._block = -1
        self._position = 0

    def generator(self, body: ChatBody) -> Random:
        """A generator for this request: by seed, content, and how often it was asked before."""
        said = (body.names, body.messages, body.tools, body.tool_choice, body.response_format, body.bound)
        digest = blake2b(msgspec.json.encode(said), key=self._key, digest_size=8).digest()
        self._asked[digest] += 1
        return Random(int.from_bytes(digest) * 1_000_003 + self._asked[digest])

    def overruns(self, rate: float) -> bool:
        """Whether the next reply is an overrun: exactly one in each block of `1 / rate` replies."""
        if rate <= 0:
            return False
        size = max(1, round(1 / rate))
        block, place = divmod(self._replies, size)
        self._replies += 1
        if block != self._block:
            self._block = block
            self._position = Random(f"{self._seed}:{block}").randrange(size // _FIRST_PART, size)
        return place == self._position
