"""The file of reviewed rewrites: read, and written whole or not at all. What is in it is `rewrites.py`'s."""

import json
import os
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec

from farthing.errors import ConfigError, ConfigFault
from farthing.prompt.rewrites import RewriteBook, Rewrites, faults_in

_SETTING = "optimization.promptOptimization.rewrites"


def read_rewrites(path: Path, *, missing: bool = False) -> Rewrites:
    """The file's content; with `missing`, nothing for a file that is not there. Raises `ConfigError`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if missing:
            return Rewrites()
        raise _fault(path, "there is no such file; `farthing rewrites propose` begins one") from None
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror}") from None
    try:
        found = msgspec.json.decode(content, type=Rewrites)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _fault(path, f"is no file of rewrites: {error}") from None
    faults = faults_in(found.rewrites)
    if faults:
        raise _fault(path, "; ".join(faults))
    return found


def rewrite_book(path: str | None) -> RewriteBook:
    """What a deployment looks up. Raises `ConfigError`."""
    return RewriteBook(() if path is None else read_rewrites(Path(path)).rewrites)


def write_rewrites(path: Path, rewrites: Rewrites) -> None:
    """Raises `ConfigError` where it cannot be written."""
    plain = cast("object", msgspec.to_builtins(rewrites, builtin_types=(Decimal,)))
    text = json.dumps(plain, indent=2, ensure_ascii=False, default=str) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, half = tempfile.mkstemp(dir=path.parent, suffix=".half")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(half).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            Path(half).replace(path)
        finally:
            Path(half).unlink(missing_ok=True)
    except OSError as error:
        raise _fault(path, f"cannot be written: {error.strerror}") from None


def _fault(path: Path, problem: str) -> ConfigError:
    return ConfigError(str(path), [ConfigFault(path=_SETTING, value=str(path), problem=problem)])
