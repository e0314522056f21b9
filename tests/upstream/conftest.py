"""Tests that go through a client run on either transport."""

import pytest
from tests.upstream import calls

from farthing.upstream.direct import DirectTransport
from farthing.upstream.transport import AiohttpTransport


@pytest.fixture(params=[DirectTransport, AiohttpTransport])
def either_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `calls.upstream` opens; for `pytestmark = pytest.mark.usefixtures(…)`."""
    monkeypatch.setattr(calls, "open_transport", request.param)
