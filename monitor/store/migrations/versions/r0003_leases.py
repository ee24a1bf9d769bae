"""Who is at work: where several processes share a store."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

words = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of leases."""
    op.create_table(
        "lease",
        sa.Column("name", words, nullable=False),
        sa.Column("holder", words, nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "holder", name="pk_lease"),
    )
