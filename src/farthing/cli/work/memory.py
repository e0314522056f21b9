"""`farthing memory`: shared memory in one ledger's database, on a terminal or as JSON."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import typer

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.config.load import load_config
from farthing.errors import FarthingError
from farthing.swarm.memory.entry import Conflict, MemoryChange, MemoryEntry
from farthing.swarm.memory.shared import MOST_LISTED, Memories, Memory, open_memories

T = TypeVar("T")

_WRITER = "farthing memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which database and tenant are meant, and how it is told."""

    config: Path | None
    database: str | None
    simulated: bool
    as_json: bool
    tenant: str | None


def tell_namespaces(asked: Asked) -> None:
    """Prints the namespaces, of one tenant if one is named."""

    async def read(memories: Memories) -> list[dict[str, object]]:
        return [
            {"namespace": one.namespace, "key": one.tenant or None, "entries": one.entries}
            for one in await memories.namespaces()
            if asked.tenant in (None, one.tenant)
        ]

    found = _run(asked, read)
    if asked.as_json:
        show.write_json(found)
    elif not found:
        show.note("nothing is remembered")
    else:
        rows = [(str(one["namespace"]), str(one["key"] or "—"), f"{one['entries']:,}") for one in found]
        show.console().print(show.table(("namespace", "key", "entries"), rows, right=("entries",)))


def tell_entries(asked: Asked, namespace: str, *, prefix: str, limit: int, after: str) -> None:
    """Prints entries by their keys."""

    async def read(memories: Memories) -> list[MemoryEntry]:
        memory, found, last = _of(memories, asked, namespace), list[MemoryEntry](), after
        while len(found) < limit:
            most = min(MOST_LISTED, limit - len(found))
            page = await memory.list(prefix, limit=most, after=last)
            found += page
            if len(page) < most:
                break
            last = page[-1].key
        return found

    found = _run(asked, read)
    if asked.as_json:
        show.write_json([_json(entry) for entry in found])
    elif not found:
        show.note(f"nothing is kept in {namespace}")
    else:
        columns = ("key", "value", "version", "changed", "by", "until")
        show.console().print(
            show.table(columns, [_line(entry) for entry in found], right=("version",), cut=("value",))
        )


def tell_entry(asked: Asked, namespace: str, key: str) -> None:
    """Prints one value. Raises `FarthingError` where there is none."""
    found = _run(asked, lambda memories: _of(memories, asked, namespace).get(key))
    if found is None:
        raise FarthingError(f"nothing is kept under {key!r} in {namespace}")
    if asked.as_json:
        show.write_json(_json(found))
    else:
        show.console().print(show.plain(_text(found.value)), soft_wrap=True)


def keep(
    asked: Asked, namespace: str, key: str, value: str, *, ttl_s: float | None, version: int | None
) -> None:
    """Keeps a value. Raises `FarthingError` where it is not over the version that is meant."""

    async def put(memories: Memories) -> int:
        memory, given = _of(memories, asked, namespace), _value(value)
        if version is None:
            return await memory.put(key, given, ttl_s=ttl_s)
        kept = await memory.compare_and_set(key, given, version, ttl_s=ttl_s)
        if isinstance(kept, Conflict):
            raise FarthingError(f"{key!r} has version {kept.version}, not {version}: nothing was changed")
        return kept.version

    made = _run(asked, put)
    if asked.as_json:
        show.write_json({"key": key, "version": made})
    else:
        show.note(f"{key} is kept as version {made}")


def forget(asked: Asked, namespace: str, key: str | None, *, prefix: str, yes: bool) -> None:
    """Deletes one entry or all. Raises `FarthingError` where there is none, or without leave."""
    if key is None and not yes and not _agreed(namespace, prefix):
        raise FarthingError("nothing was forgotten", hint="say --yes where nobody can be asked")

    async def delete(memories: Memories) -> int:
        memory = _of(memories, asked, namespace)
        if key is not None:
            return await memory.delete(key)
        gone = 0
        while page := await memory.list(prefix, limit=MOST_LISTED):
            gone += sum(await asyncio.gather(*(memory.delete(entry.key) for entry in page)))
        return gone

    gone = _run(asked, delete)
    if key is not None and not gone:
        raise FarthingError(f"nothing is kept under {key!r} in {namespace}")
    show.note(f"{gone:,} {'entry' if gone == 1 else 'entries'} forgotten")


def tell_found(asked: Asked, namespace: str, words: str, *, limit: int) -> None:
    """Prints what words find."""
    found = _run(asked, lambda memories: _of(memories, asked, namespace).search(words, limit=limit))
    if asked.as_json:
        show.write_json([{**_json(one.entry), "snippet": one.snippet, "words": one.words} for one in found])
    elif not found:
        show.note(f"no entry of {namespace} has any of these words")
    else:
        rows = [(one.entry.key, one.snippet, " ".join(one.words)) for one in found]
        show.console().print(show.table(("key", "text", "words"), rows, cut=("text",)))


def tell_changes(asked: Asked, namespace: str, *, prefix: str, since: int | None, count: int | None) -> None:
    """Prints changes as they come."""

    async def follow(memories: Memories) -> None:
        told = 0
        async for change in _of(memories, asked, namespace).watch(prefix, since=since):
            _tell_change(change, as_json=asked.as_json)
            told += 1
            if told == count:
                return

    if not asked.as_json:
        show.note(f"watching {namespace}; Ctrl-C ends it")
    _run(asked, follow)


def _tell_change(change: MemoryChange, *, as_json: bool) -> None:
    if as_json:
        told = {
            "kind": change.kind,
            "key": change.key,
            "version": change.version,
            "value": change.value,
            "changed_at": change.changed_at.isoformat(),
            "changed_by": change.changed_by,
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        value = f" {_text(change.value)}" if change.kind == "put" else ""
        line = f"{_at(change.changed_at)}  {change.version}  {change.kind}  {change.key}{value}"
        sys.stdout.write(" ".join(show.plain(line).splitlines()) + "\n")
    sys.stdout.flush()


def _run(asked: Asked, work: Callable[[Memories], Awaitable[T]]) -> T:
    settings = load_config(asked.config).swarm.memory
    with ledger_at(asked.config, database=asked.database, simulated=asked.simulated) as ledger:

        async def run() -> T:
            memories = open_memories(ledger, settings)
            try:
                return await work(memories)
            finally:
                await memories.aclose()

        return asyncio.run(run())


def _of(memories: Memories, asked: Asked, namespace: str) -> Memory:
    return memories.open(namespace, key=asked.tenant, by=_WRITER)


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _agreed(namespace: str, prefix: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"Forget everything in {namespace}{f' below {prefix}' if prefix else ''}?", err=True)


def _json(entry: MemoryEntry) -> dict[str, object]:
    return {
        "key": entry.key,
        "value": entry.value,
        "version": entry.version,
        "changed_at": entry.changed_at,
        "changed_by": entry.changed_by,
        "expires_at": entry.expires_at,
    }


def _line(entry: MemoryEntry) -> tuple[str, ...]:
    until = "" if entry.expires_at is None else _at(entry.expires_at)
    value = " ".join(_text(entry.value).split())
    return entry.key, value, str(entry.version), _at(entry.changed_at), entry.changed_by, until


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
