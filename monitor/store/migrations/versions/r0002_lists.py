"""Lists of alerts are found from an index alone, whatever they are asked by."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NARROW = (("subject", "seq"), ("status", "seq"), ("changed_at",), ("level", "status"))
_WHOLE = (
    ("seq", "changed_at", "level", "status", "subject"), ("status", "seq", "level", "subject", "changed_at"),
    ("subject", "seq", "status", "level", "changed_at"), ("level", "status", "seq", "subject", "changed_at"),
)  # fmt: skip


def upgrade() -> None:
    """Other indexes over the same columns."""
    for narrow in _NARROW:
        op.drop_index(op.f(_name(narrow)), table_name="alert")
    for whole in _WHOLE:
        op.create_index(op.f(_name(whole)), "alert", list(whole), unique=False)


def _name(columns: tuple[str, ...]) -> str:
    return "ix_alert_" + "_".join(columns)
