"""A dashboard polls, hundreds wait: nothing is missed, nothing is done twice, nobody is forgotten."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from services.api.app import renew
from services.api.watching import MOST
from tests.unit.api.making import World, key, problem_of, raise_alerts, recount, world

READERS = 200


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An open API in an empty folder."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


@pytest.fixture
async def other(here: World, tmp_path: Path) -> AsyncIterator[Store]:
    """The same store as another process has it."""
    store = await Store.open(here.api.settings.store, tmp_path)
    yield store
    await store.close()


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is asked of the database by units that read."""
    asked: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(store._reading.sync_engine, "before_cursor_execute", seen)
    yield asked
    event.remove(store._reading.sync_engine, "before_cursor_execute", seen)


class Caller:
    """One request as a server gives it to the application, whose client may go away."""

    def __init__(self, here: World, path: str, query: str = "", method: str = "GET") -> None:
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": [], "state": {},
        }  # fmt: skip
        self._begun = False
        self.task = asyncio.create_task(here.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._begun:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


async def waiting(here: World, since: int, number: int = READERS) -> list[Caller]:
    """So many readers that wait for what comes after `since`."""
    callers = [Caller(here, "/v1/alerts/changes", f"since={since}&wait=25") for _ in range(number)]
    while len(here.api.watch) < number:  # noqa: ASYNC110 - the rounds of the loop are what is waited for
        await asyncio.sleep(0)
    return callers


async def test_an_unchanged_poll_reads_no_row(here: World, other: Store) -> None:
    """After the first answer a poll, 304 or whole, asks no unit of the store anything; a change of any process ends it at once."""
    await raise_alerts(here.store, 1)
    first = await here.client.get("/v1/alerts?limit=7")
    with statements(here.store) as asked:
        for _ in range(3):
            same = await here.client.get("/v1/alerts?limit=7", headers={"if-none-match": first.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")
            whole = await here.client.get("/v1/alerts?limit=7")
            assert (whole.content, whole.headers["etag"]) == (first.content, first.headers["etag"])
    assert asked == []

    await recount(other, 1)
    changed = await here.client.get("/v1/alerts?limit=7", headers={"if-none-match": first.headers["etag"]})

    assert (changed.status_code, changed.json()["seq"]) == (200, 2)


async def test_the_same_answer_has_the_same_etag_in_every_process(here: World, tmp_path: Path, empty_store: str) -> None:
    """After a restart, or at another process, what a dashboard has is still known; another store of the same seq is another answer."""
    await raise_alerts(here.store, 1)
    etag = (await here.client.get("/v1/alerts")).headers["etag"]
    async with world(tmp_path, store=empty_store) as again:
        assert (await again.client.get("/v1/alerts", headers={"if-none-match": etag})).status_code == 304
    (elsewhere := tmp_path / "other").mkdir()
    async with world(elsewhere) as another:
        await raise_alerts(another.store, 2)
        assert (await another.client.get("/v1/alerts", headers={"if-none-match": etag})).status_code == 200


async def test_a_poll_known_by_its_query_still_needs_its_key(tmp_path: Path, empty_store: str) -> None:
    """What is remembered of a query spares its reading, never the key check."""
    async with world(tmp_path, key("reader", "reader", rate=3), store=empty_store) as here:
        headers = {"authorization": "Bearer reader"}
        assert (await here.client.get("/v1/alerts?limit=9", headers=headers)).status_code == 200
        problem_of(await here.client.get("/v1/alerts?limit=9"), 401)
        problem_of(await here.client.get("/v1/alerts?limit=9", headers={"authorization": "Bearer wrong"}), 401)
        assert (await here.client.get("/v1/alerts?limit=9", headers=headers)).status_code == 200
        assert (await here.client.get("/v1/alerts?limit=9", headers=headers)).status_code == 200
        problem_of(await here.client.get("/v1/alerts?limit=9", headers=headers), 429)


async def test_those_who_wait_are_known_by_their_query_too(tmp_path: Path, empty_store: str) -> None:
    """Each still needs its key, and is answered what stands in its own question: another `since`, another wait."""
    async with world(tmp_path, key("reader", "reader"), store=empty_store) as here:
        headers = {"authorization": "Bearer reader"}
        await raise_alerts(here.store, 1, 2)
        for _ in range(2):
            for since, seqs in ((0, [1, 2]), (1, [2]), (2, [])):
                said = await here.client.get(f"/v1/alerts/changes?since={since}", headers=headers)
                assert ([one["seq"] for one in said.json()["items"]], said.json()["seq"]) == (seqs, 2)
            problem_of(await here.client.get("/v1/alerts/changes?since=0"), 401)
        problem_of(await here.client.get("/v1/alerts/changes?since=x", headers=headers), 422)
        assert "items" in (await here.client.get("/v1/alerts?", headers=headers)).json(), "the same query of another path"


async def test_new_settings_are_new_answers(here: World) -> None:
    """Links are those of the settings in force, also to a poll that was answered before."""
    await raise_alerts(here.store, 1)
    first = await here.client.get("/v1/alerts")
    renew(here.app, replace(here.api.settings, public_url="https://moved.example"))
    moved = await here.client.get("/v1/alerts", headers={"if-none-match": first.headers["etag"]})
    assert moved.json()["items"][0]["url"].startswith("https://moved.example/")


async def test_hundreds_wait_for_one_look_and_one_answer(here: World, other: Store) -> None:
    """No thread each, no unit of the store while nothing changes, and one for all of them when something does, by any process."""
    await raise_alerts(here.store, 1)
    threads = threading.active_count()
    with statements(here.store) as asked:
        callers = await waiting(here, 1)
        await asyncio.sleep(0.6)
        assert (asked, threading.active_count()) == ([], threads)
        await recount(other, 1)
        await asyncio.gather(*(caller.task for caller in callers))

    assert {caller.sent[0]["status"] for caller in callers} == {200}
    assert len({caller.sent[1]["body"] for caller in callers}) == 1
    assert b'"seq":2' in callers[0].sent[1]["body"]
    assert len([one for one in asked if "FROM alert" in one]) == 1


async def test_other_commits_wake_nobody(here: World) -> None:
    """What changes no alert is no news, however often it is committed."""
    await raise_alerts(here.store, 1)
    callers = await waiting(here, 1, 3)
    for number in range(20):
        async with here.store.write() as unit:
            await unit.meta.put("x", bytes([number]))
    await asyncio.sleep(0.05)
    assert not any(caller.task.done() for caller in callers)
    await recount(here.store, 1)
    await asyncio.gather(*(caller.task for caller in callers))


async def test_who_goes_away_is_forgotten_at_once(here: World) -> None:
    """A client that disconnects leaves nothing behind, and is answered nothing."""
    callers = await waiting(here, 0, 5)
    for caller in callers[:4]:
        caller.gone.set()
    await asyncio.wait_for(asyncio.gather(*(caller.task for caller in callers[:4])), 3)
    assert (len(here.api.watch), [caller.sent for caller in callers[:4]]) == (1, [[]] * 4)
    await raise_alerts(here.store, 1)
    await asyncio.wait_for(callers[4].task, 3)
    assert len(here.api.watch) == 0


async def test_all_who_wait_are_answered_when_the_service_stops(here: World) -> None:
    """At once, with nothing; and nobody begins to wait after that."""
    callers = await waiting(here, 0)
    here.api.stopping.set()
    await asyncio.wait_for(asyncio.gather(*(caller.task for caller in callers)), 3)
    assert {caller.sent[1]["body"] for caller in callers} == {b'{"items":[],"seq":0}'}
    late = await asyncio.wait_for(here.client.get("/v1/alerts/changes?since=0&wait=25"), 3)
    assert late.json() == {"items": [], "seq": 0}


async def test_a_reader_ahead_of_the_store_is_told_so_at_once(here: World) -> None:
    """Its seq was of another store: it must begin anew, not wait for a number that may come again."""
    answer = await asyncio.wait_for(here.client.get("/v1/alerts/changes?since=5&wait=25"), 3)
    assert answer.json() == {"items": [], "seq": 0}


async def test_waiting_outlives_a_store_that_is_away(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits while the store cannot be asked hears of what changes when it is back."""
    (caller,) = await waiting(here, 0, 1)

    async def away() -> int:
        raise StoreUnavailable("away")

    monkeypatch.setattr(here.store, "newest_seq", away)
    await raise_alerts(here.store, 1)
    await asyncio.sleep(0.3)
    assert not caller.task.done()
    monkeypatch.undo()
    await asyncio.wait_for(caller.task, 3)
    assert b'"seq":1' in caller.sent[1]["body"]


async def test_there_is_a_bound_to_waiting(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it a reader is told to come again, and those who wait are not disturbed."""
    assert MOST >= 10 * READERS
    monkeypatch.setattr("services.api.watching.MOST", 3)
    callers = await waiting(here, 0, 3)
    refused = await here.client.get("/v1/alerts/changes?since=0&wait=25")
    assert problem_of(refused, 503)
    assert refused.headers["retry-after"]
    assert not any(caller.task.done() for caller in callers)
    here.api.stopping.set()
    await asyncio.gather(*(caller.task for caller in callers))
