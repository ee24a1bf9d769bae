"""What the store lacks for a while is waited for by who decides: no record is to blame for it."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from monitor.bus.base import DEAD, SCORED
from monitor.clock import SECOND
from monitor.errors import StoreUnavailable
from services.score import record_of
from tests.postgresql import Server, database_of
from tests.unit.escalation.making import START
from tests.unit.pipeline.making import Parts, parts_in, raw, score

MENTIONS = 60  # many enough to go by COPY
LOCKED = "LOCK TABLE mention IN SHARE MODE"  # may be read, not written


def brisk(parts: Parts) -> None:
    """Locks are waited for a tenth of a second."""

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")

    event.listen(parts.store._writing.sync_engine, "begin", begun)


async def test_a_table_that_is_locked_for_long(tmp_path: Path, postgresql: Server) -> None:
    """However often the lock does not come, nothing is put aside; when it is free, all is decided."""
    url = await postgresql.database()
    async with parts_in(tmp_path, store=url) as parts, postgresql.session(database_of(url)) as session:
        brisk(parts)
        await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n:04}", START + n * SECOND) for n in range(MENTIONS)])])
        await session.execute("BEGIN")
        await session.execute(LOCKED)
        escalator = parts.escalator()
        for _ in range(6):
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                await escalator.advance()
        assert (escalator.progress, await parts.bus.read(DEAD, 0, 0, 10)) == ((0, 0), [])
        await session.execute("ROLLBACK")
        while await escalator.advance():
            pass
        async with parts.store.read() as unit:
            assert len((await unit.mentions.search(limit=200)).items) == MENTIONS
        assert await parts.bus.read(DEAD, 0, 0, 10) == []
    await postgresql.drop(url)
