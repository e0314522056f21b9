"""Step 1: what your environment and your `.env` say, before anything is sent.

cp examples/env.example .env
python examples/step_1_environment.py
"""

from farthing import load_config
from farthing.config.load import api_key


def main() -> None:
    config = load_config()
    print("Profile:", config.name)
    print("Hard monthly limit in dollars:", config.budget.monthly_limit)
    print("Cost reports and alerts:", "on" if config.monitoring.cost_tracking else "off")
    print("Upstream:", config.upstream.base_url)
    print("API key:", "found" if api_key() else "not set")


if __name__ == "__main__":
    main()
