"""What the pages tell a reader to run, run: against a simulator, in a fresh folder, with a fresh ledger."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import ROOT, Block, blocks_of, run_block

from farthing.config.load import load_config
from farthing.simulator.process import SimulatorProcess
from farthing.simulator.scenario import scenario_from

PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]
RUN = [block for page in PAGES for block in blocks_of(page, "python", "bash")]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with SimulatorProcess(seed=5) as simulator:
        simulator.call("POST", "/scenario", {"overrun_rate": 0.0})
        yield simulator.base_url


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
async def test_a_block_runs(block: Block, base_url: str, tmp_path: Path) -> None:
    said = await run_block(block, tmp_path, base_url=base_url, ledger="ledger.db")
    assert said.strip(), f"{block.name} printed nothing"


def test_the_tutorial_is_among_them() -> None:
    assert sum(block.page == "docs/tutorial.md" for block in RUN) >= 12


def test_the_small_configuration_file_is_valid() -> None:
    (block,) = blocks_of("docs/guides/configuration.md", "json")
    config = load_config(json.loads(block.text), environ={})
    assert str(config.budget.monthly_limit) == "40"


def test_the_scenario_is_valid() -> None:
    (block,) = blocks_of("docs/guides/simulator.md", "json")
    assert len(scenario_from(json.loads(block.text)).rules) == 2
