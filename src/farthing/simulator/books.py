"""The raw price snapshots as the simulator reads them: OpenRouter's `/models` rows, untouched.

Reads packaged JSON and finds a row by the name a request gives. Prices stay the strings they are;
`tariff.py` reads them. Nothing here knows the product's catalogue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

import msgspec

from farthing.errors import ConfigError, ConfigFault, nearest
from farthing.simulator.shapes import mapping, texts
from farthing.simulator.tariff import Tariff, tariff_from

VARIANTS = frozenset({"floor", "nitro", "exacto", "thinking", "extended", "online"})
"""Suffixes that choose a way of serving the same row; `:free` is a row of its own."""

TUTORIAL_FILE = "2025-10-07-tutorial.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedModel:
    """One `/models` row with what the simulator needs of it at hand."""

    id: str
    row: Mapping[str, object]
    tariff: Tariff
    context_tokens: int | None
    max_output_tokens: int | None
    supported: frozenset[str]
    reasons_by_default: bool

    @property
    def is_free(self) -> bool:
        return self.id.endswith(":free") or self.tariff.is_free


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The models of one book, in its order."""

    book: str
    models: Mapping[str, SimulatedModel]
    slugs: Mapping[str, str]
    unlisted: frozenset[str] = frozenset()
    """Models that are served, and that `/models` does not show."""

    def find(self, name: str) -> SimulatedModel | None:
        """The model a request names: by id, by canonical slug, or as a `:variant` of either."""
        base, _, variant = name.partition(":")
        wanted = base if variant in VARIANTS else name
        return self.models.get(wanted) or self.models.get(self.slugs.get(wanted, ""))


def shelf_from(rows: Iterable[Mapping[str, object]], *, book: str) -> Shelf:
    """A shelf from `/models` rows."""
    models = {model.id: model for model in map(_model_from, rows)}
    slugs = {str(model.row.get("canonical_slug")): model.id for model in reversed(models.values())}
    return Shelf(book=book, models=models, slugs=slugs)


def with_unlisted(shelf: Shelf, rows: Iterable[Mapping[str, object]]) -> Shelf:
    """The shelf with further models that are served and not listed: a newer one, one of a server's own."""
    models = {model.id: model for model in map(_model_from, rows) if model.id not in shelf.models}
    return replace(shelf, models={**shelf.models, **models}, unlisted=frozenset(models))


def packaged_shelf(book: str) -> Shelf:
    """The packaged book: `tutorial`, or `snapshot` for the newest other one. Raises `ConfigError`."""
    names = sorted(entry.name for entry in _folder() if entry.name.endswith(".json"))
    snapshots = [name for name in names if name != TUTORIAL_FILE]
    found = {"tutorial": [name for name in names if name == TUTORIAL_FILE], "snapshot": snapshots[-1:]}
    if book not in found:
        problem = "is not a packaged price book; give tutorial or snapshot"
        raise ConfigError(
            "--book", [ConfigFault(path="book", value=book, problem=problem, nearest=nearest(book, found))]
        )
    if not found[book]:
        raise ConfigError(
            "--book", [ConfigFault(path="book", value=book, problem="is missing from this installation")]
        )
    file = files("farthing") / "catalog" / "books" / found[book][0]
    raw = mapping(msgspec.json.decode(file.read_bytes()))
    return shelf_from(cast("list[Mapping[str, object]]", raw["data"]), book=str(raw.get("id", book)))


def _folder() -> list[Traversable]:
    folder = files("farthing") / "catalog" / "books"
    return list(folder.iterdir()) if folder.is_dir() else []


def _model_from(row: Mapping[str, object]) -> SimulatedModel:
    top = mapping(row.get("top_provider"))
    reasoning = mapping(row.get("reasoning"))
    return SimulatedModel(
        id=str(row["id"]),
        row=row,
        tariff=tariff_from(mapping(row.get("pricing"))),
        context_tokens=_whole(row.get("context_length")),
        max_output_tokens=_whole(top.get("max_completion_tokens")),
        supported=frozenset(texts(row.get("supported_parameters"))),
        reasons_by_default=bool(reasoning.get("mandatory") or reasoning.get("default_enabled")),
    )


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None
