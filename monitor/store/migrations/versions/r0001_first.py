"""Every table, as it was at first."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them; the counter of alerts begins at 0."""
    said()
    decided()
    told()
    kept()
    op.bulk_insert(sa.table("sequence", sa.column("name"), sa.column("value")), [{"name": "alert", "value": 0}])


def said() -> None:
    """What was said, and about what."""
    op.create_table(
        "mention",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", words, nullable=False),
        sa.Column("id", words, nullable=False),
        sa.Column("kind", words, nullable=False),
        sa.Column("platform", words, nullable=True),
        sa.Column("outlet", words, nullable=True),
        sa.Column("region", words, nullable=True),
        sa.Column("root", sa.LargeBinary(length=16), nullable=True),
        sa.Column("parent", sa.LargeBinary(length=16), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_from", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("name", words, nullable=True),
        sa.Column("role", words, nullable=True),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("comments", sa.BigInteger(), nullable=True),
        sa.Column("reposts", sa.BigInteger(), nullable=True),
        sa.Column("views", sa.BigInteger(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_mention")),
    )
    op.create_index(op.f("ix_mention_kept_from"), "mention", ["kept_from"], unique=False)
    op.create_index(op.f("ix_mention_published_at"), "mention", ["published_at"], unique=False)
    op.create_table(
        "hit",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("story", words, nullable=False),
        sa.Column("out", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_from", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("comments", sa.BigInteger(), nullable=True),
        sa.Column("reposts", sa.BigInteger(), nullable=True),
        sa.Column("views", sa.BigInteger(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=True),
        sa.Column("negative", sa.Boolean(), nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "subject", name=op.f("pk_hit")),
    )
    op.create_index(op.f("ix_hit_kept_from"), "hit", ["kept_from"], unique=False)
    op.create_index(op.f("ix_hit_story_published_at"), "hit", ["story", "published_at"], unique=False)
    op.create_index(op.f("ix_hit_subject_published_at"), "hit", ["subject", "published_at"], unique=False)
    op.create_table(
        "story",
        sa.Column("id", words, nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("founder", sa.LargeBinary(length=16), nullable=False),
        sa.Column("residual", sa.Boolean(), nullable=False),
        sa.Column("title", words, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("mentions", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("peak", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("merged_into", words, nullable=True),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
    )
    op.create_index(op.f("ix_story_last_at"), "story", ["last_at"], unique=False)
    op.create_index(op.f("ix_story_partition_live"), "story", ["partition", "live"], unique=False)
    op.create_index(op.f("ix_story_partition_settled"), "story", ["partition", "settled"], unique=False)
    op.create_index(op.f("ix_story_subject_last_at"), "story", ["subject", "last_at"], unique=False)


def decided() -> None:
    """What was decided, and by whom."""
    op.create_table(
        "alert",
        sa.Column("id", words, nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("story", words, nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("policy_level", sa.SmallInteger(), nullable=False),
        sa.Column("status", words, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_changed_at"), "alert", ["changed_at"], unique=False)
    op.create_index(op.f("ix_alert_level_status"), "alert", ["level", "status"], unique=False)
    op.create_index(op.f("ix_alert_seq"), "alert", ["seq"], unique=True)
    op.create_index(op.f("ix_alert_status_seq"), "alert", ["status", "seq"], unique=False)
    op.create_index(op.f("ix_alert_story_episode"), "alert", ["story", "episode"], unique=False)
    op.create_index(op.f("ix_alert_subject_seq"), "alert", ["subject", "seq"], unique=False)
    op.create_table(
        "transition",
        sa.Column("alert", words, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=True),
        sa.Column("actor", words, nullable=False),
        sa.Column("from_level", sa.SmallInteger(), nullable=True),
        sa.Column("to_level", sa.SmallInteger(), nullable=True),
        sa.Column("from_status", words, nullable=True),
        sa.Column("to_status", words, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_transition_alert")),
        sa.PrimaryKeyConstraint("alert", "n", name=op.f("pk_transition")),
    )
    op.create_index(op.f("ix_transition_at"), "transition", ["at"], unique=False)
    op.create_table(
        "act",
        sa.Column("id", counted, autoincrement=True, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("story", words, nullable=False),
        sa.Column("alert", words, nullable=False),
        sa.Column("action", words, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_act_partition_offset"), "act", ["partition", "offset"], unique=False)


def told() -> None:
    """Whom it was told."""
    op.create_table(
        "notification",
        sa.Column("id", words, nullable=False),
        sa.Column("alert", words, nullable=False),
        sa.Column("receiver", words, nullable=False),
        sa.Column("type", words, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", words, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("first_try_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
    )
    op.create_index(op.f("ix_notification_alert_receiver_n"), "notification", ["alert", "receiver", "n"], unique=False)
    op.create_index(op.f("ix_notification_created_at"), "notification", ["created_at"], unique=False)
    op.create_index(op.f("ix_notification_receiver_state"), "notification", ["receiver", "state"], unique=False)
    op.create_index(op.f("ix_notification_state_next_try_at"), "notification", ["state", "next_try_at"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", counted, autoincrement=True, nullable=False),
        sa.Column("notification", words, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("code", words, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("excerpt", words, nullable=False),
        sa.ForeignKeyConstraint(["notification"], ["notification.id"], name=op.f("fk_attempt_notification")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_notification"), "attempt", ["notification"], unique=False)


def kept() -> None:
    """Where everything stands."""
    op.create_table(
        "position",
        sa.Column("topic", words, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("now", sa.BigInteger(), nullable=False),
        sa.Column("last_act", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_position")),
    )
    op.create_table(
        "sequence",
        sa.Column("name", words, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequence")),
    )
    op.create_table(
        "meta",
        sa.Column("key", words, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", words, nullable=False),
        sa.Column("path", words, nullable=False),
        sa.Column("key", words, nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("etag", words, nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "path", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_at"), "idempotency", ["at"], unique=False)
