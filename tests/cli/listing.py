"""An upstream that serves `/models` and nothing else: any rows, in pages of any size, changed as it runs."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs, urlsplit


class Listing(ThreadingHTTPServer):
    """Its rows, how many stand on a page, and the Authorization headers that came."""

    daemon_threads = True
    rows: list[object]
    page: int
    keys: list[str | None]
    endless: bool

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v1"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        listing = cast(Listing, self.server)
        listing.keys.append(self.headers.get("Authorization"))
        start = int(parse_qs(urlsplit(self.path).query).get("offset", ["0"])[0])
        end = start + listing.page
        more = listing.endless or end < len(listing.rows)
        data = listing.rows[:1] if listing.endless else listing.rows[start:end]
        body = {"data": data, "links": {"next": f"/models?offset={end}" if more else None}}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Says nothing."""


@contextmanager
def listing(*rows: object, page: int = 1000) -> Generator[Listing]:
    """A listing with these rows, on a port of its own."""
    with Listing(("127.0.0.1", 0), _Answer) as server:
        server.rows, server.page, server.keys, server.endless = list(rows), page, [], False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
