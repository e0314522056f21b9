"""The ledger's databases, SQLite and a real PostgreSQL, serve here too."""

from tests.spend.conftest import database, postgresql_url, server, url

__all__ = ["database", "postgresql_url", "server", "url"]
