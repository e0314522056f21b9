"""The data files that the package brings: profiles, dated price books, curated facts. Reads only these."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import cast

from farthing.catalog.models import Catalog
from farthing.catalog.rows import catalog_from_rows, curated_models
from farthing.errors import ConfigError, ConfigFault, nearest

Json = Mapping[str, object]


def profile_names() -> tuple[str, ...]:
    """The packaged profiles, in alphabetical order."""
    return tuple(sorted(_names("farthing.config", "profiles")))


def profile_values(name: str) -> Json:
    """A packaged profile as it stands in its file. Raises `KeyError` when there is none of that name."""
    if name not in profile_names():
        raise KeyError(name)
    return _read("farthing.config", "profiles", name)


def book_ids() -> tuple[str, ...]:
    """The packaged price books, oldest first, as `2025-10-07/tutorial`."""
    return tuple(name.replace("-", "/", 3).replace("/", "-", 2) for name in _books())


def book_rows(book: str = "snapshot") -> Json:
    """A packaged book's file as it is: `id`, `day`, `source` and the raw `/models` rows under `data`.

    `book` is an id, a date, or the name after it; the newest that fits. Raises `ConfigError`.
    """
    found = [name for name in _books() if book in (name, name[:10], name[11:], f"{name[:10]}/{name[11:]}")]
    if not found:
        problem = f"there is no price book {book!r}; there are {', '.join(book_ids())}"
        near = nearest(book, [*book_ids(), *(name[11:] for name in _books())])
        raise ConfigError("catalogue", [ConfigFault(path="book", value=book, problem=problem, nearest=near)])
    return _read("farthing.catalog", "books", found[-1])


def load_catalog(book: str = "snapshot") -> Catalog:
    """The packaged catalogue with the prices of one dated book: `snapshot`, `tutorial`, a date or an id.

    Curated models that the book does not hold are in it with `listed=False` and no price.
    Raises `ConfigError` for a book that there is not.
    """
    raw = book_rows(book)
    curated = curated_models(cast("Iterable[Json]", _read("farthing.catalog", "", "models")["models"]))
    catalog, _ = catalog_from_rows(
        cast("Iterable[object]", raw["data"]),
        book=str(raw["id"]),
        day=date.fromisoformat(str(raw["day"])),
        source=str(raw["source"]),
        curated=curated,
    )
    return catalog


def _books() -> list[str]:
    return sorted(_names("farthing.catalog", "books"))


def _names(package: str, folder: str) -> Iterable[str]:
    entries = files(package).joinpath(folder).iterdir()
    return [entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json")]


def _read(package: str, folder: str, name: str) -> Json:
    path = files(package).joinpath(folder) if folder else files(package)
    text = path.joinpath(f"{name}.json").read_text(encoding="utf-8")
    return cast("Json", json.loads(text, parse_float=Decimal))
