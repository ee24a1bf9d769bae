"""Every later look at a mention is kept as it was decided, so that a case can be written out whole."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """A table of them; of looks decided before it is made nothing but the last is known."""
    op.create_table(
        "look",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject", words, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("comments", sa.BigInteger(), nullable=True),
        sa.Column("reposts", sa.BigInteger(), nullable=True),
        sa.Column("views", sa.BigInteger(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("digest", "subject", "offset", name=op.f("pk_look")),
    )
