"""The tables, as SQLAlchemy Core values. No queries and no connections here.

`ledger` is append-only and narrow: what SQL must find has a column, every other fact of a row is in
`body`, canonical JSON that the chain hashes as it stands. `account` and `rollup` are kept in the same
transaction as the rows they sum, so a start never replays.
"""

import sqlalchemy as sa

SCHEMA_VERSION = "0009"
"""The newest migration; a fresh database is created from these tables and stamped with it."""

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(40), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)

writer = sa.Table(
    "writer",
    metadata,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # live, closed, expired
    sa.Column("lease_until", sa.Float, nullable=False),  # seconds since 1970 by the database's clock
    sa.Column("head", sa.String(64), nullable=False),  # the hash of this epoch's last row
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column(
        "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),  # intent, seen, settled, uncertain, reused, checkpoint
    sa.Column("call_id", sa.String(40), nullable=False),
    sa.Column("run_id", sa.String(40)),
    sa.Column("at_us", sa.BigInteger, nullable=False),  # microseconds since 1970, UTC
    sa.Column("nano", sa.BigInteger, nullable=False),  # intent, uncertain: worst case; settled: cost
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
sa.Index("ledger_call", ledger.c.call_id, ledger.c.kind, unique=True)
sa.Index(
    "ledger_run",
    ledger.c.run_id,
    sqlite_where=ledger.c.run_id.is_not(None),
    postgresql_where=ledger.c.run_id.is_not(None),
)

account = sa.Table(
    "account",
    metadata,
    sa.Column("scope", sa.String(80), primary_key=True),
    sa.Column("period", sa.String(20), primary_key=True),
    sa.Column("settled", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("uncertain", sa.BigInteger, nullable=False),
)


def _sums() -> tuple[sa.Column[int], ...]:
    names = (
        *("calls", "failed", "settled", "uncertain"),
        "computed",  # the part of `settled` that is not reported
        "baseline",
        "wasted",  # the part of the spend that failed attempts cost
        *("input_tokens", "output_tokens"),
    )
    later = (
        "reused",  # tasks that were given an earlier answer
        "saved",  # what those answers had cost
    )
    return (
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in names),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in later),
    )


rollup = sa.Table(
    "rollup",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("upstream", sa.String(80), primary_key=True),
    sa.Column("model", sa.String(120), primary_key=True),
    sa.Column("task_type", sa.String(20), primary_key=True),
    sa.Column("role", sa.String(40), primary_key=True),
    sa.Column("purpose", sa.String(20), primary_key=True),
    *_sums(),
)

# Apart from `rollup`: a call has several tags, and its sums must not be split or counted twice for them.
rollup_by = sa.Table(
    "rollup_by",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("upstream", sa.String(80), primary_key=True),
    sa.Column("dimension", sa.String(10), primary_key=True),  # agent, swarm, key, tag
    sa.Column("name", sa.String(120), primary_key=True),
    *_sums(),
)

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("scope", sa.String(80), primary_key=True),
    sa.Column("period", sa.String(20), primary_key=True),
    sa.Column("level", sa.String(20), primary_key=True),  # warning, critical, 50 %, soft limit, overrun, …
    sa.Column("base", sa.BigInteger, primary_key=True),  # nano-dollars the threshold is a share of
    sa.Column("subject", sa.String(80), primary_key=True),  # the call of an overrun, else empty
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("committed", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),  # whose process delivers it
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("delivered", sa.Boolean, nullable=False),
)

price = sa.Table(
    "price",
    metadata,
    sa.Column("book", sa.String(60), primary_key=True),
    sa.Column("model", sa.String(120), primary_key=True),
    sa.Column("rates", sa.Text, nullable=False),  # JSON, US dollars per token as strings
)

# Apart from the ledger's rows: what is here is redacted, is deleted after some days, and proves nothing.
content = sa.Table(
    "content",
    metadata,
    sa.Column("call_id", sa.String(40), primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
)
sa.Index("content_at", content.c.at_us)

# What the rows up to a number came to, so that they can be put away. The newest counts; its hash has a row.
checkpoint = sa.Table(
    "checkpoint",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

# Answers that may be given again. Like `content` no part of the ledger: they are deleted, and prove nothing.
answer = sa.Table(
    "answer",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),  # SHA-256 of tenant, task, policy and arm
    sa.Column("region", sa.String(20), nullable=False),  # the task type, or nothing where they are not apart
    sa.Column("tenant", sa.String(60), nullable=False),
    sa.Column("task_type", sa.String(20), nullable=False),
    sa.Column("made_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger, nullable=False),
    sa.Column("used_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("setting", sa.String(64)),  # SHA-256 of all but the last message's words
    sa.Column("question", sa.Text),  # JSON; where others may find the answer by other words
)
sa.Index("answer_used", answer.c.region, answer.c.used_us)
sa.Index("answer_setting", answer.c.setting, answer.c.made_us)

# What was counted of answers given to reworded questions, by all processes.
semantic_standing = sa.Table(
    "semantic_standing",
    metadata,
    sa.Column("task_type", sa.String(20), primary_key=True),
    sa.Column("hits", sa.BigInteger, nullable=False),
    sa.Column("rechecks", sa.BigInteger, nullable=False),
    sa.Column("false_hits", sa.BigInteger, nullable=False),
    sa.Column("off", sa.Boolean, nullable=False),
)

# Who asks for an answer that others wait for. One whose epoch is not live any more is nobody's.
flight = sa.Table(
    "flight",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
)

# What processes tell each other of models and, where `provider` is not empty, of single providers. Only
# changes are written: a breaker that opens, a rest, an answer after one.
health = sa.Table(
    "health",
    metadata,
    sa.Column("model", sa.String(200), primary_key=True),
    sa.Column("provider", sa.String(100), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),  # healthy, cooling, open, probing, gone
    sa.Column("until_us", sa.BigInteger),  # microseconds since 1970, UTC
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Column("changed_by", sa.String(60), nullable=False),
)

# What the ledger's rows teach of models, by day: a digest that can be made anew from them. Up to which row it
# goes is `experience_seq` of `meta`.
experience = sa.Table(
    "experience",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("task_type", sa.String(20), primary_key=True),
    sa.Column("model", sa.String(120), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

# Runs of swarms that can be gone on with. A run whose `epoch` is not live is conducted by nobody.
run = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),  # running, paused, finished, stopped, cancelled
    sa.Column("epoch", sa.Integer, nullable=False),  # who conducts it; 0 is nobody
    sa.Column("began_us", sa.BigInteger, nullable=False),
    sa.Column("ended_us", sa.BigInteger),
    sa.Column("body", sa.Text, nullable=False),  # JSON: what was asked for, enough to begin it anew
    sa.Column("result", sa.Text),  # JSON: how it ended
)
sa.Index("run_state", run.c.state, run.c.began_us)

# Pieces of work of a run, which processes claim. One whose `epoch` is not live may be claimed again.
piece = sa.Table(
    "piece",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("piece", sa.String(120), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),  # ready, claimed, paused, done
    sa.Column("epoch", sa.Integer, nullable=False),  # who does it; 0 is nobody
    sa.Column("claims", sa.Integer, nullable=False),  # how often it was claimed: 1 unless a claimer was lost
    sa.Column("ready_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON: what is to be done
    sa.Column("result", sa.Text),  # JSON: how it ended
)
sa.Index("piece_state", piece.c.state, piece.c.ready_us)

# What was done of a piece of work, in order, so that it is neither done nor paid again.
step = sa.Table(
    "step",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("piece", sa.String(120), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(10), nullable=False),  # model, tools
    sa.Column("epoch", sa.Integer, nullable=False),  # who did it
    sa.Column("call_id", sa.String(40)),  # the ledger's call that was paid for it
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON: the model's answer, or the tools' results
)

# Tool calls that wait, or waited, for a person's word.
approval = sa.Table(
    "approval",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("piece", sa.String(120), primary_key=True),
    sa.Column("call_id", sa.String(80), primary_key=True),  # the model's id of the tool call
    sa.Column("state", sa.String(10), nullable=False),  # pending, approved, denied
    sa.Column("agent_id", sa.String(120), nullable=False),
    sa.Column("tool", sa.String(80), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("asked_us", sa.BigInteger, nullable=False),
    sa.Column("decided_us", sa.BigInteger),
    sa.Column("note", sa.Text, nullable=False),  # why it was denied, as the model is told
)
sa.Index("approval_state", approval.c.state, approval.c.asked_us)

# Namespaces of shared memory, and the lock on each: who changes one holds its row until the commit.
memory_space = sa.Table(
    "memory_space",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("tenant", sa.String(60), nullable=False),
    sa.Column("namespace", sa.String(120), nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False),  # counted; a version is the number of a change
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("forgotten", sa.BigInteger, nullable=False),  # deletions up to this change are no more told
)
sa.Index("memory_space_name", memory_space.c.tenant, memory_space.c.namespace, unique=True)

# Keys are compared byte by byte on both databases, so that a list has one order.
_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")

# Entries of shared memory. A deleted one stays for some minutes, so that those who watch are told. The index
# that they are searched by is `words.py`'s.
memory = sa.Table(
    "memory",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("space", sa.Integer, nullable=False),
    sa.Column("key", _KEY, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # 0: never had a value
    sa.Column("value", sa.Text),  # JSON
    sa.Column("words", sa.Text, nullable=False),  # what of it is searched, parted by single spaces
    sa.Column("gone", sa.String(10), nullable=False),  # why there is no value any more: deleted, expired
    sa.Column("until_us", sa.BigInteger),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Column("changed_by", sa.String(120), nullable=False),
    sa.Column("holder", sa.String(120)),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("held_until_us", sa.BigInteger),
)
sa.Index("memory_key", memory.c.space, memory.c.key, unique=True)
sa.Index("memory_version", memory.c.space, memory.c.version)
sa.Index(
    "memory_until",
    memory.c.space,
    memory.c.until_us,
    sqlite_where=memory.c.until_us.is_not(None),
    postgresql_where=memory.c.until_us.is_not(None),
)
sa.Index(
    "memory_gone",
    memory.c.space,
    memory.c.changed_us,
    sqlite_where=memory.c.value.is_(None),
    postgresql_where=memory.c.value.is_(None),
)
