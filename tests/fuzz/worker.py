"""One target under atheris, in a process of its own; libFuzzer never returns. See `__main__.py`.

Our readers and the repair of JSON are instrumented, so that what reaches a new branch is kept and mutated;
what msgspec and llhttp do in C is not.
"""

import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, cast

INSTRUMENTED = (
    *("farthing.upstream", "farthing.prompt.emulate", "farthing.routing.validate", "farthing.catalog"),
    *("farthing.spend.settlement", "farthing.money", "json_repair", "email._parseaddr"),
)


class _Atheris(Protocol):
    """The part of atheris that is used; it is not installed where the checks run."""

    def instrument_imports(self, include: list[str]) -> AbstractContextManager[None]: ...
    def Setup(self, argv: list[str], take: Callable[[bytes], None]) -> object: ...  # noqa: N802 - its name
    def Fuzz(self) -> None: ...  # noqa: N802 - its name


def main(name: str, arguments: list[str]) -> None:
    atheris = cast(_Atheris, cast(object, importlib.import_module("atheris")))
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.targets import TARGETS

        importlib.import_module("json_repair")  # the product loads it only when it is needed
    target = TARGETS[name]
    with ExitStack() as stack:
        take = target.take if target.opened is None else stack.enter_context(target.opened())
        atheris.Setup([f"fuzz-{name}", *arguments], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
