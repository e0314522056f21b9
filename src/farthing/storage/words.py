"""The index by which shared memory is searched: FTS5 on SQLite, GIN over a tsvector on PostgreSQL.

Both index the column `words` of `memory`, whose words were made alike before (`swarm/memory/recall.py`), and both
are kept by the database in the transaction that changes a row. A SQLite without FTS5 gets none: there a
search reads the namespace through. Statements only; nothing is run here.
"""

import sqlalchemy as sa

TABLE = "memory_words"

_FTS5 = (
    f"""CREATE VIRTUAL TABLE {TABLE} USING fts5(
        space, words, content='memory', content_rowid='id', tokenize='unicode61 remove_diacritics 0')""",
    f"""CREATE TRIGGER memory_words_insert AFTER INSERT ON memory WHEN new.words <> '' BEGIN
        INSERT INTO {TABLE}(rowid, space, words) VALUES (new.id, new.space, new.words);
    END""",
    f"""CREATE TRIGGER memory_words_delete AFTER DELETE ON memory WHEN old.words <> '' BEGIN
        INSERT INTO {TABLE}({TABLE}, rowid, space, words) VALUES ('delete', old.id, old.space, old.words);
    END""",
    # Two for an update: an index entry is taken out and put in, and either may be missing. A counter's words
    # do not change.
    f"""CREATE TRIGGER memory_words_out AFTER UPDATE OF words ON memory
        WHEN old.words <> '' AND old.words <> new.words BEGIN
        INSERT INTO {TABLE}({TABLE}, rowid, space, words) VALUES ('delete', old.id, old.space, old.words);
    END""",
    f"""CREATE TRIGGER memory_words_in AFTER UPDATE OF words ON memory
        WHEN new.words <> '' AND old.words <> new.words BEGIN
        INSERT INTO {TABLE}(rowid, space, words) VALUES (new.id, new.space, new.words);
    END""",
)  # fmt: skip

VECTOR = "array_to_tsvector(string_to_array(words, ' '))"
"""The words as they are: no parser of PostgreSQL's takes them for addresses, numbers or paths."""

_GIN = (f"CREATE INDEX {TABLE} ON memory USING gin ({VECTOR})",)

HAS_FTS5 = "SELECT sqlite_compileoption_used('ENABLE_FTS5')"


def word_index() -> tuple[sa.ExecutableDDLElement, ...]:
    """What makes the index beside a new table, on whichever database it is."""
    sqlite = (sa.DDL(text.replace("%", "%%")).execute_if(callable_=_has_fts5) for text in _FTS5)
    postgresql = (sa.DDL(text.replace("%", "%%")).execute_if(dialect="postgresql") for text in _GIN)
    return (*sqlite, *postgresql)


def statements(connection: sa.Connection) -> tuple[str, ...]:
    """The same as texts, for a migration."""
    if connection.dialect.name == "postgresql":
        return _GIN
    return _FTS5 if connection.exec_driver_sql(HAS_FTS5).scalar() else ()


def _has_fts5(
    _ddl: sa.ExecutableDDLElement, _target: object, bind: sa.Connection | None, **_rest: object
) -> bool:
    return bind is not None and bind.dialect.name == "sqlite" and _FTS5 == statements(bind)
