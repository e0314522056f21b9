"""`farthing mcp`: opens a deployment under a budget and serves it. Standard output is the protocol's."""

from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from farthing import __version__
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.show import note
from farthing.cli.work.team import specs_for
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import FarthingError

Period = Literal["day", "week", "month", "total"]


def serve(source: str | Path | None, *, budget: Decimal, period: Period, key: str, port: int | None) -> None:
    """Serves until the client leaves or Ctrl-C. Raises `FarthingError` without the extra `mcp`."""
    if find_spec("mcp") is None:
        raise FarthingError("farthing mcp needs the extra `mcp`", hint="pip install 'farthing[mcp]'")
    settings = under_budget(load_config(source), budget=budget, period=period, key=key)
    run_async(_serve(settings, key=key, port=port))


def under_budget(
    settings: DeploymentConfig, *, budget: Decimal, period: Period, key: str
) -> DeploymentConfig:
    """The configuration with a hard limit for the key beside the limits it has."""
    limit = {"scope": f"key:{key}", "period": period, "amount": budget}
    limits = [*(one.model_dump(by_alias=True) for one in settings.budget.limits), limit]
    return load_config(settings, overrides={"budget.limits": limits})


async def _serve(settings: DeploymentConfig, *, key: str, port: int | None) -> None:
    from farthing.interop.mcp_server import mcp_server

    async with Deployment(settings) as deployment:
        for notice in deployment.notices:
            note(f"note: {notice.text}")
        server = mcp_server(deployment, key=key, version=__version__, team=specs_for(deployment.config))
        if port is None:
            await server.run_stdio_async()
        else:
            note(f"serving MCP on http://127.0.0.1:{port}/mcp")
            await server.run_streamable_http_async(host="127.0.0.1", port=port)
