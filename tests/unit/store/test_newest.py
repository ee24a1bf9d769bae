"""The newest seq: seen at once whoever wrote it, and looked up once for many."""

import asyncio
from pathlib import Path

import pytest

from monitor.errors import StoreUnavailable
from monitor.store.embedded import FILE
from monitor.store.newest import Glance, Shared
from monitor.store.sessions import Store
from tests.unit.api.making import raise_alerts


async def test_a_change_of_another_process_is_seen_at_once(tmp_path: Path) -> None:
    """Another connection's commit is known to the next question, without waiting for anything; an open transaction is not."""
    mine, other = await Store.open("sqlite", tmp_path), await Store.open("sqlite", tmp_path)
    assert await mine.newest_seq() == 0
    for number in range(1, 20):
        await raise_alerts(other, number)
        assert await mine.newest_seq() == number
    async with other.write() as unit:
        assert await mine.newest_seq() == 19
        await unit.meta.put("x", b"x")
    await other.close()
    await mine.close()


async def test_the_file_is_not_held_between_looks(tmp_path: Path) -> None:
    """The write-ahead log can be folded in and emptied while a glance stays open."""
    store = await Store.open("sqlite", tmp_path)
    await raise_alerts(store, 1)
    assert await store.newest_seq() == 1
    async with store._writing.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        (found,) = await raw.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    assert found[0] == 0
    await store.close()


async def test_what_cannot_be_told_at_once_is_looked_up(tmp_path: Path) -> None:
    """No file: None, and the store says that it is away; when it is back so is the answer."""
    glance = Glance(tmp_path / "none" / FILE)
    assert glance.seq() is None
    store = await Store.open("sqlite", tmp_path)
    assert Glance(tmp_path / FILE).seq() == await store.newest_seq() == 0
    await store.close()
    (tmp_path / FILE).rename(tmp_path / "moved")
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreUnavailable):
        await store.newest_seq()
    (tmp_path / FILE).rmdir()
    (tmp_path / "moved").rename(tmp_path / FILE)
    assert await store.newest_seq() == 0
    await store.close()


async def test_a_look_is_shared_but_never_from_before_the_question() -> None:
    """Of many who come during a look all wait for the next one, which is one."""
    begun, ended = 0, 0

    async def look() -> int:
        nonlocal begun, ended
        begun += 1
        await asyncio.sleep(0.01)
        ended += 1
        return begun

    shared = Shared(look)
    first = [asyncio.create_task(shared.seq()) for _ in range(10)]
    while not begun:  # noqa: ASYNC110 - the rounds of the loop are what is waited for
        await asyncio.sleep(0)
    second = [asyncio.create_task(shared.seq()) for _ in range(10)]
    second[0].cancel()
    found = await asyncio.gather(*first, *second[1:])
    assert found == [1] * 10 + [2] * 9
    assert begun == ended == 2


async def test_an_error_of_a_look_is_everybodys_and_the_next_looks_anew() -> None:
    """Nobody waits for ever because one look failed."""
    looks = 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise StoreUnavailable("away")
        return 7

    shared = Shared(look)
    failed = await asyncio.gather(*(shared.seq() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [StoreUnavailable] * 3
    assert await shared.seq() == 7
