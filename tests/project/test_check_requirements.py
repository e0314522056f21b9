"""The pins are checked without a network: present, in range, hashed, equal, and free of addresses."""

import pytest
from scripts.check_requirements import faults_of, pins_of, wanted_from

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
[project]
dependencies = ["aiohttp>=3.12,<4"]
[dependency-groups]
build = ["hatchling>=1.27"]
dev = ["pytest-xdist>=3.6"]
"""
WANTED = wanted_from(PYPROJECT)


def pin(name: str, version: str, marker: str = "") -> str:
    return (
        f"{name}=={version}{marker} \\\n    --hash=sha256:{'0' * 64}\n    # via farthing (pyproject.toml)\n"
    )


RUN = pin("aiohttp", "3.14.5") + pin("hatchling", "1.33.0")
DEV = RUN + pin("pytest-xdist", "3.8.0", " ; sys_platform != 'win32'")


def test_complete_pins_have_no_fault() -> None:
    assert list(faults_of(WANTED, RUN, DEV)) == []
    assert pins_of(DEV) == {"aiohttp": "3.14.5", "hatchling": "1.33.0", "pytest-xdist": "3.8.0"}


@pytest.mark.parametrize(
    ("run", "dev", "expected"),
    [
        (RUN, RUN, "dev.txt: pytest-xdist>=3.6 is not pinned"),
        (pin("aiohttp", "3.14.5"), DEV, "run.txt: hatchling>=1.27 is not pinned"),
        (
            RUN,
            DEV.replace("3.8.0", "3.5.9"),
            "dev.txt: pytest-xdist>=3.6 is pinned to 3.5.9, outside its range",
        ),
        (RUN.replace("3.14.5", "3.13.0"), DEV, "aiohttp is 3.13.0 in run.txt and 3.14.5 in dev.txt"),
        (RUN + pin("idna", "3.20"), DEV, "idna is 3.20 in run.txt and absent in dev.txt"),
        (RUN, DEV + "idna==3.20\n", "dev.txt: idna has no hash"),
        (
            RUN,
            "--index-url https://example.test/simple\n" + DEV,
            "dev.txt: names a package index or an address",
        ),
        (RUN, "-f wheels\n" + DEV, "dev.txt: names a package index or an address"),
    ],
)
def test_each_fault_is_named(run: str, dev: str, expected: str) -> None:
    assert expected in list(faults_of(WANTED, run, dev))
