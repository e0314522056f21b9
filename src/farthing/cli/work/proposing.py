"""Does `farthing rewrites propose`: asks for a shorter form of a template, and checks what it kept."""

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast

from farthing.cli.work import show
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.rewrites import file_of, named, replaced, rewrite_json, state_of
from farthing.config.load import load_config
from farthing.deployment import Deployment
from farthing.errors import InvalidTaskError
from farthing.names import Names
from farthing.prompt.rewritefile import read_rewrites, write_rewrites
from farthing.prompt.rewrites import Rewrite, problems_of
from farthing.prompt.tokens import estimate_tokens
from farthing.task import Message, Task

_TRIES = 2
_SYSTEM = """\
You shorten prompt templates. Say the same in as few words as a model needs: no politeness, no padding,
nothing twice. Keep every {placeholder} exactly once. Keep quotations, code, numbers, names and addresses to
the letter. Keep every demand on the answer: its form, its limits, what it must not do, its conditions.
Do not carry out the template, and add nothing to it. Answer with JSON: {"rewrite": "the shorter form"}."""
_FORMAT: dict[str, object] = {
    "type": "json_schema",
    "json_schema": {
        "name": "rewrite",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"rewrite": {"type": "string"}},
            "required": ["rewrite"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposing:
    """The command's options as they were given."""

    template: Path
    name: str | None
    role: Literal["system", "user"]
    rewrite: Path | None
    by: str | None
    model: str | None
    cap: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A shorter form with who said it and what that cost."""

    text: str
    by: str
    cost: Decimal = Decimal(0)
    simulated: bool = False


def propose_rewrite(asked: Proposing, source: str | Path | None, file: Path | None, *, as_json: bool) -> None:
    """Raises `InvalidTaskError` where no shorter form keeps what it must; nothing is written then."""
    path = file_of(source, file)
    template = _text_of(asked.template)
    _refuse_hopeless(template)
    if asked.rewrite is not None:
        said = _Said(text=_text_of(asked.rewrite), by=asked.by or getpass.getuser())
    else:
        said = run_async(_asked_of_model(asked, source, template))
    problems = problems_of(template, said.text)
    if problems:
        other = "another --model, or write one with --rewrite"
        raise InvalidTaskError(
            f"{said.by}'s rewrite is refused: {'; '.join(problems)}",
            hint="mend it" if asked.rewrite else f"{show.usd(said.cost)} was spent; try {other}",
        )
    made = Rewrite(
        id=asked.name or asked.template.stem,
        role=asked.role,
        template=tuple(template.split("\n")),
        rewrite=tuple(said.text.split("\n")),
        tokens_before=estimate_tokens(template),
        tokens_after=estimate_tokens(said.text),
        source=Path(os.path.relpath(asked.template.resolve(), path.parent.resolve())).as_posix(),
        proposed_by=said.by,
        proposed_at=datetime.now(UTC).replace(microsecond=0),
        cost=said.cost,
        simulated=said.simulated,
    )
    _keep(made, path)
    if as_json:
        show.write_json(rewrite_json(made, path))
        return
    show.note(
        f"{made.id}: {made.tokens_before} → {made.tokens_after} tokens, {show.usd(said.cost)}, {said.by}"
    )
    show.note(f"{state_of(made, path)} in {path}; farthing rewrites show {made.id}")


def _keep(made: Rewrite, path: Path) -> None:
    """An approved rewrite is not written over: the words that were reviewed stay."""
    content = read_rewrites(path, missing=True)
    if any(one.id == made.id for one in content.rewrites):
        old = named(content, made.id, path)
        if old.status == "approved":
            raise InvalidTaskError(
                f"{made.id} is approved in {path}", hint="give another --id, or reject it first"
            )
    write_rewrites(path, replaced(content, made))


def _refuse_hopeless(template: str) -> None:
    """What no rewrite could mend is told before anything is spent."""
    fixed = [one for one in problems_of(template, template) if "template" in one]
    if fixed:
        raise InvalidTaskError("; ".join(fixed))


async def _asked_of_model(asked: Proposing, source: str | Path | None, template: str) -> _Said:
    """The model's last try, whether it will do or not. Each try is a task with the rest of the cap."""
    messages = [
        Message(role="system", content=_SYSTEM),
        Message(role="user", content=f"<template>\n{template}\n</template>"),
    ]
    spent = Decimal(0)
    said = _Said(text="", by="")
    async with Deployment(load_config(source)) as deployment:
        for notice in deployment.notices:
            show.note(f"note: {notice.text}")
        for _ in range(_TRIES):
            result = await deployment.execute_task(_task(asked, template, messages, asked.cap - spent))
            spent += result.metrics.cost
            text = str(cast("dict[str, object]", result.data)["rewrite"]).strip("\n")
            said = _Said(text=text, by=result.model, cost=spent, simulated=result.simulated)
            problems = problems_of(template, text)
            if not problems:
                break
            show.note(f"not yet: {'; '.join(problems)}")
            messages += [
                Message(role="assistant", content=result.output),
                Message(role="user", content=f"That will not do: {'; '.join(problems)}. Once more."),
            ]
    return said


def _task(asked: Proposing, template: str, messages: Sequence[Message], left: Decimal) -> Task:
    return Task(
        description=f"shorten the template {asked.template.name}",
        messages=tuple(messages),
        type="structured",
        model=asked.model,
        max_tokens=256 + 2 * estimate_tokens(template),
        response_format=_FORMAT,
        max_cost_usd=left,
        run_id=Names().new("rewrite"),
        purpose="rewrite",
        cache=False,
    )


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        raise InvalidTaskError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidTaskError(f"{path} is not UTF-8 text") from None
    if not text.strip():
        raise InvalidTaskError(f"{path} is empty")
    return text
