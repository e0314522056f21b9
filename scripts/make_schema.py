"""Writes `schemas/` from the classes of the configuration and of swarm files.

python scripts/make_schema.py            rewrites them
python scripts/make_schema.py --check    exits 1 when one is not current
"""

import json
import sys
from pathlib import Path

from farthing.config.json_schema import (
    REPOSITORY_PATH,
    SWARM_PATH,
    deployment_json_schema,
    swarm_json_schema,
)

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Writes or checks the files; the exit code says whether all are current."""
    made = {REPOSITORY_PATH: deployment_json_schema(), SWARM_PATH: swarm_json_schema()}
    stale = 0
    for path, schema in made.items():
        text, target = json.dumps(schema, indent=2, ensure_ascii=False) + "\n", ROOT / path
        if "--check" in arguments:
            current = target.is_file() and target.read_text(encoding="utf-8") == text
            stale += not current
            sys.stdout.write(f"{path} is {'current' if current else 'stale: run scripts/make_schema.py'}\n")
            continue
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
