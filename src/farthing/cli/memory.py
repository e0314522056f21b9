"""`farthing memory`: what agents and runs share. What it takes; `work/memory.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

Namespace = Annotated[
    str, typer.Argument(metavar="NAMESPACE", help="As shared:NAME, or run:RUN_ID of a swarm's run.")
]
EntryKey = Annotated[str, typer.Argument(metavar="KEY", help="The entry's name.")]
Tenant = Annotated[str | None, typer.Option("--key", metavar="NAME", help="The tenant whose memory it is.")]
Prefix = Annotated[str, typer.Option("--prefix", help="Only keys that begin so.")]

_LIST = """\
**Examples**

farthing memory list

farthing memory list shared:notes --prefix plan/

farthing memory list run:run-5f3a9c0e7b12 --simulated --json
"""
_GET = """\
**Examples**

farthing memory get shared:notes plan

farthing memory get shared:notes plan --json
"""
_PUT = """\
**Examples**

farthing memory put shared:notes plan '{"step": 1}'

farthing memory put shared:notes motto "a penny saved" --ttl 3600

farthing memory put shared:notes plan '{"step": 2}' --version 7
"""
_DELETE = """\
**Examples**

farthing memory delete shared:notes plan

farthing memory delete shared:notes --all --yes
"""
_SEARCH = """\
**Examples**

farthing memory search shared:notes "invoices of march"
"""
_WATCH = """\
**Examples**

farthing memory watch shared:notes

farthing memory watch shared:notes --prefix plan/ --since 0 --json
"""


@app.callback()
def memory() -> None:
    """Read, change and watch what agents and runs remember together, in the ledger's database."""


@app.command("list", epilog=_LIST)
def list_(
    namespace: Annotated[
        str | None, typer.Argument(metavar="[NAMESPACE]", help="Without one: the namespaces there are.")
    ] = None,
    prefix: Prefix = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Entries at most.")] = 100,
    after: Annotated[str, typer.Option("--after", metavar="KEY", help="Begin behind this key.")] = "",
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """List the entries of a namespace by their keys, or the namespaces."""
    from farthing.cli.work.memory import Asked, tell_entries, tell_namespaces

    asked = Asked(config=config, database=database, simulated=simulated, as_json=as_json, tenant=key)
    if namespace is None:
        tell_namespaces(asked)
    else:
        tell_entries(asked, namespace, prefix=prefix, limit=limit, after=after)


@app.command(epilog=_GET)
def get(
    namespace: Namespace,
    entry: EntryKey,
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Print a value as JSON; with --json its version and who changed it. Exit code 1 where there is none."""
    from farthing.cli.work.memory import Asked, tell_entry

    asked = Asked(config=config, database=database, simulated=simulated, as_json=as_json, tenant=key)
    tell_entry(asked, namespace, entry)


@app.command(epilog=_PUT)
def put(
    namespace: Namespace,
    entry: EntryKey,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="JSON; what is none is kept as a text.")],
    ttl: Annotated[
        float | None, typer.Option("--ttl", metavar="SECONDS", help="After these it is forgotten.")
    ] = None,
    version: Annotated[
        int | None,
        typer.Option("--version", min=0, help="Only over this version; 0: only where there is no entry."),
    ] = None,
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Keep a value, over an earlier one. Exit code 1 where --version is not the present one."""
    from farthing.cli.work.memory import Asked, keep

    asked = Asked(config=config, database=database, simulated=simulated, as_json=as_json, tenant=key)
    keep(asked, namespace, entry, value, ttl_s=ttl, version=version)


@app.command(epilog=_DELETE)
def delete(
    namespace: Namespace,
    entry: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The entry's name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every entry, or all of --prefix.")] = False,
    prefix: Prefix = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Forget an entry, or all of a namespace."""
    from farthing.cli.work.memory import Asked, forget

    if (entry is None) != everything:
        raise typer.BadParameter("give a KEY, or --all")
    asked = Asked(config=config, database=database, simulated=simulated, as_json=False, tenant=key)
    forget(asked, namespace, entry, prefix=prefix, yes=yes)


@app.command(epilog=_SEARCH)
def search(
    namespace: Namespace,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="Plain words; none is an operator.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="Entries at most.")] = 10,
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Find the entries that have any of the words, the best first."""
    from farthing.cli.work.memory import Asked, tell_found

    asked = Asked(config=config, database=database, simulated=simulated, as_json=as_json, tenant=key)
    tell_found(asked, namespace, words, limit=limit)


@app.command(epilog=_WATCH)
def watch(
    namespace: Namespace,
    prefix: Prefix = "",
    since: Annotated[
        int | None,
        typer.Option(
            "--since", min=0, metavar="VERSION", help="Go on behind it; 0 begins with what is there."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many changes; else with Ctrl-C.")
    ] = None,
    key: Tenant = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Print what changes, from whichever process, as it happens."""
    from farthing.cli.work.memory import Asked, tell_changes

    asked = Asked(config=config, database=database, simulated=simulated, as_json=as_json, tenant=key)
    tell_changes(asked, namespace, prefix=prefix, since=since, count=count)
