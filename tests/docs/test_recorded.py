"""The outputs that pages show are those that their commands print."""

from pathlib import Path

import pytest
from scripts.record_outputs import ROOT, differences, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_recorded_output_is_what_its_command_prints(page: Path) -> None:
    stale = differences(page)
    assert stale == [], f"python scripts/record_outputs.py {page.relative_to(ROOT)} records them anew"
