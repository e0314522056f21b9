"""The command line's log: text or JSON lines on standard error, with the fields of a record and no secret.

Only the command line sets this up. A program that uses Farthing keeps its own logging; `RedactingFilter` may
be put on its handlers.
"""

import json
import logging
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TextIO

from farthing.content.redact import Redact, redactor
from farthing.errors import ConfigError, ConfigFault, nearest

FORMAT, LEVEL = "FARTHING_LOG", "FARTHING_LOG_LEVEL"
FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
LOGGERS = ("farthing", "opentelemetry")
"""Whose lines are shown: ours, and those of the exporters that a deployment may start."""

FIELDS = (
    *("call_id", "task_id", "run_id", "agent_id", "key", "task_type", "purpose", "model", "status", "error"),
    *("attempts", "input_tokens", "output_tokens", "cost_usd", "cost_basis", "latency_ms", "simulated"),
)
"""What a record may carry in `extra`, in the order in which a line shows it."""

_SHORT = ("call_id", "task_id", "run_id")  # what a line of text shows: the rest is in its words

Format = Literal["text", "json"]


class RedactingFilter(logging.Filter):
    """Takes secrets out of a record: its message, its fields, the text of its exception.

    Put it on a handler, not on a logger: a logger's filter does not see the records of those below it. It
    changes the record, so handlers that come after have it clean too.
    `secrets` are cut out letter by letter; what has the form of a key is cut out in any case.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = frozenset(secrets)
        self._redact = redacts(self._secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Cuts these out too, from now on."""
        self._secrets |= frozenset(secrets)
        self._redact = redacts(self._secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """True: every record passes, cleaned."""
        record.msg, record.args = self._redact(_message(record)), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        for name in ("exc_text", "stack_info", *FIELDS):
            value: object = getattr(record, name, None)
            if isinstance(value, str):
                setattr(record, name, self._redact(value))
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and the fields the record has.

    Stands behind `RedactingFilter`, which turns an exception into text.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record, FIELDS),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """One line: time (UTC), level, logger, message, and the ids the record has."""

    def format(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={value}" for name, value in _fields(record, _SHORT).items())
        line = f"{_time(record)} {record.levelname.lower():<7} {record.name}: {record.getMessage()}{ids}"
        return f"{line}\n{record.exc_text}" if record.exc_text else line


@contextmanager
def logging_to(stream: TextIO, *, environ: Mapping[str, str], secrets: Iterable[str] = ()) -> Generator[None]:
    """Logs to `stream` inside the block, as `FARTHING_LOG` and `FARTHING_LOG_LEVEL` say.

    Raises `ConfigError` for a word that is not one of theirs.
    """
    shape = _word(environ, FORMAT, FORMATS, "text")
    level = _word(environ, LEVEL, LEVELS, "info")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if shape == "json" else TextFormatter())
    handler.addFilter(RedactingFilter(secrets))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level.upper())
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (old, propagated) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)
            logger.propagate = propagated


def tell_filters(secrets: Iterable[str]) -> None:
    """Tells the redacting filters on the handlers of our loggers what a deployment was given in secret."""
    known = frozenset(secrets)
    for handler in (one for name in (*LOGGERS, None) for one in logging.getLogger(name).handlers):
        for added in handler.filters:
            if isinstance(added, RedactingFilter):
                added.add(known)


def redacts(secrets: Iterable[str]) -> Redact:
    """What spans go through: the same as log lines."""
    return redactor(("key",), secrets=secrets)


def _word(environ: Mapping[str, str], name: str, known: tuple[str, ...], usual: str) -> str:
    given = environ.get(name, "").strip().lower()
    if not given:
        return usual
    if given not in known:
        problem = f"{given!r} is not one of {', '.join(known)}"
        fault = ConfigFault(path=name, value=given, problem=problem, nearest=nearest(given, known))
        raise ConfigError("the environment", [fault])
    return given


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a line that does not fit its arguments is still a line
        return str(record.msg)


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _fields(record: logging.LogRecord, names: Iterable[str]) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(record, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}
