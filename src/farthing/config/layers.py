"""Layers of settings, laid over each other key by key. Pure: reading the layers is `load.py`'s.

Keeps, for every setting, how its key was written and where, so that a fault names what the reader
wrote. What is valid is the schema's to say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Union, cast, get_args, get_origin

from farthing.config.schema import DeploymentConfig, Section
from farthing.errors import ConfigFault

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Settings from one place. `label` is put before the key in a fault, e.g. `profile balanced: `."""

    values: Mapping[str, object]
    label: str = ""
    names: Mapping[Path, str] | None = None
    """What to call a setting instead of its own path: a variable's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """All layers as one. `written` maps a canonical (camelCase) path to how and where it was written."""

    values: dict[str, object]
    written: Mapping[Path, str]
    faults: tuple[ConfigFault, ...]
    root: type[Section] = DeploymentConfig
    """What the values are those of."""


def stacked(layers: Iterable[Layer], *, root: type[Section] = DeploymentConfig) -> Stack:
    """Lays each layer over the ones before it. Objects are merged, anything else is replaced whole."""
    flat: dict[Path, object] = {}
    written: dict[Path, str] = {}
    faults: list[ConfigFault] = []
    for layer in layers:
        seen: dict[Path, str] = {}
        for path, own, value in _leaves(root, layer.values, (), ()):
            name = (layer.names or {}).get(path) or layer.label + ".".join(own)
            if path in seen:
                problem = f"is given twice, as {seen[path].split('.')[-1]} too"
                faults.append(ConfigFault(path=name, value=value, problem=problem))
                continue
            seen[path] = name
            for old in [old for old in flat if _overlap(old, path)]:
                del flat[old]
            flat[path] = value
            written[path] = name
            for depth in range(1, len(path)):
                written.setdefault(path[:depth], layer.label + ".".join(own[:depth]))
    return Stack(values=_tree(flat), written=written, faults=tuple(faults), root=root)


def section_at(path: Iterable[object], *, root: type[Section] = DeploymentConfig) -> type[Section] | None:
    """The section of the schema that a canonical path leads to; None where there is none."""
    section: object = root
    for key in path:
        section = _child(section, key if isinstance(key, str) else "")
    return section if isinstance(section, type) and issubclass(section, Section) else None


def _leaves(
    section: object, values: Mapping[str, object], path: Path, own: Path
) -> Iterable[tuple[Path, Path, object]]:
    for key, value in values.items():
        canonical = _canonical(section, str(key))
        here, as_written = (*path, canonical), (*own, str(key))
        if isinstance(value, Mapping) and value:
            inner = cast("Mapping[str, object]", value)
            yield from _leaves(_child(section, canonical), inner, here, as_written)
        else:
            yield here, as_written, value


def _canonical(section: object, key: str) -> str:
    if isinstance(section, type) and issubclass(section, Section):
        field = section.model_fields.get(key)
        if field is not None and field.alias:
            return field.alias
    return key


def _child(section: object, key: str) -> object:
    """What stands under a key: a section, that of a mapping's values or a list's entries, the one of several
    that is told by a tag, or None."""
    if get_origin(section) is tuple:
        return _section_of(get_args(section)[0])
    if get_origin(section) in (Union, UnionType):
        return next((kind for kind in get_args(section) if tag_of(kind) == key), None)
    if get_origin(section) is dict:
        return _section_of(get_args(section)[1])
    if isinstance(section, type) and issubclass(section, Section):
        for name, field in section.model_fields.items():
            if key in (name, field.alias):
                return _section_of(field.annotation)
    return None


def tag_of(section: object) -> str | None:
    """What tells a section from the others that may stand in its place."""
    fields = section.model_fields if isinstance(section, type) and issubclass(section, Section) else {}
    field = fields.get("type")
    return field.default if field is not None and isinstance(field.default, str) else None


def _section_of(annotation: object) -> object:
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return annotation if all(tag_of(kind) for kind in kinds) else _section_of(kinds[0])
    return annotation


def _overlap(old: Path, new: Path) -> bool:
    shorter = min(len(old), len(new))
    return old[:shorter] == new[:shorter]


def _tree(flat: Mapping[Path, object]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for path, value in flat.items():
        node = tree
        for key in path[:-1]:
            node = cast("dict[str, object]", node.setdefault(key, {}))
        node[path[-1]] = value
    return tree
