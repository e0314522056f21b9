"""What a configuration may say of alerts: thresholds, whose limits, where they go, and what runs away.

Addresses are secrets: they print as stars, and a refusal does not repeat them. Sending is `spend/`'s.
"""

from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_serializer, model_validator

from farthing.config.section import Dollars, Fraction, Scope, Section


class Runaway(Section):
    """When the rate of the deployment's spend is an alert; `spend/runaway.py` has the rule."""

    enabled: bool = True
    """Once a minute while a deployment is open, and when it closes."""
    factor: Annotated[Decimal, Field(gt=1, le=1000)] = Decimal(10)
    """How many times the usual rate is running away."""
    window_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    """Minutes over which the rate is taken."""
    minimum: Dollars = Decimal(1)
    """Dollars below which nothing runs away: small beginnings do not alarm."""


def _web_address(value: SecretStr) -> SecretStr:
    """Refuses what is no http(s) URL, without repeating it: it may hold a secret."""
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("is not an http(s) URL such as https://hooks.example.com/farthing")
    return value


def _apprise_address(value: SecretStr) -> SecretStr:
    if "://" not in value.get_secret_value():
        raise ValueError("is not an Apprise URL such as mailto://user:password@example.com")
    return value


def shown(address: SecretStr) -> str:
    """What may be seen of an address: a webhook's scheme and host, the scheme alone of an Apprise URL."""
    text = address.get_secret_value()
    scheme = text.partition("://")[0].lower()
    host = urlsplit(text).hostname if scheme in {"http", "https"} else None
    return f"{scheme}://{host}/***" if host else f"{scheme}://***"


class Alerts(Section):
    monthly_budget: Dollars | None = None
    """Base of the thresholds; None takes the monthly limit. It never moves the limit."""
    warning_threshold: Fraction = 0.80
    critical_threshold: Fraction = 0.95
    critical_concurrency: Annotated[int, Field(ge=1)] = 2
    """Attempts at once after the critical alert: scaling down, as the tutorial's use case 3 does."""
    thresholds: tuple[Annotated[Decimal, Field(gt=0, le=10, decimal_places=4)], ...] = ()
    """Further fractions that are alerts, above 0 and up to 10; their levels are named `50 %` and so on."""
    scopes: tuple[Scope, ...] = ()
    """Scopes whose own limits have alerts at the same thresholds: as in `budget.limits[].scope`."""
    webhooks: tuple[Annotated[SecretStr, AfterValidator(_web_address)], ...] = ()
    """URLs that take each alert as a POST of JSON; they are secrets, and shown by their host only."""
    webhook_secret: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Signs what webhooks receive, by HMAC-SHA256 in `X-Farthing-Signature`."""
    apprise: tuple[Annotated[SecretStr, AfterValidator(_apprise_address)], ...] = ()
    """Apprise URLs (mail, Slack, Telegram and a hundred more). Needs the extra `notify`."""
    runaway: Runaway = Runaway()

    @field_serializer("webhooks", "apprise", when_used="json")
    def _hide(self, addresses: tuple[SecretStr, ...]) -> list[str]:
        return [shown(address) for address in addresses]

    @model_validator(mode="after")
    def _ordered(self) -> "Alerts":
        if self.warning_threshold > self.critical_threshold:
            warning, critical = self.warning_threshold, self.critical_threshold
            raise ValueError(f"warningThreshold {warning} is above criticalThreshold {critical}")
        return self
