"""
A new database, made in one go: a test says it is what taking every step of `migrations/` gives.

Alembic, with what it brings along, is 20 MB that stay for as long as the process lives; a folder that is new needs none of it.
"""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from monitor.store.schema import ALERT_SEQ, REVISION, metadata, sequence

# As Alembic makes it, which looks here for what is done
_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def current(connection: Connection) -> bool:
    """Whether the tables are already in their newest form; asks without writing."""
    if not inspect(connection).has_table(_version.name):
        return False
    return connection.execute(select(_version.c.version_num)).scalars().all() == [REVISION]


def make_or_migrate(connection: Connection) -> None:
    """Bring the tables into their newest form, in the transaction under way."""
    if not inspect(connection).get_table_names():
        make(connection)
        return
    from monitor.store.migrations import upgrade  # noqa: PLC0415 - Alembic is a third of a start, and needed once a release

    upgrade(connection)


def make(connection: Connection) -> None:
    """Every table in its newest form, in the transaction under way."""
    metadata.create_all(connection)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=REVISION))
    connection.execute(sequence.insert().values(name=ALERT_SEQ, value=0))
