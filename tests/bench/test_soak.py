"""The measurement of minutes at full speed, at a small size: it ends clean, and growth would be told."""

import json
from pathlib import Path

import pytest

from farthing.bench import soak
from farthing.bench.figures import missed
from farthing.bench.footprint import Footprint
from farthing.bench.soak import Reading, Soak

MEMORY = "memory after the first minute, at the end, MiB"
OPEN = "descriptors after the first minute, at the end"
CLOSED = "descriptors, loop's tasks, threads: before opening, after closing"


def look(*, resident: int = 100_000_000, descriptors: int = 40) -> Footprint:
    return Footprint(resident=resident, descriptors=descriptors, threads=7, tasks=40)


def soaked(last: Footprint, *, after: Footprint | None = None) -> Soak:
    """Five minutes, whose last half minute looks so."""
    before = Footprint(resident=50_000_000, descriptors=10, threads=2, tasks=1)
    readings = [
        Reading(at_s=float(at), done=100 * at, footprint=last if at > 270 else look()) for at in range(1, 301)
    ]
    return Soak(done=30_000, before=before, after=after or before, readings=readings)


def test_a_few_seconds_end_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("farthing.upstream.bill.BILL_DELAYS_S", (0.1, 0.2, 0.4))
    path = tmp_path / "soak.json"
    soak.main(minutes=0.03, concurrency=8, faults=0.1, json_path=path)
    written = json.loads(path.read_text())
    found = {figure["name"]: figure for figure in written["figures"]}
    assert found[MEMORY]["met"] is None  # of so short a time nothing is said
    assert found[CLOSED]["met"] is True
    assert not found["tasks, of them failed"]["value"].startswith("0,")
    assert "minute by minute" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("last", "names"),
    [
        (look(), ()),
        (look(resident=109_000_000), ()),
        (look(resident=111_000_000), (MEMORY,)),
        (look(resident=89_000_000), (MEMORY,)),
        (look(descriptors=73), (OPEN,)),
    ],
)
def test_growth_is_missed(last: Footprint, names: tuple[str, ...]) -> None:
    assert missed(soak.figures_of(soaked(last), 300.0, 32)) == names


def test_what_is_left_after_closing_is_missed() -> None:
    left = Footprint(resident=50_000_000, descriptors=11, threads=2, tasks=1)
    assert missed(soak.figures_of(soaked(look(), after=left), 300.0, 32)) == (CLOSED,)
