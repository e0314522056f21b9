"""What a configuration may say of where requests go: OpenRouter, and any other OpenAI-compatible server.

Keys are not here, only the names of the variables that hold them; `upstream/keyring.py` chooses among keys.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints, field_validator

from farthing.config.section import Dollars, Fraction, Seconds, Section, plain_url

MAIN = ""
"""The name of `upstream` among the `upstreams`."""

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
UpstreamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
Count = Annotated[int, Field(gt=0)]


class Upstream(Section):
    base_url: str = "https://openrouter.ai/api/v1"
    """Up to `/api/v1`, without a slash at the end."""
    api_key_env: tuple[Variable, ...] = ("OPENROUTER_API_KEY",)
    """Variables that hold API keys, in the environment or `.env`. Several are used in turn, and one that is
    refused rests while the others serve."""
    stream: bool = True
    """Streamed requests show their id early, can be aborted and show stalls; False raises throughput."""
    connect_timeout: Seconds = 10.0
    first_token_timeout: Seconds = 60.0
    between_tokens_timeout: Seconds = 30.0
    total_timeout: Seconds = 300.0
    connection_limit: Annotated[int, Field(ge=0)] = 0
    """Sockets at once; 0 is no limit (concurrency is limited in `scaling.maxConcurrency`)."""
    refresh_timeout: Seconds = 3.0
    """Deadline for the price refresh at start; after it the dated snapshot serves."""
    drain_timeout: Annotated[float, Field(ge=0)] = 10.0
    """How long closing waits for calls in flight before it leaves them uncertain."""
    app_title: str = "Farthing"
    app_url: str | None = None

    @field_validator("base_url")
    @classmethod
    def _is_plain_url(cls, value: str) -> str:
        return plain_url(value, "a base URL", "https://openrouter.ai/api/v1")


class FurtherModel(Section):
    """A model of a further upstream: what nobody lists must be said here."""

    prompt: Dollars
    """US dollars per million input tokens; 0 for a machine of your own."""
    completion: Dollars
    """US dollars per million output tokens."""
    context_tokens: Count | None = None
    """Input and output together; None is unknown."""
    max_output_tokens: Count | None = None
    """The most it writes in one answer; None is unknown."""
    quality: Fraction | None = None
    """Your score for it, beside the catalogue's; None passes no `routing.qualityThreshold`."""
    tools: bool = True
    """Whether it calls tools itself; they are told by prompt otherwise."""
    structured: bool = True
    """Whether it takes a `response_format`; it is told by prompt otherwise."""


class FurtherUpstream(Section):
    """An OpenAI-compatible server beside OpenRouter: vLLM, Ollama, a provider directly."""

    base_url: str
    """What `/chat/completions` is appended to, as `http://127.0.0.1:8000/v1`."""
    api_key_env: tuple[Variable, ...] = ()
    """Variables that hold its keys; none where it wants none."""
    models: Annotated[dict[str, FurtherModel], Field(min_length=1)]
    """By the name the server knows. A slot names one as `UPSTREAM:MODEL`."""

    @field_validator("base_url")
    @classmethod
    def _is_plain_url(cls, value: str) -> str:
        return plain_url(value, "a base URL", "http://127.0.0.1:8000/v1")


class Place(NamedTuple):
    """Where a model is: an upstream's name, and the model's name there."""

    upstream: str
    model: str


def place_of(model: str, upstreams: Mapping[str, FurtherUpstream]) -> Place:
    """`local:llama3.1:8b` is `llama3.1:8b` at the upstream `local`; what names none is at the main one."""
    if upstreams:
        name, colon, rest = model.partition(":")
        if colon and name in upstreams:
            return Place(name, rest)
    return Place(MAIN, model)
