"""Text that upstream is ahead of its reader: a queue that is full by what it holds, not only by how many.

One read of a busy connection brings many tokens as one text, so that a count of texts alone bounds little.
Behind a full queue the exchange is not read, and upstream's socket fills.
"""

import asyncio

TEXTS = 64
CHARACTERS = 16_384
"""The text that passes it is still taken: there is always room for one."""


class ReadAhead(asyncio.Queue[str | None]):
    """Use from one event loop. None is a mark, and weighs nothing."""

    def __init__(self) -> None:
        super().__init__(TEXTS)
        self._characters = 0

    def full(self) -> bool:
        return self._characters >= CHARACTERS or super().full()

    def _put(self, item: str | None) -> None:
        self._characters += len(item or "")
        super()._put(item)

    def _get(self) -> str | None:
        item = super()._get()
        self._characters -= len(item or "")
        return item
