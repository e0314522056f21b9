"""What holds for every test: no key, no settings and no home of the person who runs it.

Only that. A fixture that serves one part of the package lives beside that part's tests.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

_DROPPED = ("OPENROUTER_", "FARTHING_", "DEPLOYMENT_CONFIG", "MONTHLY_BUDGET", "ENABLE_COST_TRACKING")
_HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")

# Machines differ in speed, so an example has no deadline; a failure prints how to repeat it.
settings.register_profile("ci", deadline=None, derandomize=False, max_examples=50, print_blob=True)
settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_DROPPED)]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in _HOMES:
        monkeypatch.setenv(name, str(home if name == "HOME" else home / name.lower()))
