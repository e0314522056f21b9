"""The database: SQLAlchemy Core on SQLite by default, PostgreSQL by URL."""
