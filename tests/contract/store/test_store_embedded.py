"""What only the embedded store can suffer: a full disk, a file in the way, a lock held elsewhere, a kill."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from shutil import copytree

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, event, inspect, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from monitor.errors import StoreUnavailable, UsageError
from monitor.store.embedded import FILE
from monitor.store.making import current, make
from monitor.store.migrations import config, upgrade
from monitor.store.positions import Position
from monitor.store.schema import REVISION, metadata
from monitor.store.sessions import Store
from tests.contract.store.records import story
from tests.contract.store.units import SECRET_WORDS, write, written


@pytest.fixture
def empty_store(made: Path, tmp_path: Path) -> str:
    """Nothing here is about a server."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    return "sqlite"


def before_each_unit(store: Store, statements: list[str]) -> None:
    """Run statements on the writer's connection before each of its transactions."""

    def checked_out(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    event.listen(store._writing.sync_engine, "checkout", checked_out)


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file may grow beyond that size: to SQLite a disk that is full, found only when it writes its log."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestFull:
    """A disk without room."""

    async def test_no_pages(self, store: Store) -> None:
        """When the database may not grow the unit fails as StoreUnavailable, whole; with room again it goes on."""
        await write(store, 0)
        pages = ["PRAGMA max_page_count=1"]  # SQLite takes the present size when asked for less
        before_each_unit(store, pages)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="full") as caught:
                await write(store, 1)
            assert SECRET_WORDS[:8] not in str(caught.value)
        assert await written(store) == 1
        async with store.read() as unit:
            assert await unit.stories.get("s1") == story(mentions=0)
        pages[0] = "PRAGMA max_page_count=1000000"
        await write(store, 1)
        assert await written(store) == 2

    async def test_no_room_at_commit(self, store: Store, tmp_path: Path) -> None:
        """A log that cannot be written, found in the middle or at the very end, leaves nothing; with room again it goes on."""
        await write(store, 0)
        log = tmp_path / f"{FILE}-wal"
        failed = 0
        for room in (0, 100, 5_000, 60_000, 200_000):
            with file_limit(log.stat().st_size + room):
                try:
                    await write(store, 1)
                except StoreUnavailable:
                    failed += 1
            assert await written(store) == 1
        assert failed == 5
        await write(store, 1)
        assert await written(store) == 2


class TestLocked:
    """A writer in another process."""

    async def test_busy(self, store: Store, tmp_path: Path) -> None:
        """Who cannot have the lock in time gets StoreUnavailable, and the lock when it is free."""
        before_each_unit(store, ["PRAGMA busy_timeout=50"])
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await write(store, 0)
        other.execute("COMMIT")
        other.close()
        await write(store, 0)
        assert await written(store) == 1

    async def test_opened_beside_a_writer(self, store: Store, tmp_path: Path) -> None:
        """A store that is up to date is opened and read while another process is writing, without waiting for it."""
        await write(store, 0)
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.perf_counter()
        beside = await Store.open("sqlite", tmp_path)
        assert await written(beside) == 1
        assert time.perf_counter() - started < 2
        await beside.close()
        other.close()

    async def test_readers_do_not_write(self, store: Store) -> None:
        """The connections of reading units refuse to write, whatever they are told."""
        with pytest.raises(StoreUnavailable, match="readonly"):
            async with store.read() as unit:
                await unit.meta._connection.execute(text("DELETE FROM meta"))


class TestOpening:
    """Opening what is not a store."""

    async def test_folder_is_made(self, tmp_path: Path) -> None:
        """A folder that is not there yet is made, whatever signs are in its name."""
        folder = tmp_path / "数据 ?#%20&" / "store"
        store = await Store.open("sqlite", folder)
        await write(store, 0, 1)
        await store.close()
        assert (folder / FILE).exists()

    @pytest.mark.parametrize("folder", ["file", "file/below", "/proc/no"])
    async def test_folder_not_writable(self, tmp_path: Path, folder: str) -> None:
        """A folder that cannot be made is named, with what to do."""
        (tmp_path / "file").write_text("here")
        with pytest.raises(UsageError, match=r"数据目录 .* 无法创建 .*data"):
            await Store.open("sqlite", tmp_path / folder)

    @pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
    def test_folder_forbidden(self, tmp_path: Path) -> None:
        """A folder we may not write in is named, with what to do."""
        tmp_path.chmod(0o500)
        with pytest.raises(UsageError, match=r"数据库 .* 无法使用 .*权限"):
            asyncio.run(Store.open("sqlite", tmp_path))

    async def test_file_is_a_folder(self, tmp_path: Path) -> None:
        """Something else in the place of the database is named."""
        (tmp_path / FILE).mkdir()
        with pytest.raises(UsageError, match=r"数据库 .*store\.db 无法使用"):
            await Store.open("sqlite", tmp_path)

    @pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
    async def test_not_a_database(self, tmp_path: Path, content: bytes) -> None:
        """A file that is no database is named and left as it is."""
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(UsageError, match=r"数据库 .*store\.db 无法使用"):
            await Store.open("sqlite", tmp_path)
        assert (tmp_path / FILE).read_bytes() == content

    async def test_newer_release(self, store: Store, tmp_path: Path) -> None:
        """A store of a newer release is refused, not harmed."""
        async with store._writing.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(UsageError, match="更新的版本"):
            await Store.open("sqlite", tmp_path)

    def test_opened_twice_at_once(self, tmp_path: Path) -> None:
        """Two processes that make one store at the same moment both have it."""
        program = (
            "import asyncio, sys; from pathlib import Path; from monitor.store.sessions import Store\n"
            "async def main():\n    store = await Store.open('sqlite', Path(sys.argv[1])); await store.close()\n"
            "asyncio.run(main())"
        )
        running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
        assert [process.wait(60) for process in running] == [0, 0]


class TestMigrations:
    """The steps and the models."""

    def test_models(self) -> None:
        """A database migrated from nothing is what the models say, and needs no further step."""
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            assert not current(connection)
            upgrade(connection)
            assert current(connection)
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
            assert ScriptDirectory.from_config(config(connection)).get_current_head() == REVISION
        engine.dispose()

    def test_made_new(self) -> None:
        """A new database, made in one go, has the same tables and rows as one that took every step."""
        assert _made(make) == _made(upgrade)


def _made(by: Callable[[Connection], None]) -> tuple[object, object]:
    """What a database made so consists of: its tables and indices as a whole, and the rows of each."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        by(connection)
        there = MetaData()
        there.reflect(connection)
        looked = inspect(connection)
        shapes = {name: (looked.get_columns(name), looked.get_pk_constraint(name), looked.get_indexes(name)) for name in there.tables}
        rows = {name: connection.execute(select(table)).all() for name, table in there.tables.items()}
    engine.dispose()
    return {name: repr(shape) for name, shape in shapes.items()}, rows


WRITER = """
import asyncio, sys
from pathlib import Path
from monitor.store.sessions import Store
from tests.contract.store.units import write, written

async def main():
    store = await Store.open("sqlite", Path(sys.argv[1]))
    number = await written(store, 20)
    while True:
        await write(store, number, 20)
        number += 1
        print(number, flush=True)

asyncio.run(main())
"""


class TestKill:
    """kill -9."""

    async def test_killed_anywhere(self, made: Path, tmp_path: Path) -> None:
        """Every unit that was committed is there after a kill, every other one is not, and the next process goes on."""
        random, told = Random(7), 0
        copytree(made, tmp_path, dirs_exist_ok=True)
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(tmp_path), stdout=subprocess.PIPE)
            assert process.stdout is not None
            first = await process.stdout.readline()
            await asyncio.sleep(random.uniform(0.01, 0.15))
            process.kill()
            rest = (await process.communicate())[0].split()
            told = int(rest[-1] if rest else first)
            store = await Store.open("sqlite", tmp_path)
            assert await written(store, 20) in (told, told + 1)
            async with store.read() as unit:
                assert (await unit.positions.read("t", 0)).version >= told
                assert await unit.positions.read("t", 1) == Position("t", 1)
            await store.close()
        assert told > 3
