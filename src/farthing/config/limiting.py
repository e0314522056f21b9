"""What a configuration may say of rate limits and the queue: off unless set. Budgets are in `schema.py`."""

from typing import Annotated, Literal

from pydantic import Field

from farthing.config.section import Section

Count = Annotated[int, Field(gt=0)]


class RateLimit(Section):
    """Of one model, in any sixty seconds; of all processes of a PostgreSQL database together."""

    requests_per_minute: Count | None = None
    """Attempts in any minute."""
    tokens_per_minute: Count | None = None
    """Input and output tokens: an estimate first, what it took when it has ended."""


class Limits(Section):
    """Of the whole deployment, of single models, and of what may wait."""

    requests_per_minute: Count | None = None
    """Attempts of the whole deployment in any sixty seconds: of all processes of a PostgreSQL database
    together; on SQLite each process counts its own."""
    tokens_per_minute: Count | None = None
    """Their input and output tokens: an estimate when an attempt is sent, what it took when it has ended."""
    models: dict[str, RateLimit] = Field(default_factory=dict[str, RateLimit])
    """By model id or alias. While a model is at its limit another candidate is asked, or the task waits."""
    per_key: RateLimit = RateLimit()
    """The same for each API key of the main upstream: with three keys three times as much is sent."""
    free_requests_per_minute: Count | None = 20
    """Of all `:free` models together; OpenRouter's own limit of an account, kept instead of run into."""
    spread_free_requests: bool = True
    """In `development`: of the day's requests on `:free` models half may be used at any hour, and the other
    half accrues evenly over the day."""
    queue_size: Count | None = 10_000
    """Tasks that stand in line for their turn; None is no limit."""
    when_full: Literal["wait", "refuse"] = "wait"
    """What a task does that finds the queue full: wait before it, or end with `QueueFullError`."""
