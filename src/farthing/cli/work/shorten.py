"""`farthing shorten`: what the rules and the approved rewrites take out of a prompt. Sends nothing."""

import difflib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, cast

from rich.text import Text

from farthing.cli.work import show
from farthing.cli.work.counting import Counter, counter_for
from farthing.config.load import load_config
from farthing.errors import InvalidTaskError
from farthing.prompt.optimize import per_rule
from farthing.prompt.rewritefile import rewrite_book
from farthing.prompt.shorten import shortened
from farthing.result import Shortening
from farthing.task import Message, Task, message_from

_STYLES = {"-": "red", "+": "green", "@": "cyan"}


def tell_shortened(
    file: str | None,
    source: str | Path | None,
    *,
    role: Literal["system", "user"],
    model: str | None,
    as_json: bool,
) -> None:
    """Raises `InvalidTaskError` for a prompt that cannot be read."""
    settings = load_config(source).optimization.prompt_optimization
    text, raw = prompt_from(file)
    messages = _conversation(raw, text, role)
    task = Task(messages=messages)
    switched_on = settings.model_copy(update={"enabled": True})
    found = shortened(task, settings=switched_on, rewrites=rewrite_book(settings.rewrites))
    counter = counter_for(model)
    if as_json:
        show.write_json(_json(task, found.task, found.shortening, counter))
        return
    after = found.task.conversation
    sys.stdout.write(_as_given(after) if raw is not None else after[0].text + "\n")
    sys.stdout.flush()
    _show(messages, after, found.shortening, counter)


def prompt_from(file: str | None) -> tuple[str, object]:
    """The text, and the messages that it is in JSON or None. Raises `InvalidTaskError`."""
    if file is None and sys.stdin.isatty():
        raise InvalidTaskError("there is no prompt", hint="name a file, or pipe it in")
    try:
        text = sys.stdin.read() if file in {None, "-"} else Path(str(file)).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidTaskError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidTaskError(f"{file} is not UTF-8 text") from None
    if not text.strip():
        raise InvalidTaskError("the prompt is empty")
    return text.removesuffix("\n"), _messages_in(text)


def _messages_in(text: str) -> object:
    """A JSON list of objects with roles, alone or under `messages`; None for any other text."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = cast("object", json.loads(text))
    except ValueError:
        return None
    if isinstance(value, dict):
        value = cast("Mapping[str, object]", value).get("messages")
    entries = cast("list[object]", value) if isinstance(value, list) else []
    told = all(isinstance(one, dict) and "role" in one for one in entries)
    return entries if entries and told else None


def _conversation(raw: object, text: str, role: Literal["system", "user"]) -> tuple[Message, ...]:
    if raw is None:
        return (Message(role=role, content=text),)
    given = cast("list[Mapping[str, object]]", raw)
    return tuple(message_from(one, position=at) for at, one in enumerate(given))


def _as_given(messages: Iterable[Message]) -> str:
    """The messages in the chat completions shape."""
    return json.dumps([_shape_of(one) for one in messages], indent=2, ensure_ascii=False) + "\n"


def _shape_of(message: Message) -> dict[str, object]:
    told: dict[str, object] = {"role": message.role, "content": show.as_json(message.content)}
    if message.tool_calls:
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    optional = {"tool_call_id": message.tool_call_id, "name": message.name, "pinned": message.pinned or None}
    return told | {name: value for name, value in optional.items() if value is not None}


def _show(
    before: tuple[Message, ...], after: tuple[Message, ...], shortening: Shortening | None, counter: Counter
) -> None:
    out = show.console(stderr=True)
    if shortening is None:
        out.print(f"nothing to take out; {_total(before, counter):,} tokens, {counter.basis}")
        return
    for line in diff_of(before, after):
        out.print(Text(show.plain(line), style=_STYLES.get(line[:1], "")), soft_wrap=True)
    rows = [
        [name, f"{count:,}", f"{saved:,}"] for name, (count, saved) in per_rule(shortening.changes).items()
    ]
    out.print(
        show.table(["rule", "times", "tokens, each alone"], rows, right=["times", "tokens, each alone"])
    )
    sums = _total(before, counter), _total(after, counter)
    out.print(f"{sums[0]:,} tokens before, {sums[1]:,} after, {counter.basis}")


def diff_of(before: Iterable[Message], after: Iterable[Message]) -> Iterable[str]:
    """The changed lines of each message, as a unified diff."""
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        lines = difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), n=1, lineterm="")
        for number, line in enumerate(lines):
            if number >= 2:  # the two lines that name files
                yield f"@@ message {at}, {old.role} {line[3:]}" if line.startswith("@@") else line


def _total(messages: Iterable[Message], counter: Counter) -> int:
    return sum(counter.count(message.text) for message in messages)


def _json(task: Task, short: Task, shortening: Shortening | None, counter: Counter) -> dict[str, object]:
    changes = () if shortening is None else shortening.changes
    return {
        "messages": [_shape_of(one) for one in short.conversation],
        "tokens_before": _total(task.conversation, counter),
        "tokens_after": _total(short.conversation, counter),
        "counted_by": counter.basis,
        "rules": {
            name: {"times": count, "tokens": saved} for name, (count, saved) in per_rule(changes).items()
        },
        "changes": changes,
    }
