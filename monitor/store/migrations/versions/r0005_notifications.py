"""Lists of notifications are found in their order from an index alone, whatever they are asked by."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NARROW = (("receiver", "state"), ("created_at",))
_WHOLE = (
    ("created_at", "n", "id"), ("receiver", "created_at", "n", "id", "state", "alert"),
    ("state", "created_at", "n", "id", "receiver", "alert"),
)  # fmt: skip


def upgrade() -> None:
    """Other indexes over the same columns."""
    for narrow in _NARROW:
        op.drop_index(op.f(_name(narrow)), table_name="notification")
    for whole in _WHOLE:
        op.create_index(op.f(_name(whole)), "notification", list(whole), unique=False)


def _name(columns: tuple[str, ...]) -> str:
    return "ix_notification_" + "_".join(columns)
