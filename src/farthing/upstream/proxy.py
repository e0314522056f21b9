"""Which proxy an environment names for an address. Pure.

As other programs read it: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in small letters or large;
of the large ones not `HTTP_PROXY`, which a web server sets from a visitor's header. This machine needs none.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from farthing.errors import ConfigError, ConfigFault


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy's URL; None for a direct connection. Raises `ConfigError` for one that is no HTTP proxy."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if _is_here(host) or _is_left_out(host, parts.port, environ):
        return None
    names = ["https_proxy", "HTTPS_PROXY"] if parts.scheme == "https" else ["http_proxy"]
    for name in (*names, "all_proxy", "ALL_PROXY"):
        given = environ.get(name, "").strip()
        if given:
            return _checked(name, given)
    return None


def _checked(name: str, given: str) -> str:
    proxy = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:  # its value is not shown: it may hold a password
        problem = "is not an http:// proxy; name one, or the upstream's host in NO_PROXY"
        raise ConfigError("the environment", [ConfigFault(path=name, value="***", problem=problem)])
    return proxy


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_left_out(host: str, port: int | None, environ: Mapping[str, str]) -> bool:
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    for entry in (part.strip().lower() for part in listed.split(",")):
        name, _, at = entry.rpartition(":")
        if name and at.isdigit() and "]" not in at:
            if port != int(at):
                continue
            entry = name  # noqa: PLW2901 - what is left of it
        if entry == "*":
            return True
        domain = entry.removeprefix("*").removeprefix(".")
        if domain and (host == domain or host.endswith(f".{domain}")):
            return True
    return False
