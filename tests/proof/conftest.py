"""The databases of the ledger's tests."""

from tests.spend.conftest import database, postgresql_url, server, url

__all__ = ["database", "postgresql_url", "server", "url"]
