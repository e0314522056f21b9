"""`farthing health` on a ledger that processes have written to."""

from pathlib import Path

import msgspec
import pytest

from farthing.cli.work.health import cells, rests, tell_health
from farthing.shared_health import HealthRow, write_health
from farthing.storage.database import Database

FAR_US = 32_503_680_000_000_000  # the year 3000
OPEN = HealthRow(
    model="acme/plain",
    provider="Shaky",
    state="open",
    until_us=FAR_US,
    failures=5,
    reason="5 failures in a row, the last: cut",
    changed_us=1_700_000_000_000_000,
    changed_by="deployment_1",
)
WELL = msgspec.structs.replace(OPEN, provider="", state="healthy", until_us=None, failures=0, reason="")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "160")
    address = f"sqlite:///{tmp_path / 'ledger.db'}"
    database = Database(address)
    with database.write() as connection:
        write_health(connection, database, [OPEN, WELL])
    database.close()
    return address


def test_what_rests_is_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell_health(None, everything=False, database=url, simulated=False, as_json=False)
    said = capsys.readouterr().out
    assert "acme/plain" in said
    assert "Shaky" in said
    assert "may be asked" not in said


def test_all_are_shown_as_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell_health(None, everything=True, database=url, simulated=False, as_json=True)
    rows = msgspec.json.decode(capsys.readouterr().out)
    assert [(row["provider"], row["state"]) for row in rows] == [("", "healthy"), ("Shaky", "open")]


def test_a_breaker_whose_time_has_come_may_be_asked() -> None:
    assert rests(OPEN, FAR_US - 1_000_000)
    assert cells(OPEN, FAR_US - 1_000_000)[2:4] == ("open", "1 s")
    assert not rests(OPEN, FAR_US)
    assert cells(OPEN, FAR_US)[2:4] == ("may be asked", "")
