"""Alembic migrations, for databases that an older version made. A fresh one is made from `tables.py`."""
