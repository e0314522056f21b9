"""`farthing demo`: the whole product at work, over real HTTP, against a simulator in a process of its own.

Uses no key, whatever the environment or `.env` says, and a ledger of its own. `--live` does the same for
real, asks first, and is held to a cap.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import computed_cost
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, standing
from farthing.cli import options, show, tables
from farthing.cli.interrupt import run_async
from farthing.cli.ledger import RunReport
from farthing.cli.swarm import fail_if_stopped, team_json
from farthing.cli.team import TeamRun, concluded, limited, run_goal, specs_for
from farthing.config.environment import API_KEY
from farthing.config.load import api_key, load_catalog, load_config
from farthing.deployment import Deployment
from farthing.errors import FarthingError, MissingKeyError
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess
from farthing.storage.database import default_path, sqlite_url

PROFILE = "balanced"
GOAL = "Design and build a URL shortener service"
CAP = Decimal("0.05")
"""What `--live` may spend at most, in dollars."""
TIME_SCALE = 0.7
"""Latencies of the tutorial's table, a little shortened: about twelve seconds for the whole run."""
_NO_KEY = "sk-or-simulated"
"""Given in place of a key, so that not even one from `.env` reaches the simulator."""
