"""The key shows nowhere but where it is asked for."""

import copy
import json
import pickle
from pathlib import Path

import pytest

from farthing.config.environment import api_key
from farthing.config.secret import Secret

TEXT = "sk-or-v1-not-a-real-key"


def test_a_secret_is_stars_everywhere_but_in_reveal() -> None:
    secret = Secret(TEXT)
    assert secret.reveal() == TEXT
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{secret!r}",
        repr({"key": secret}),
        "{}".format(secret),  # noqa: UP032 - the older way must hide it too
    ]
    assert not [text for text in shown if "sk-or" in text]


def test_a_secret_is_neither_pickled_copied_nor_dumped() -> None:
    for spread in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            spread(Secret(TEXT))


def test_the_environment_wins_over_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert api_key({}) is None
    Path(".env").write_text("OPENROUTER_API_KEY=from-dotenv\n", encoding="utf-8")
    keys = [api_key({}), api_key({"OPENROUTER_API_KEY": ""}), api_key({"OPENROUTER_API_KEY": "from-environ"})]
    assert [key.reveal() if key else None for key in keys] == ["from-dotenv", "from-dotenv", "from-environ"]
