"""Checks, without a network, that requirements/*.txt pin what pyproject.toml asks for.

`run.txt` serves `make demo` and a production install, `dev.txt` everything else. Each requirement must be
pinned to a version that its range admits and carry hashes; the two files must agree; neither may name a
package index, which belongs to the machine that installs.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)")
ADDRESS = re.compile(r"://|^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What pyproject.toml asks for, for running and for developing."""

    run: tuple[Requirement, ...]
    dev: tuple[Requirement, ...]


def wanted_from(pyproject: str) -> Wanted:
    document = tomllib.loads(pyproject)
    project = cast("dict[str, list[str]]", document["project"])
    groups = cast("dict[str, list[str]]", document["dependency-groups"])
    build = cast("list[str]", document["build-system"]["requires"])
    run = [*project["dependencies"], *groups["build"], *build]
    return Wanted(run=tuple(map(Requirement, run)), dev=tuple(map(Requirement, [*run, *groups["dev"]])))


def pins_of(text: str) -> dict[str, str]:
    """Canonical name to pinned version."""
    matches = (PIN.match(line) for line in text.splitlines())
    return {canonicalize_name(m["name"]): m["version"] for m in matches if m}


def unhashed(text: str) -> Iterator[str]:
    """Names of pins that no hash follows."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if (match := PIN.match(line)) and not following.lstrip().startswith("--hash=sha256:"):
            yield match["name"]


def unpinned(wanted: Iterable[Requirement], pins: Mapping[str, str]) -> Iterator[str]:
    for requirement in wanted:
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"{requirement} is not pinned"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement} is pinned to {version}, outside its range"


def faults_of(wanted: Wanted, run: str, dev: str) -> Iterator[str]:
    """One line for each fault of the two files' texts."""
    run_pins, dev_pins = pins_of(run), pins_of(dev)
    files = (("run.txt", run, wanted.run, run_pins), ("dev.txt", dev, wanted.dev, dev_pins))
    for file, text, needs, pins in files:
        yield from (f"{file}: {fault}" for fault in unpinned(needs, pins))
        yield from (f"{file}: {name} has no hash" for name in unhashed(text))
        if ADDRESS.search(text):
            yield f"{file}: names a package index or an address"
    for name, version in run_pins.items():
        if dev_pins.get(name) != version:
            yield f"{name} is {version} in run.txt and {dev_pins.get(name, 'absent')} in dev.txt"


def main() -> int:
    texts = [(ROOT / "requirements" / name).read_text() for name in ("run.txt", "dev.txt")]
    faults = list(faults_of(wanted_from((ROOT / "pyproject.toml").read_text()), *texts))
    for fault in faults:
        print(fault, file=sys.stderr)
    run, dev = (len(pins_of(text)) for text in texts)
    print(f"requirements: {run} to run, {dev} to develop, {len(faults)} faults")
    if faults:
        print("run `make requirements`", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
