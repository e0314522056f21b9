"""A configuration with settings changed while it is in force: what `set_…` and `enable_…` mean. Pure.

Values are checked as a file's are: a wrong one raises `ConfigError` and nothing changes.
"""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import ValidationError

from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault
from farthing.money import parse_usd


def with_cost_alert(
    config: DeploymentConfig,
    *,
    monthly_budget: Decimal | str | int,
    warning_threshold: float,
    critical_threshold: float,
    thresholds: Sequence[Decimal | str | float],
) -> DeploymentConfig:
    """Alerts at these shares of a budget, beside those that are configured; no limit moves."""
    alerts = config.alerts.model_copy(
        update={
            "monthly_budget": parse_usd(monthly_budget),
            "warning_threshold": warning_threshold,
            "critical_threshold": critical_threshold,
            "thresholds": (*config.alerts.thresholds, *map(str, thresholds)),
        }
    )
    return config.model_copy(update={"alerts": type(alerts).model_validate(dict(alerts))})


def with_caching(config: DeploymentConfig, **settings: object) -> DeploymentConfig:
    """Caching on, with these of its settings in the place of the configured ones.

    Raises `ConfigError` for a wrong value, naming the key.
    """
    caching = config.optimization.caching
    values = {**dict(caching), "enabled": True, **settings}
    try:
        changed = type(caching).model_validate(values)
    except ValidationError as error:
        faults = [
            ConfigFault(path=str(entry["loc"][0]), value=entry["input"], problem=entry["msg"])
            for entry in error.errors(include_url=False)
        ]
        raise ConfigError("enable_caching", faults) from None
    optimization = config.optimization.model_copy(update={"caching": changed})
    return config.model_copy(update={"optimization": optimization})
