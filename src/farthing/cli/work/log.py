"""The command line's log, where `FARTHING_LOG` or `FARTHING_LOG_LEVEL` asks for one. Decides nothing."""

import os
import sys
from contextlib import AbstractContextManager

from farthing.config.load import api_key
from farthing.telemetry.logs import logging_to
from farthing.telemetry.secrets import known_secrets


def command_log() -> AbstractContextManager[None]:
    """Logs to standard error while a command runs. Raises `ConfigError` for a word that is not known."""
    key = api_key()
    secrets = known_secrets(None, environ=os.environ, api_keys=[] if key is None else [key.reveal()])
    return logging_to(sys.stderr, environ=os.environ, secrets=secrets)
