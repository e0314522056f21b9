"""Vectors of tools' descriptions in a file of the user's cache, so that no process embeds them again.

Records of one length: the digest of a text and of the model, and its vector. A file that is torn, foreign or
cannot be written costs time and nothing else: its records are checked, and an error means no file.
"""

import os
from array import array
from collections.abc import Mapping
from hashlib import sha256
from math import isclose
from pathlib import Path

from farthing.cache.embed import WEIGHTS_SHA256
from farthing.cache.meaning import Vector

_DIMENSIONS = 384
_KEY_BYTES = 32
_RECORD_BYTES = _KEY_BYTES + 4 * _DIMENSIONS
_MOST_BYTES = 20_000 * _RECORD_BYTES


def vector_file(environ: Mapping[str, str]) -> Path | None:
    """Where it lies: below `XDG_CACHE_HOME`, else below `~/.cache`; None where there is no home."""
    folder = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if (home := environ.get("HOME")) else "")
    return Path(folder, "farthing", "tool-vectors.bin") if folder and Path(folder).is_absolute() else None


def digest_of(text: str) -> bytes:
    """What a text's vector is known by: another model has others."""
    return sha256(f"{WEIGHTS_SHA256}\n{text}".encode("utf-8", "surrogatepass")).digest()


def read_vectors(path: Path) -> dict[bytes, Vector]:
    """What the file has, by digest; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError:
        return {}
    found: dict[bytes, Vector] = {}
    for at in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
        vector = array("f", content[at + _KEY_BYTES : at + _RECORD_BYTES])
        if isclose(sum(value * value for value in vector), 1.0, abs_tol=1e-3):
            found[content[at : at + _KEY_BYTES]] = vector
    return found


def add_vectors(path: Path, vectors: Mapping[bytes, Vector]) -> None:
    """Appends them in one write, where there is room for them and the file is whole; never raises."""
    records = b"".join(key + array("f", vector).tobytes() for key, vector in vectors.items())
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size % _RECORD_BYTES:
                os.ftruncate(handle, 0)  # torn by a process that died: made anew
                size = 0
            if size + len(records) <= _MOST_BYTES:
                os.write(handle, records)
        finally:
            os.close(handle)
    except OSError:
        return
