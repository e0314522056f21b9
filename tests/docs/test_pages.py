"""The pages are complete and current: settings, errors, commands, the simulator's words, links."""

import re
from pathlib import Path

import pytest
from scripts import make_cli_reference, make_settings
from tests.docs.blocks import ROOT

from farthing import errors
from farthing.config.environment import API_KEY, Environment
from farthing.errors import EXIT_CODES, FarthingError
from farthing.simulator.scenario import KINDS, Scenario

PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_settings_are_current() -> None:
    assert make_settings.TARGET.read_text(encoding="utf-8") == make_settings.page()


def test_every_setting_has_its_meaning_in_one_place() -> None:
    described = {setting.path: setting.described for setting in make_settings.settings()}
    undescribed = {path for path, text in described.items() if text is None}
    assert undescribed == set(make_settings.meanings())
    assert {"budget.monthlyLimit", "swarm.roles.*.description", "latencyTargets.*.p99"} <= set(described)


def test_every_variable_is_explained() -> None:
    names = {API_KEY, *(str(field.alias) for field in Environment.model_fields.values())}
    guide = text_of("docs/guides/configuration.md")
    assert [name for name in sorted(names) if f"| `{name}` |" not in guide] == []


def test_every_error_is_explained_with_its_exit_code() -> None:
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, FarthingError)
    }
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", text_of("docs/guides/errors.md"), re.MULTILINE)
    codes = {
        name: next((EXIT_CODES[k] for k in kind.__mro__ if k in EXIT_CODES), 1)
        for name, kind in kinds.items()
    }
    assert {name: int(code) for name, code in rows} == codes


def test_every_exit_code_is_in_the_readme() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \| ", text_of("README.md"), re.MULTILINE)}
    assert told == {0, 1, 130, *EXIT_CODES.values()}


def test_every_fault_kind_and_scenario_key_is_explained() -> None:
    guide = text_of("docs/guides/simulator.md")
    keys = set(Scenario.__dataclass_fields__) - {"random_rate", "random_faults"}
    assert [word for word in sorted({*KINDS, *keys}) if f"`{word}`" not in guide] == []


def test_the_reference_of_commands_is_current() -> None:
    assert make_cli_reference.TARGET.read_text(encoding="utf-8") == make_cli_reference.page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_record_is_in_the_index() -> None:
    index = text_of("docs/adr/README.md")
    assert [path.name for path in (ROOT / "docs/adr").glob("0*.md") if f"]({path.name})" not in index] == []
