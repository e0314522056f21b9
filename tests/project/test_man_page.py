"""The manual page: current, all commands in it, and nothing in it that the macros would misread."""

import re

from scripts import make_man_page

from farthing.cli.main import COMMANDS

PAGE = make_man_page.TARGET.read_text(encoding="utf-8")
MACROS = {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".EX", ".EE"}


def test_it_is_current() -> None:
    assert make_man_page.page() == PAGE, "run scripts/make_man_page.py"


def test_every_command_has_its_section() -> None:
    sections = re.findall(r"^\.SS farthing ([\w\\-]+)", PAGE, re.MULTILINE)
    assert list(dict.fromkeys(name.replace("\\-", "-") for name in sections)) == list(COMMANDS)


def test_the_macros_read_nothing_but_what_is_meant() -> None:
    assert PAGE.isascii()
    assert {line.split()[0] for line in PAGE.splitlines() if line.startswith((".", "'"))} <= MACROS
    assert re.findall(r"\\(?![&e\-\[])", PAGE) == []


def test_choices_are_named() -> None:
    assert "\n.B budget|balanced|premium\n" in PAGE
