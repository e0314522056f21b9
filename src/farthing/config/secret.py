"""A value that must not be shown. Where it comes from is `environment.py`'s business."""

from typing import Final, NoReturn

_HIDDEN: Final = "***"


class Secret:
    """Text that prints as `***` everywhere; `reveal()` is the one way to it.

    It cannot be pickled or copied into JSON by accident, and compares by identity only, so that no
    assertion or log shows it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for the request's Authorization header and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return _HIDDEN

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, format_spec: str) -> str:
        return _HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
