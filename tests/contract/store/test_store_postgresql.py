"""What only a store on a server can suffer: the server gone, a connection cut, a lock that does not come, no place in the pool."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine

from monitor.errors import StoreUnavailable, UsageError
from monitor.store.making import current, make
from monitor.store.migrations import upgrade
from monitor.store.schema import metadata
from monitor.store.sessions import Store
from tests.contract.store.units import write, written
from tests.postgresql import Server, database_of

HOME = Path("/nonexistent")  # a store on a server has no folder


@pytest.fixture
async def url(postgresql: Server) -> AsyncIterator[str]:
    """A database of its own with nothing in it."""
    made = await postgresql.database(made=False)
    yield made
    await postgresql.drop(made)


@pytest.fixture
async def store(postgresql: Server) -> AsyncIterator[Store]:
    """An empty store."""
    url = await postgresql.database()
    opened = await Store.open(url, HOME)
    yield opened
    await opened.close()
    await postgresql.drop(url)


class TestOpening:
    """The first opening."""

    async def test_models(self, url: str) -> None:
        """A database that took every step is what the models say, and so is one made in one go."""

        def look(connection: Connection) -> tuple[dict[str, str], dict[str, object]]:
            there = MetaData()
            there.reflect(connection)
            looked = inspect(connection)
            parts = (looked.get_columns, looked.get_pk_constraint, looked.get_indexes, looked.get_foreign_keys)
            shapes = {name: repr([part(name) for part in parts]) for name in there.tables}
            return shapes, {name: connection.execute(select(table)).all() for name, table in there.tables.items()}

        def stepped(connection: Connection) -> tuple[dict[str, str], dict[str, object]]:
            upgrade(connection)
            assert current(connection)
            assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
            return look(connection)

        engine = create_async_engine("postgresql+asyncpg://", connect_args={"dsn": url})
        async with engine.connect() as connection, connection.begin() as transaction:
            by_steps = await connection.run_sync(stepped)
            await transaction.rollback()
        async with engine.connect() as connection, connection.begin():
            await connection.run_sync(make)
            assert await connection.run_sync(look) == by_steps
        await engine.dispose()

    async def test_texts_compare_by_code_point(self, postgresql: Server) -> None:
        """No column of words is left to the habits of the database it happens to be in."""
        url = await postgresql.database()
        async with postgresql.session(database_of(url)) as session:
            query = (
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'"
                " AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'"
            )
            assert await session.fetch(query) == []
        await postgresql.drop(url)

    async def test_many_at_once(self, url: str) -> None:
        """Of many processes that come first at the same moment one makes the tables, and all have them."""
        stores = await asyncio.gather(*(Store.open(url, HOME) for _ in range(5)))
        await write(stores[0], 0, 5)
        assert [await written(store, 5) for store in stores] == [1] * 5
        for store in stores:
            await store.close()

    async def test_newer_release(self, postgresql: Server) -> None:
        """A store of a newer release is refused, not harmed."""
        url = await postgresql.database()
        async with postgresql.session(database_of(url)) as session:
            await session.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(UsageError, match="更新的版本"):
            await Store.open(url, HOME)
        await postgresql.drop(url)

    async def test_not_let_in(self, postgresql: Server, url: str) -> None:
        """A wrong password, no such user or database, no right to make tables: told in words, without the password."""
        async with postgresql.session(database_of(url)) as session:
            await session.execute("CREATE ROLE locked LOGIN PASSWORD 'r1ght'")
            await session.execute("CREATE ROLE weak LOGIN")
        for tried, why in (
            (url.replace("postgres:", "locked:hunter2"), "不接受连接.*用户、密码和库名"),
            (url.replace("postgres:", "nobody:hunter2"), "不接受连接"),
            (postgresql.url("missing", "postgres:hunter2"), "不接受连接.*missing"),
            (url.replace("postgres:", "weak:hunter2"), "不能建表.*权限"),
            ("postgresql://u:hunter2@h", "地址不对.*没有写库名"),
        ):
            with pytest.raises(UsageError, match=why) as told:
                await Store.open(tried, HOME)
            assert "hunter2" not in str(told.value)
        async with postgresql.session() as session:
            await session.execute("DROP ROLE locked")
            await session.execute("DROP ROLE weak")

    async def test_other_encoding(self, postgresql: Server) -> None:
        """A database that cannot hold every text is refused with what to do."""
        async with postgresql.session() as session:
            await session.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        with pytest.raises(UsageError, match=r"LATIN1.*UTF8"):
            await Store.open(postgresql.url("latin"), HOME)
        await postgresql.drop(postgresql.url("latin"))

    @pytest.mark.parametrize("url", ["postgresql://u:hunter2@/db?host=/nonexistent", "postgresql://u:hunter2@127.0.0.1:1/db"])
    async def test_nobody_there(self, url: str) -> None:
        """A server that is not there may come: later, and soon told."""
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable, match="现在连接不上") as told:
                await Store.open(url, HOME)
        assert "hunter2" not in str(told.value)
