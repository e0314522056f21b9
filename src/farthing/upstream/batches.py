"""OpenRouter's batches on the wire: a submission to bytes, a batch object to a value. Pure.

`POST /api/beta/batches` takes many requests for one model; `GET …/{id}` tells its state and, once it has
ended, each item's answer by the `custom_id` it was given. An answer has a generation id and, by the
documentation, no usage: its bill is `/generation`'s, and the whole batch's is `usage.cost`. There is no way
to cancel one. This is a beta: unknown fields and states are tolerated (ADR 0014).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from farthing.task import Completion
from farthing.upstream.chunk import balance_of
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.wire import parse_body

_ENDPOINT = "/v1/chat/completions"
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_MARK = "batch:"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a batch: our call's id, and the encoded request as it would be sent directly."""

    custom_id: str
    body: bytes


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a batch. `answers` is by `custom_id`, a failed item's answer is a `Failure`."""

    id: str
    status: str
    completed: int | None = None
    """How many requests were answered; None: not said."""
    cost: Decimal | None = None
    """What the whole batch was billed, US dollars."""
    answers: Mapping[str, Completion | Failure] = msgspec.field(
        default_factory=dict[str, Completion | Failure]
    )
    problem: str = ""

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


class _Counts(msgspec.Struct, gc=False):
    completed: int | None = None


class _Usage(msgspec.Struct, gc=False):
    cost: msgspec.Raw = msgspec.Raw(b"")


class _Response(msgspec.Struct, gc=False):
    status_code: int = 200
    body: msgspec.Raw = msgspec.Raw(b"")


class _Result(msgspec.Struct, gc=False):
    custom_id: str = ""
    response: _Response | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


class _Error(msgspec.Struct, gc=False):
    message: str | None = None


class _Batch(msgspec.Struct, gc=False):
    id: str
    status: str
    request_counts: _Counts | None = None
    usage: _Usage | None = None
    results: list[_Result] | None = None
    error: _Error | None = None


_DECODER = msgspec.json.Decoder(_Batch, strict=False)
_ERROR = msgspec.json.Decoder(_Error, strict=False)


def encode_batch(model: str, items: Iterable[Item]) -> bytes:
    """The submission's JSON: `endpoint` and `model` before `requests`, or it is refused."""
    body = {
        "endpoint": _ENDPOINT,
        "model": model,
        "requests": [{"custom_id": item.custom_id, "body": msgspec.Raw(item.body)} for item in items],
    }
    return msgspec.json.encode(body)


def parse_batch(body: bytes) -> Batch | Failure:
    """A 2xx of the endpoint."""
    try:
        told = _DECODER.decode(body)
    except (ValueError, RecursionError):
        return Failure(
            kind=FailureKind.malformed, message="/batches answered with something else", status=200
        )
    return Batch(
        id=told.id,
        status=told.status,
        completed=None if told.request_counts is None else told.request_counts.completed,
        cost=None if told.usage is None else balance_of(told.usage.cost),
        answers={result.custom_id: _answer(result) for result in told.results or ()},
        problem="" if told.error is None else told.error.message or "",
    )


def marked(batch_id: str) -> str:
    """How the ledger keeps a batch's id where a call's generation id will be."""
    return f"{_MARK}{batch_id}"


def batch_of(generation_id: str | None) -> str | None:
    """The batch that a ledger's id names; None where it is a generation's own."""
    if generation_id is None or not generation_id.startswith(_MARK):
        return None
    return generation_id.removeprefix(_MARK)


def costs_nothing(batch: Batch, billed: Sequence[Decimal | None]) -> bool:
    """Whether a batch's items without an answer are known to be free. `billed` are the bills of the others.

    Absent is not zero: it is so where nothing was answered, or where the others' bills are the whole.
    """
    if not batch.ended:
        return False
    if not billed:
        return batch.cost == 0 or (batch.cost is None and batch.completed == 0)
    known = [cost for cost in billed if cost is not None]
    return batch.cost is not None and len(known) == len(billed) and sum(known) == batch.cost


def _answer(result: _Result) -> Completion | Failure:
    response = result.response
    if response is not None and bytes(response.body):
        return parse_body(response.status_code, {}, bytes(response.body))
    return Failure(
        kind=FailureKind.server_error, message=f"the batch's item failed: {_words(bytes(result.error))}"
    )


def _words(error: bytes) -> str:
    try:
        return _ERROR.decode(error).message or "no reason was given"
    except ValueError:
        return "no reason was given"
