"""Where an answer broke off and another attempt went on: what both say is said once.

Pure. A model that goes on is asked to begin with the last words it had written, for only so can it be told
whether its first word is a new one or the rest of one. What it repeats is left out; where it repeats nothing
the texts are put together as they are.
"""

_TAIL = 600
"""How far back in the text a repetition may begin."""
_LEAST = 10
"""So many letters and digits must be the same: a row of a table or an indent is no repetition."""


def joined(left: str, right: str) -> str:
    """Both texts as one."""
    return left + right[overlap(left, right) :]


def overlap(left: str, right: str) -> int:
    """How many characters at the beginning of `right` only repeat the end of `left`."""
    tail = left[-_TAIL:]
    for length in range(min(len(tail), len(right)), _LEAST - 1, -1):
        if tail.endswith(right[:length]) and sum(map(str.isalnum, right[:length])) >= _LEAST:
            return length
    return 0


class Seam:
    """The same for a text that comes in pieces: holds them back while they may be a repetition."""

    def __init__(self, left: str) -> None:
        self._left, self._held, self._decided = left[-_TAIL:], "", False

    def take(self, piece: str) -> str:
        """What of the text so far can be handed on; empty while that is not known."""
        if self._decided:
            return piece
        self._held += piece
        return "" if self._held in self._left else self.rest()

    def rest(self) -> str:
        """What is still held back, when no more comes."""
        held, self._held, self._decided = self._held, "", True
        return held[overlap(self._left, held) :]
