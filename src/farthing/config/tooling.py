"""What a configuration may say of tools: MCP servers, who may use what, what asks first, shared memory.

Shapes and bounds only, and which of it may not be seen. Servers are started by `swarm/mcp/`; which tools an
agent has is decided by `swarm/toolset.py`.
"""

import re
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, model_validator

from farthing.config.section import Seconds, Section

ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]

_SECRET_NAME = re.compile(r"key|token|secret|pass|credential|auth|cookie|private|dsn", re.IGNORECASE)


class McpServer(Section):
    """One MCP server, in the shape that other clients use: `command` and `args`, or `url`."""

    command: str | None = None
    """The program of a server on this machine, which is spoken to by its standard input and output."""
    args: tuple[str, ...] = ()
    """Its arguments. They are no place for a secret: other programs on the machine see them."""
    env: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    """Variables of its environment, beside a few harmless ones of ours: the only way a secret reaches it."""
    cwd: str | None = None
    """Its working directory; None is ours."""
    url: str | None = None
    """The address of a server that speaks streamable HTTP."""
    headers: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    """Sent with each request to `url`, as `{"Authorization": "Bearer ${TOKEN}"}`."""
    type: Literal["stdio", "http", "streamable-http"] | None = None
    """Of no consequence: `command` or `url` says it. Accepted because others write it."""
    disabled: bool = False
    """Leaves it out."""
    timeout: Seconds = 60.0
    """Seconds one tool call may take."""
    start_timeout: Seconds = 30.0
    """Seconds until it must have told its tools."""
    capabilities: tuple[str, ...] = ()
    """What its tools serve, as `["files", "search"]`; its own name is one of them always."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> "McpServer":
        if (self.command is None) == (self.url is None):
            raise ValueError("give command (a server on this machine) or url (streamable HTTP), and not both")
        return self

    @property
    def address(self) -> str:
        """Where it is, as it may be shown: without what a URL may carry of secrets, or its arguments."""
        if self.url is None:
            return self.command or ""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def unseen(self) -> frozenset[str]:
        """Texts that no error, log or table may have: every value of `env` and `headers`, and of the URL."""
        return frozenset([*self.env.values(), *self.secrets()])

    def secrets(self) -> frozenset[str]:
        """Those of them that are secrets by where they stand or what they are called, so that not even a
        tool's result may have them. Others, as a path, may well be part of one."""
        found = [value for name, value in self.env.items() if _SECRET_NAME.search(name)]
        for value in self.headers.values():
            found += [value, value.rpartition(" ")[2]]  # with and without `Bearer`
        parts = urlsplit(self.url or "")
        found += [parts.password or "", *(value for _, value in parse_qsl(parts.query))]
        return frozenset(found) - {""}


class RoleTools(Section):
    """What the agents of one role may use. Names may have `*`, as `git_*`; `deny` wins."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()


class Tools(Section):
    """Which tools there are beside those that code hands over, and who may use them."""

    workdir: str | None = None
    """The folder that the built-in tools for files, git and the shell may touch; None: they are not there."""
    built_in: bool = True
    """Serves capabilities that no MCP server serves with tools of Farthing's own."""
    shell: Literal["isolated", "unisolated", "off"] = "isolated"
    """Where commands can be kept from the network and the system's files, the built-in shell is there;
    `unisolated` has it elsewhere too, with limits only."""
    roles: dict[str, RoleTools] = Field(default_factory=dict[str, RoleTools])
    """By role; `*` is every role that is not named."""
    confirm: Literal["effects", "never", "always"] = "effects"
    """Which calls wait for a person's approval: those of tools with effects, none, or all."""
    offered: Annotated[int, Field(ge=1, le=128)] = 10
    """How many tools a model is told at a step where an agent has more; `search_tools` finds the rest."""


class SharedMemory(Section):
    """Bounds of the memory that agents and runs share."""

    entries: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Entries of one namespace; a further one is refused."""
    value_bytes: Annotated[int, Field(ge=64, le=16_777_216)] = 65_536
    """Bytes of one value as JSON."""
    watch_every: Seconds = 0.25
    """Seconds between two looks of those who watch for changes of other processes."""
