"""Writes `schemas/deployment-config.schema.json` from the configuration's own classes.

python scripts/make_schema.py            rewrites it
python scripts/make_schema.py --check    exits 1 when it is not current
"""

import json
import sys
from pathlib import Path

from farthing.config.json_schema import REPOSITORY_PATH, deployment_json_schema

TARGET = Path(__file__).resolve().parent.parent / REPOSITORY_PATH


def main(arguments: list[str]) -> int:
    """Writes or checks the file; the exit code says whether it is current."""
    text = json.dumps(deployment_json_schema(), indent=2, ensure_ascii=False) + "\n"
    if "--check" in arguments:
        current = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        sys.stdout.write(
            f"{REPOSITORY_PATH} is {'current' if current else 'stale: run scripts/make_schema.py'}\n"
        )
        return 0 if current else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
