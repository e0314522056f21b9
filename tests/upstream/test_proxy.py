"""Which proxy an environment names, as other programs read it."""

import asyncio

import pytest
from tests.upstream.loopback import Connection, Loopback

from farthing.config.load import load_config
from farthing.errors import ConfigError
from farthing.opening import open_transport
from farthing.upstream.direct import DirectTransport
from farthing.upstream.proxy import proxy_for
from farthing.upstream.transport import AiohttpTransport, TransportFault

URL = "https://openrouter.ai/api/v1"
PROXY = "http://user:SECRET@proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"http_proxy": PROXY, "HTTP_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": " "}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "openrouter.ai"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "example.org, .ai"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "*.openrouter.ai"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "router.ai,openrouter.ai:8443"}, PROXY),
    ],
)
def test_the_environment_names_a_proxy(environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(URL, environ) == proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "a.localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert proxy_for(f"http://{host}:8080/api/v1", {"http_proxy": PROXY, "all_proxy": PROXY}) is None


@pytest.mark.parametrize("given", ["socks5://user:SECRET@host:1", "http://", "http://SECRET:x"])
def test_another_kind_of_proxy_is_refused_without_its_password(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        proxy_for(URL, {"HTTPS_PROXY": given})
    assert "HTTPS_PROXY" in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_deployment_goes_through_the_proxy_that_is_named() -> None:
    config = load_config("balanced", environ={})
    assert isinstance(open_transport(config, environ={}), DirectTransport)
    assert isinstance(open_transport(config, environ={"HTTPS_PROXY": PROXY}), AiohttpTransport)


async def test_the_proxy_is_asked_for_the_upstream() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"through the proxy")

    async with Loopback(script) as proxy:
        address = proxy.base_url.removesuffix("/api/v1")
        transport = AiohttpTransport(proxy=address)
        exchange = await transport.exchange("GET", "http://upstream.invalid/api/v1/key", headers={})
        assert not isinstance(exchange, TransportFault)
        assert await exchange.read() == b"through the proxy"
        exchange.close()
        await asyncio.sleep(0)
        await transport.aclose()
    assert proxy.requests[0].path == "http://upstream.invalid/api/v1/key"
