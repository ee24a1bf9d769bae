"""What only a store on a server can suffer: refused, a connection cut, a lock that does not come, no place in the pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, event, exc, inspect, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from monitor.errors import StoreUnavailable, UsageError
from monitor.store import postgresql as servers
from monitor.store import schema
from monitor.store.making import current, make
from monitor.store.migrations import upgrade
from monitor.store.postgresql import READERS, WRITERS
from monitor.store.schema import metadata
from monitor.store.sessions import Store
from tests.contract.store.pooler import pooling
from tests.contract.store.records import LATER, mention, new_hit, story
from tests.contract.store.units import HITS, SECRET_WORDS, eventually, write, written
from tests.postgresql import Server, database_of

HOME = Path("/nonexistent")  # a store on a server has no folder
MANY = 1_000  # many enough to be streamed in portions


@pytest.fixture
async def url(postgresql: Server) -> AsyncIterator[str]:
    """A database of its own with nothing in it."""
    made = await postgresql.database(made=False)
    yield made
    await postgresql.drop(made)


@pytest.fixture
async def database(postgresql: Server) -> AsyncIterator[str]:
    """The name of a database with an empty store."""
    url = await postgresql.database()
    yield database_of(url)
    await postgresql.drop(url)


@pytest.fixture
async def store(postgresql: Server, database: str) -> AsyncIterator[Store]:
    """The store in it."""
    opened = await Store.open(postgresql.url(database), HOME)
    yield opened
    await opened.close()


def driver_of(connection: Connection | None) -> Any:
    """The connection as asyncpg has it."""
    assert connection is not None
    return connection.connection.driver_connection


def bounded(store: Store, setting: str) -> None:
    """Let the writing units of a store run under another bound of time."""

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL {setting}")

    event.listen(store._writing.sync_engine, "begin", begun)


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
        await (await Store.open(url, HOME)).close()
        with pytest.raises(UsageError, match=r"权限不够.*for table.*读写已有各表"):
            await Store.open(url.replace("postgres:", "weak:hunter2"), HOME)
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


class TestCut:
    """A connection that is ended from outside."""

    async def test_at_every_stage(self, postgresql: Server, store: Store) -> None:
        """However far a unit was, the commit itself included: it failed whole or it happened, and done again it is there once."""
        cuts = 0
        async with postgresql.session() as session:
            for number in range(100):
                left = number

                def cut(connection: Connection, *_: object) -> None:
                    nonlocal left
                    left -= 1
                    if left == -1:
                        pid = driver_of(connection).get_server_pid()
                        await_only(session.execute("SELECT pg_terminate_backend($1, 1000)", pid))

                for moment in ("before_cursor_execute", "commit"):
                    event.listen(store._writing.sync_engine, moment, cut)
                await eventually(store, number)
                for moment in ("before_cursor_execute", "commit"):
                    event.remove(store._writing.sync_engine, moment, cut)
                assert await written(store, HITS) == number + 1
                if left >= 0:
                    break
                cuts += 1
        assert cuts > 8

    async def test_lost_at_the_commit(self, store: Store) -> None:
        """A commit whose answer never comes: the position tells that it happened, so it is not done again."""
        commits = 0

        def lose(connection: Connection) -> None:
            nonlocal commits
            commits += 1
            if commits == 1:
                await_only(driver_of(connection).execute("COMMIT"))
                driver_of(connection).terminate()

        event.listen(store._writing.sync_engine, "commit", lose)
        with pytest.raises(StoreUnavailable):
            await write(store, 0, HITS)
        await eventually(store, 0)
        assert (commits, await written(store, HITS)) == (1, 1)

    @pytest.mark.parametrize("ended", ["by the server", "by the network"])
    async def test_while_rows_are_streamed(self, postgresql: Server, store: Store, ended: str) -> None:
        """Between two portions of rows, which the driver asks for by itself: the unit failed like any other, and the store goes on."""
        await write(store, 0, MANY)
        read = 0

        async def end(driver: Any) -> None:
            if ended == "by the network":
                driver.terminate()
            else:
                async with postgresql.session() as session:
                    await session.execute("SELECT pg_terminate_backend($1, 1000)", driver.get_server_pid())

        async def reading() -> None:
            nonlocal read
            async with store.read() as unit, unit.mentions._connection.stream(select(schema.mention.c.digest)) as rows:
                async for _ in rows:
                    if not read:
                        await end(driver_of(unit.mentions._connection.sync_connection))
                    read += 1

        with pytest.raises(StoreUnavailable, match=r"clos|terminat"):
            await reading()
        assert 0 < read < MANY
        assert await written(store, MANY) == 1

    async def test_our_own_mistake_in_streamed_rows(self, store: Store) -> None:
        """A mistake of a statement's that shows only at its hundredth row is told as one at its first is: it would fail again."""
        query = text("SELECT 1 / (100 - n) FROM generate_series(1, 200) n")

        async def reading() -> None:
            async with store.read() as unit, unit.mentions._connection.stream(query) as rows:
                assert [row async for row in rows] == []

        with pytest.raises(exc.DBAPIError, match="division by zero"):
            await reading()


class TestBounds:
    """Locks and places that do not come."""

    async def test_a_lock_that_does_not_come(self, postgresql: Server, database: str, store: Store) -> None:
        """Who waits for a row that somebody else holds gives up in time, and has it when it is free."""
        await write(store, 0, HITS)
        bounded(store, "lock_timeout = '100ms'")
        async with postgresql.session(database) as session:
            await session.execute("BEGIN")
            await session.execute("UPDATE sequence SET value = value")
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                await write(store, 1, HITS)
            await session.execute("ROLLBACK")
        await write(store, 1, HITS)
        assert await written(store, HITS) == 2

    async def test_a_process_stopped_in_a_unit(self, store: Store) -> None:
        """Its locks are not kept for ever: the server ends what stands idle in a transaction, and the unit failed whole."""
        bounded(store, "idle_in_transaction_session_timeout = '100ms'")

        async def stopped() -> None:
            async with store.write() as unit:
                await unit.meta.put("k", b"v")
                await asyncio.sleep(0.5)
                await unit.meta.put("l", b"v")

        with pytest.raises(StoreUnavailable):
            await stopped()
        async with store.read() as unit:
            assert await unit.meta.get("k") is None

    async def test_a_process_stopped_in_a_statement(
        self, postgresql: Server, database: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For the server it is at work, and idle it never is: who waits for its locks ends it, and its unit failed whole."""
        monkeypatch.setattr(servers, "_STALLED", servers._STALLED.replace(f"{servers.IDLE} s", "0.2 s"))
        bounded(store, "lock_timeout = '100ms'")
        await write(store, 0, HITS)
        inside, over = asyncio.Event(), asyncio.Event()

        async def rows() -> AsyncIterator[tuple[str, bytes]]:
            inside.set()
            await over.wait()
            yield "k", b"v"

        async def stopped(other: Store) -> None:
            async with other.write() as unit:
                await unit.positions.read("t", 0)
                driver = await unit.positions._connection.run_sync(driver_of)
                await driver.copy_records_to_table("meta", records=rows(), columns=("key", "value"))

        other = await Store.open(postgresql.url(database), HOME)
        task = asyncio.create_task(stopped(other))
        await inside.wait()
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            await write(store, 1, HITS)
        await eventually(store, 1)
        over.set()
        with pytest.raises(asyncpg.PostgresError):
            await task
        await other.close()
        assert await written(store, HITS) == 2

    async def test_no_place(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """When every connection is in use who comes is told in time, for readers and for writers; then they go on."""
        monkeypatch.setattr(store, "_patience", 0.1)
        monkeypatch.setattr(store._reading.pool, "_timeout", 0.1)
        async with AsyncExitStack() as held:
            for _ in range(READERS):
                await held.enter_async_context(store.read())
            with pytest.raises(StoreUnavailable):
                await written(store, HITS)
            for _ in range(WRITERS):
                await held.enter_async_context(store.write())
            with pytest.raises(StoreUnavailable, match="no turn"):
                await write(store, 0, HITS)
        await write(store, 0, HITS)
        assert await written(store, HITS) == 1

    async def test_deadlock(self, store: Store) -> None:
        """Of two that wait for each other one is let go of, and may do it again."""
        gate = asyncio.Barrier(2)

        async def both(first: str, second: str) -> bool:
            try:
                async with store.write() as unit:
                    await unit.meta.get(first)
                    await gate.wait()
                    await unit.meta.get(second)
            except StoreUnavailable:
                return False
            return True

        assert sorted(await asyncio.gather(both("a", "b"), both("b", "a"))) == [False, True]


class TestNew:
    """Mentions that nobody has."""

    async def test_two_at_once(self, store: Store) -> None:
        """Of two that find the same ones new the first puts them there; the other leaves them so, and loses nothing of what it did."""
        pairs = [("故宫", mention(n).digest) for n in range(2 * HITS)]
        async with store.write() as late:
            await late.stories.put([story("s2", subject="故宫")], 0)
            assert not await late.mentions.known(pairs)
            await write(store, 0, HITS)
            others = [new_hit(n, subject="故宫", story="s2", said=mention(n, text="别的话")) for n in range(HITS // 2, 2 * HITS)]
            await late.mentions.add(others, 0, LATER)
        async with store.read() as unit:
            assert set(await unit.mentions.known(pairs)) == set(pairs[HITS // 2 :])
            said = [found.mention.text for found in (await unit.mentions.search(limit=3 * HITS)).items]
        assert sorted(text[:3] for text in said) == ["别的话"] * HITS + [SECRET_WORDS[:3]] * HITS

    async def test_a_lone_one(self, store: Store) -> None:
        """One mention that many subjects have at once is there once, with all of them."""
        pairs = [(f"主题{n}", mention(1).digest) for n in range(HITS)]
        async with store.write() as unit:
            await unit.mentions.known(pairs)
            await unit.mentions.add([new_hit(1, subject=subject) for subject, _ in pairs], 0, LATER)
            assert set(await unit.mentions.known(pairs)) == set(pairs)
            assert len((await unit.mentions.search(limit=5)).items) == 1

    async def test_some_are_there(self, store: Store) -> None:
        """Where a few are known to be there, by whatever subject, only these are looked for once more; the others are put there at once."""
        await write(store, 0, HITS)
        asked: list[tuple[str, int]] = []

        def seen(_connection: Connection, _cursor: object, statement: str, rows: Any, *_: object) -> None:
            if statement.startswith(("INSERT INTO mention ", "mention")):
                asked.append((statement.split(maxsplit=1)[0], len(rows)))

        event.listen(store._writing.sync_engine, "before_cursor_execute", seen)
        async with store.write() as unit:
            await unit.mentions.known([("故宫", mention(n).digest) for n in range(HITS - 1, 2 * HITS)])
            await unit.mentions.add([new_hit(n, subject="故宫") for n in range(HITS - 1, 2 * HITS)], 0, LATER)
        assert [how for how, _ in asked] == ["mention", "INSERT"]
        assert asked[0] == ("mention", HITS)


class TestPooler:
    """A pooler that gives a connection for one transaction."""

    async def test_behind_one(self, postgresql: Server, url: str) -> None:
        """Two processes make, write, stream and look through three connections, and rely on nothing that outlives a transaction."""
        with TemporaryDirectory(dir="/tmp") as short:
            async with pooling(postgresql.folder, Path(short), 3) as pooler:
                through = url.replace(str(postgresql.folder), short)
                one, other = await Store.open(through, HOME), await Store.open(through, HOME)
                for number in range(6):
                    await write((one, other)[number % 2], number, 450)
                    assert await (other, one)[number % 2].newest_seq() == number + 1
                assert await asyncio.gather(*(written(store, 450) for store in (one, other, one))) == [6] * 3
                await one.close()
                await other.close()
        assert pooler.faults == []
        assert pooler.served > 20
