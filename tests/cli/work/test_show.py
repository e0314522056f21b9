"""How values look: exact in JSON, harmless on a terminal."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from farthing.cli.work import show
from farthing.result import Notice


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_money_is_decimal_text_in_json(amount: Decimal) -> None:
    told = json.loads(show.json_line({"cost": amount}))
    assert Decimal(told["cost"]) == amount
    assert "e" not in told["cost"].lower()


def test_values_of_all_kinds_become_json() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    notice = Notice(code="x", text="y", at=at)
    assert show.as_json({1: (notice, None)}) == {
        "1": [{"code": "x", "text": "y", "at": at.isoformat()}, None]
    }


def test_a_models_text_cannot_command_the_terminal() -> None:
    assert show.plain("a\x1b[2Jb\x07\rc\x9bd\ne\tf") == "a[2Jbcd\ne\tf"


def test_a_table_shows_brackets_as_they_are_and_no_control_characters() -> None:
    console = Console(width=80, markup=False, no_color=True)
    with console.capture() as captured:
        console.print(show.table(["a"], [["[bold]x[/bold]\x1b[2J"]]))
    assert "[bold]x[/bold][2J" in captured.get()
    assert "\x1b" not in captured.get()


def test_a_cut_table_keeps_every_row_on_one_line() -> None:
    console = Console(width=60, markup=False, no_color=True)
    rows = [[f"agent-{n}", "a very long reason " * 10, "$0.01"] for n in range(3)]
    with console.capture() as captured:
        console.print(show.table(["agent", "why", "cost"], rows, right=["cost"], cut=["why"]))
    lines = [line for line in captured.get().splitlines() if "agent-" in line]
    assert len(lines) == 3
    assert all("…" in line and "$0.01" in line for line in lines)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pass@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p@ss:w@host/db", "postgresql://me:***@host/db"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_a_password_is_masked(url: str, shown: str) -> None:
    assert show.masked(url) == shown
