"""The index by which shared memory is searched: FTS5 on SQLite, GIN over a tsvector on PostgreSQL.

Both index the column `words` of `memory`, whose words were made alike before (`swarm/memory/recall.py`), and
both are kept by the database in the transaction that changes a row. A SQLite without FTS5 gets none: there a
search reads the namespace through. Which statements, and nothing else.
"""

import sqlalchemy as sa

TABLE = "memory_words"

# Written out, for no name in them comes from elsewhere.
_FTS5 = (
    """CREATE VIRTUAL TABLE memory_words USING fts5(
        space, words, content='memory', content_rowid='id', tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER memory_words_insert AFTER INSERT ON memory BEGIN
        INSERT INTO memory_words(rowid, space, words) VALUES (new.id, new.space, new.words);
    END""",
    """CREATE TRIGGER memory_words_delete AFTER DELETE ON memory BEGIN
        INSERT INTO memory_words(memory_words, rowid, space, words)
        VALUES ('delete', old.id, old.space, old.words);
    END""",
    # A counter's words do not change, and so its increments do not touch the index.
    """CREATE TRIGGER memory_words_update AFTER UPDATE OF words ON memory WHEN old.words <> new.words BEGIN
        INSERT INTO memory_words(memory_words, rowid, space, words)
        VALUES ('delete', old.id, old.space, old.words);
        INSERT INTO memory_words(rowid, space, words) VALUES (new.id, new.space, new.words);
    END""",
)

VECTOR = "array_to_tsvector(string_to_array(words, ' '))"
"""The words as they are: no parser of PostgreSQL's takes them for addresses, numbers or paths."""

_GIN = (f"CREATE INDEX memory_words ON memory USING gin ({VECTOR})",)

HAS_FTS5 = "SELECT sqlite_compileoption_used('ENABLE_FTS5')"


def word_index(connection: sa.Connection) -> tuple[str, ...]:
    """What makes the index beside the table, on this database."""
    if connection.dialect.name == "postgresql":
        return _GIN
    return _FTS5 if connection.exec_driver_sql(HAS_FTS5).scalar() else ()
