"""The databases that answers are shared on."""

from tests.spend.conftest import database, postgresql_url, server, url

__all__ = ["database", "postgresql_url", "server", "url"]
