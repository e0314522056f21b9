"""The levels of each profile: met by an upstream that takes no time, and a short run shows no minute."""

from pathlib import Path
from typing import cast

import msgspec
import pytest

from farthing.bench.targets import PROFILES, main


def test_every_latency_and_every_agent_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "targets.json"
    main(seconds=0.3, load=1, time_scale=0.0, json_path=kept)
    written = msgspec.json.decode(kept.read_bytes())
    figures = {str(one["name"]): one for one in cast("list[dict[str, object]]", written["figures"])}
    for profile in PROFILES:
        of_it = {name: one for name, one in figures.items() if name.startswith(f"{profile}: ")}
        assert sum("scaling" not in name for name in of_it) % 4 == 0
        assert of_it[f"{profile}: scaling, concurrent agents"]["met"]
        assert of_it[f"{profile}: scaling, queue depth"]["met"]
        unshown = [name for name, one in of_it.items() if one["value"] == "–"]
        assert unshown == []
    assert "farthing bench targets: premium" in capsys.readouterr().out


def test_what_is_not_reached_is_not_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.bench.targets.PROFILES", ("premium",))
    assert main(seconds=0.0, load=1, time_scale=0.0) is False
