"""
The tables, as SQLAlchemy metadata; `migrations/` makes and changes them, a test says both agree.

Moments are micros. What only whole records need stands in `body`, as msgspec's JSON; columns are what is asked for, ordered or
counted. Texts compare by code point on every backend. A hit outlives its mention (identities outlive texts), so nothing points
at a mention by foreign key.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql

REVISION: Final = "0005"  # the newest in migrations/versions; a folder already there needs no migration, and no write, to open
ALERT_SEQ: Final = "alert"

# Ordered by code point everywhere: SQLite compares bytes by itself, PostgreSQL when told so.
words = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
# SQLite counts rows by itself only for a column called INTEGER.
counted = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

mention = Table(
    "mention",
    metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("source", words, nullable=False),
    Column("id", words, nullable=False),
    Column("kind", words, nullable=False),
    Column("platform", words),
    Column("outlet", words),
    Column("region", words),
    # The identities of what it says it belongs to: the tree of a story is read from here, without a text.
    Column("root", LargeBinary(16)),
    Column("parent", LargeBinary(16)),
    Column("published_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    # Retention counts from here: from storing, or later for what is needed longer.
    Column("kept_from", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("name", words),
    Column("role", words),
    Column("likes", BigInteger),
    Column("comments", BigInteger),
    Column("reposts", BigInteger),
    Column("views", BigInteger),
    Column("gone", Boolean),
    Column("body", LargeBinary, nullable=False),
    Index(None, "published_at"),
    Index(None, "kept_from"),
)

hit = Table(
    "hit",
    metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("subject", words, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    # Where in the log its story was grouped with it: its own offset, or later where the story was woken or built again.
    Column("place", BigInteger, nullable=False),
    Column("story", words, nullable=False),
    # A person took it out of its story.
    Column("out", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("published_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("kept_from", BigInteger, nullable=False),
    # The engagement this subject has been decided with: an observation reaches the subjects of a mention one record at a time.
    Column("seen_at", BigInteger, nullable=False),
    Column("likes", BigInteger),
    Column("comments", BigInteger),
    Column("reposts", BigInteger),
    Column("views", BigInteger),
    Column("gone", Boolean),
    Column("negative", Boolean, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # Pages are by published_at, newest first; the rebuild sorts a story's hits by offset itself.
    Index(None, "story", "published_at"),
    Index(None, "subject", "published_at"),
    Index(None, "kept_from"),
)

# Each later look at a mention, as its subject decided it: a hit has only the last.
look = Table(
    "look",
    metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("subject", words, primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("received_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("likes", BigInteger),
    Column("comments", BigInteger),
    Column("reposts", BigInteger),
    Column("views", BigInteger),
    Column("gone", Boolean),
)

story = Table(
    "story",
    metadata,
    Column("id", words, primary_key=True),
    Column("subject", words, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("founder", LargeBinary(16), nullable=False),
    Column("residual", Boolean, nullable=False),
    Column("title", words, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("mentions", BigInteger, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("peak", SmallInteger, nullable=False),  # the highest level it ever had: evidence is kept longer
    Column("state", LargeBinary, nullable=False),
    Column("merged_into", words),
    # By which it can be woken, 8 bytes each; empty while it is awake. `settled`: how many there were in all when it fell asleep.
    Column("keys", LargeBinary, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Index(None, "partition", "live"),
    Index(None, "partition", "settled"),
    Index(None, "last_at"),
    Index(None, "subject", "last_at"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", words, primary_key=True),
    Column("subject", words, nullable=False),
    Column("story", words, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("policy_level", SmallInteger, nullable=False),
    Column("status", words, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "seq", unique=True),
    # Each has all that a list can be asked by: whatever is passed over is passed over without its row.
    Index(None, "seq", "changed_at", "level", "status", "subject"),
    Index(None, "status", "seq", "level", "subject", "changed_at"),
    Index(None, "subject", "seq", "status", "level", "changed_at"),
    Index(None, "level", "status", "seq", "subject", "changed_at"),
    Index(None, "story", "episode"),
)

transition = Table(
    "transition",
    metadata,
    Column("alert", words, ForeignKey("alert.id"), primary_key=True),
    Column("n", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger),
    Column("actor", words, nullable=False),
    Column("from_level", SmallInteger),
    Column("to_level", SmallInteger),
    Column("from_status", words),
    Column("to_status", words),
    Column("body", LargeBinary, nullable=False),
    Index(None, "at"),
)

act = Table(
    "act",
    metadata,
    Column("id", counted, primary_key=True, autoincrement=True),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("subject", words, nullable=False),
    Column("story", words, nullable=False),
    Column("alert", words, nullable=False),
    Column("action", words, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "partition", "offset"),
    sqlite_autoincrement=True,  # an id is never given twice: `last_act` is compared with it
)

notification = Table(
    "notification",
    metadata,
    Column("id", words, primary_key=True),
    Column("alert", words, nullable=False),
    Column("receiver", words, nullable=False),
    Column("type", words, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", words, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("first_try_at", BigInteger, nullable=False),
    Index(None, "state", "next_try_at"),
    Index(None, "alert", "receiver", "n"),
    Index(None, "created_at", "n", "id"),
    # Each in the order of the list, with all that it can be asked by: whatever is passed over is passed over without its row.
    Index(None, "receiver", "created_at", "n", "id", "state", "alert"),
    Index(None, "state", "created_at", "n", "id", "receiver", "alert"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", counted, primary_key=True, autoincrement=True),
    Column("notification", words, ForeignKey("notification.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Integer),
    Column("code", words, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("excerpt", words, nullable=False),
    Index(None, "notification"),
)

position = Table(
    "position",
    metadata,
    Column("topic", words, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("now", BigInteger, nullable=False),
    Column("last_act", BigInteger, nullable=False),
)

sequence = Table(
    "sequence",
    metadata,
    Column("name", words, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", words, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# Who is at work, for as long as it says so again: a process here, a receiver's sender.
lease = Table(
    "lease",
    metadata,
    Column("name", words, primary_key=True),
    Column("holder", words, primary_key=True),
    Column("alone", Boolean, nullable=False),
    Column("until", BigInteger, nullable=False),  # by the database's clock
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", words, primary_key=True),
    Column("path", words, primary_key=True),
    Column("key", words, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("etag", words),
    Column("response", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "at"),
)
