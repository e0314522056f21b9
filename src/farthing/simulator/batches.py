"""`/api/beta/batches`: many requests to one model, answered later at half price, results inline.

The shape is OpenRouter's batch quickstart's: `endpoint` and `model` stand before `requests`, a submission is
202 `validating`, and an item's answer has a generation id of its own but no usage. There is no endpoint to
cancel: `DELETE` takes away a batch that has ended, and is a 409 before. What is billed is billed when the
batch ends, item by item, whether anybody asks or not.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, cast

import msgspec

from farthing.simulator.bill import Row, raw
from farthing.simulator.chat import ChatDesk
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.framing import Request
from farthing.simulator.reply import Reply
from farthing.simulator.request import Admitted, ChatBody, read_body
from farthing.simulator.shapes import items, mapping
from farthing.simulator.wire import plain_body

PATH = "/api/beta/batches"
_ENDPOINT = "/v1/chat/completions"
_STAGES = ((0.1, "validating"), (0.9, "in_progress"), (1.0, "finalizing"))
_FAILED_ITEM: Mapping[str, object] = {"code": "server_error", "message": "[simulated] this item failed"}

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired"]


@dataclass(slots=True, kw_only=True)
class _Item:
    """One request of a batch, and its answer once the batch has ended; None for one that failed."""

    custom_id: str
    admitted: Admitted
    reply: Reply | None = None


@dataclass(slots=True, kw_only=True)
class _Batch:
    id: str
    model: str
    created: int
    began: float
    took_s: float
    items: list[_Item]
    held: bool
    ended: Status | None = None
    finalized: int | None = None
    rows: list[Row] = field(default_factory=list[Row])


class BatchDesk:
    """Batches of one simulator; its answers, draws and bill are the chat desk's."""

    def __init__(self, chat: ChatDesk) -> None:
        self._chat = chat
        self._batches: dict[str, _Batch] = {}
        self._made = 0

    @property
    def under_way(self) -> int:
        """How many batches have not ended."""
        return sum(batch.ended is None for batch in self._batches.values())

    def release(self) -> int:
        """Ends every held batch; says how many there were."""
        held = [batch for batch in self._batches.values() if batch.held and batch.ended is None]
        for batch in held:
            self._end(batch)
        return len(held)

    def answer(self, request: Request, path: str) -> tuple[int, Mapping[str, object]] | Condition:
        """Status and body of one request to the endpoint."""
        name = path.removeprefix(PATH).strip("/")
        if request.method == "POST" and not name:
            made = self._create(request.body)
            return made if isinstance(made, Condition) else (202, self._told(made))
        batch = self._batches.get(name)
        if batch is None or request.method not in ("GET", "DELETE"):
            return Condition(status=404, message=f"Batch {name} not found.", error_type="not_found")
        if request.method == "GET":
            return 200, self._told(batch)
        if batch.ended is None:
            return Condition(status=409, message="The batch is in flight.", error_type="invalid_request")
        del self._batches[name]
        return 200, {"id": name, "object": "batch.deleted", "deletion": {"openrouter": "deleted"}}

    def _create(self, body: bytes) -> _Batch | Condition:
        read = _read(body)
        if isinstance(read, Condition):
            return read
        model, given = read
        made: list[_Item] = []
        for custom_id, chat in given.items():
            admitted = self._chat.admitted(chat, size=len(body))
            if isinstance(admitted, Condition):
                return admitted
            made.append(_Item(custom_id=custom_id, admitted=admitted))
        self._made += 1
        loop, scenario = asyncio.get_running_loop(), self._chat.scenario
        created = int(self._chat.now().timestamp())
        batch = _Batch(
            id=f"batch_{created}_sim{self._made:05d}",
            model=model,
            created=created,
            began=loop.time(),
            took_s=scenario.batch_s * self._chat.time_scale,
            items=made,
            held=scenario.batch_held,
        )
        self._batches[batch.id] = batch
        if not batch.held:
            loop.call_later(batch.took_s, self._end, batch)
        return batch

    def _end(self, batch: _Batch) -> None:
        """Answers and bills every item, unless the scenario lets the batch come to nothing."""
        scenario = self._chat.scenario
        batch.ended = cast("Status", scenario.batch_ends)
        batch.finalized = int(self._chat.now().timestamp())
        if batch.ended != "completed":
            return
        for item in batch.items:
            drawn = self._chat.batch_reply(item.admitted, failure_rate=scenario.batch_failure_rate)
            if drawn is not None:
                item.reply = drawn
                batch.rows.append(self._chat.book_batched(drawn))

    def _told(self, batch: _Batch) -> Mapping[str, object]:
        completed = batch.ended == "completed"
        done = sum(item.reply is not None for item in batch.items)
        failed = len(batch.items) - done if completed else 0
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": _ENDPOINT,
            "model": batch.model,
            "completion_window": "24h",
            "status": self._status(batch),
            "created_at": batch.created,
            "finalized_at": batch.finalized,
            "request_counts": {"total": len(batch.items), "completed": done, "failed": failed},
            "usage": _usage(batch.rows) if completed else None,
            "results": [_result(item) for item in batch.items] if completed else None,
            "error": {"message": f"[simulated] the batch {batch.ended}"}
            if batch.ended and not completed
            else None,
        }

    def _status(self, batch: _Batch) -> str:
        if batch.ended is not None:
            return batch.ended
        if batch.held:
            return "in_progress"
        gone = (asyncio.get_running_loop().time() - batch.began) / (batch.took_s or 1.0)
        return next((stage for until, stage in _STAGES if gone < until), "finalizing")


def _read(body: bytes) -> tuple[str, dict[str, ChatBody]] | Condition:
    """The model and the requests by their `custom_id`, or the 400 that the submission gets."""
    try:
        said = mapping(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return _invalid("The body is not valid JSON.")
    names = list(said)
    if not {"endpoint", "model", "requests"} <= set(names) or names.index("requests") < max(
        names.index("endpoint"), names.index("model")
    ):
        return _invalid("Give `endpoint` and `model` before `requests`.")
    if said["endpoint"] != _ENDPOINT:
        return _invalid(f"The simulator's batches serve {_ENDPOINT} alone.")
    model = str(said["model"])
    found: dict[str, ChatBody] = {}
    for entry in map(mapping, items(said["requests"])):
        custom_id, asked = entry.get("custom_id"), mapping(entry.get("body"))
        if not isinstance(custom_id, str) or not custom_id or custom_id in found:
            return _invalid("Each request needs a `custom_id` of its own.")
        if asked.get("model", model) != model:
            return _invalid(f"The model of {custom_id} is not the batch's.")
        chat = read_body(msgspec.json.encode({**asked, "model": model.removesuffix(":batch")}))
        if isinstance(chat, Condition):
            return chat
        if chat.stream or any(isinstance(message.content, list) for message in chat.messages):
            return _invalid("Batch does not support streams or content parts.")
        found[custom_id] = chat
    return (model, found) if found else _invalid("`requests` is empty.")


def _result(item: _Item) -> Mapping[str, object]:
    if item.reply is None:
        return {"id": None, "custom_id": item.custom_id, "response": None, "error": _FAILED_ITEM}
    reply = item.reply
    refused = reply.answer.finish_reason == "content_filter"
    body = plain_body(reply.identity, reply.answer, usage=None, reasoning=False, refused=refused)
    response = {"status_code": 200, "request_id": reply.identity.id, "body": msgspec.Raw(body)}
    return {
        "id": f"batch_req_{reply.identity.id}",
        "custom_id": item.custom_id,
        "response": response,
        "error": None,
    }


def _usage(rows: list[Row]) -> Mapping[str, object]:
    prompt = sum(row.tokens.prompt for row in rows)
    completion = sum(row.tokens.completion for row in rows)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": raw(sum((row.priced.openrouter for row in rows), Fraction(0))),
        "is_byok": False,
    }


def _invalid(message: str) -> Condition:
    return Condition(status=400, message=message, error_type=CONDITIONS["invalid_request"].error_type)
