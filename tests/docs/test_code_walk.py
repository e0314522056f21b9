"""Every module, function and folder that the walk through the code names is there."""

import re
from importlib import import_module

import pytest
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "05-implementation.md").read_text(encoding="utf-8")
DOTTED = sorted(set(re.findall(r"`(farthing(?:\.\w+)+)`", PAGE)))
FOLDERS = re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", DOTTED)
def test_a_name_is_there(name: str) -> None:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"{name} is nowhere")


def test_the_page_names_enough_and_all_folders() -> None:
    assert len(DOTTED) > 25
    packages = {path.parent.name for path in (ROOT / "src" / "farthing").glob("*/__init__.py")}
    assert set(FOLDERS) <= packages
    assert packages - set(FOLDERS) == {"bench", "examples", "simulator"}
    assert "`cli/work/`" in PAGE
    assert (ROOT / "src" / "farthing" / "cli" / "work").is_dir()


def test_no_name_escapes_by_being_short() -> None:
    assert re.findall(r"`[A-Z][a-z]\w*\.\w+`", PAGE) == []


@pytest.mark.parametrize("path", re.findall(r"`((?:src|scripts|docs)/[\w/.-]+)`", PAGE))
def test_a_file_is_there(path: str) -> None:
    assert (ROOT / path).exists()
