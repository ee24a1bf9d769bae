"""The small roles: scoring from the log, burying, measuring, letting go of what is old."""

import asyncio
from base64 import b64decode
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from shutil import copytree
from unittest.mock import ANY, AsyncMock

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitor.bus.base import DEAD, RAW, SCORED, Record, Taken
from monitor.clock import DAY, HOUR, SECOND
from monitor.errors import BusUnavailable
from monitor.mention import decode_scored, encode
from monitor.metrics import Metrics
from services.dead.burial import DeadLetter, bury, bury_bytes
from services.escalate import ROLE as ESCALATE
from services.keeping.housekeeping import backlog, expire, measure_backlog
from services.score import ROLE as SCORE
from services.score import ScoreRole, record_of
from tests.unit.escalation.making import START
from tests.unit.pipeline.making import Parts, blocks, parts_in, raw, replayed, score


def role(parts: Parts, *, batch: int = 256) -> ScoreRole:
    """A scorer of partition 0."""
    return ScoreRole(parts.bus, score, parts.metrics, parts.log, batch=batch)


async def accepted(parts: Parts, count: int, *, as_if: bool = False) -> None:
    """That many mentions on the raw topic."""
    records = [Record(key=f"{n}".encode(), value=encode(raw(f"m{n}", START + n, as_if=as_if))) for n in range(count)]
    await parts.bus.append(RAW, records)


async def scored_ids(parts: Parts) -> list[str]:
    """What was scored, in the order of the log."""
    return [decode_scored(record.value).mention.id for record in await parts.bus.read(SCORED, 0, 0, 1_000) if record.kind == "mention"]


def lose_the_log(folder: Path) -> None:
    """As a lost disk does, or somebody who deletes topics."""
    for file in folder.glob("bus.db*"):
        file.unlink()


async def for_a_while(work: Coroutine[object, object, None], seconds: float) -> None:
    """Run what never ends, for that long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)


async def expired(parts: Parts) -> None:
    """Let retention work until the log begins later than it did."""
    work = asyncio.create_task(expire(parts.bus, parts.store, parts.settings.retention, list, parts.clock, parts.log))
    for _ in range(1_000):
        if (await parts.bus.bounds(RAW))[0][0]:
            break
        await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.wait([work])


@pytest.mark.parametrize("batch", [1, 3, 256])
async def test_all_is_scored_once_and_in_order(parts: Parts, batch: int) -> None:
    """Whatever the batches; the position moves with what was appended."""
    await accepted(parts, 10)
    offset, scorer = 0, role(parts, batch=batch)
    while (after := await scorer.advance(offset)) != offset:
        offset = after

    assert await scored_ids(parts) == [f"m{n}" for n in range(10)]
    assert await parts.bus.taken(SCORE, RAW) == {0: 10}


async def test_what_a_replay_appended_is_passed_over(parts: Parts) -> None:
    """A replay scores its own, in its own order."""
    await accepted(parts, 3, as_if=True)

    assert await role(parts).advance(0) == 3
    assert await scored_ids(parts) == []


async def test_a_log_that_was_lost_and_made_anew_is_decided_from_its_beginning(made: Path, tmp_path: Path) -> None:
    """
    A position beyond its end would pass by what is acknowledged now: it is counted as an alarm, and nothing counts twice.

    A role finds it when it starts, and when the log is changed under it.
    """
    copytree(made, tmp_path, dirs_exist_ok=True)
    async with parts_in(tmp_path) as before:
        await before.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n}", START + n) for n in range(5)])])
        assert await before.escalator().advance() == 5
    lose_the_log(tmp_path)
    async with parts_in(tmp_path) as parts:
        await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n}", START + n) for n in (4, 5, 6)])])
        escalator = parts.escalator()

        assert await backlog(parts.bus, parts.clock, SCORED, ESCALATE, {0: 5}) == (3, ANY)
        assert await escalator.advance() == 3

        assert escalator.offset == 3
        assert parts.metrics.bus_shortened_total.labels(SCORED)._value.get() == 1
        async with parts.store.read() as unit:
            (story,) = await unit.stories.live(0)
            assert len([hit async for hit in unit.mentions.hits_of(story.id)]) == 7


async def test_a_log_that_shrinks_under_a_role_is_found_when_nothing_comes(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look is taken where no record comes, and the position follows the log."""
    monkeypatch.setattr("services.escalate.LOOK", 0.0)
    await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n}", START + n) for n in range(3)])])
    escalator = parts.escalator()
    assert await escalator.advance() == 3
    parts.bus.bounds = AsyncMock(return_value={0: (1, 2)})  # type: ignore[method-assign]

    assert await escalator.advance() == 0
    assert escalator.offset == 1
    assert await escalator.advance() == 2, "what is known already is read again, and counts once"


async def test_what_comes_while_others_decide_shares_a_transaction(parts: Parts) -> None:
    """An escalator that waits for its turn takes what has arrived meanwhile along, up to its batch."""
    turn = asyncio.Semaphore()
    escalator = parts.escalator(batch=5, turn=turn)
    await parts.bus.append(SCORED, [record_of(one) for one in score([raw("m0", START)])])
    async with turn:
        deciding = asyncio.create_task(escalator.advance())
        while not turn._waiters:  # noqa: ASYNC110 - nothing else tells that it waits
            await asyncio.sleep(0.01)
        await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n}", START + n) for n in range(1, 8)])])
        before = parts.store.commits

    assert (await deciding, parts.store.commits - before) == (5, 1)
    assert escalator.offset == 5


async def test_a_record_that_cannot_be_read_stops_nothing(parts: Parts) -> None:
    """It is buried whole, with its place and reason; its neighbours are scored."""
    await accepted(parts, 1)
    await parts.bus.append(RAW, [Record(key=b"x", value=b'{"received_at":')])
    await accepted(parts, 1)
    await role(parts).advance(0)
    (letter,) = [msgspec.json.decode(one.value, type=DeadLetter) for one in await parts.bus.read(DEAD, 0, 0, 10)]

    assert await scored_ids(parts) == ["m0", "m0"]
    assert (letter.topic, letter.origin, letter.reason) == (RAW, f"{RAW}/0/1", "invalid")
    assert b64decode(letter.raw) == b'{"received_at":'


async def test_a_scorer_waits_for_a_log_that_comes_back(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be written now is tried again; nothing is lost or doubled."""
    monkeypatch.setattr("services.score._AGAIN", 0.01)
    append, failures = parts.bus.append, iter([True, True, False])

    async def failing(*arguments: object, **more: object) -> object:
        if next(failures, False):
            raise BusUnavailable("the disk is full")
        return await append(*arguments, **more)  # type: ignore[arg-type]

    await accepted(parts, 5)
    monkeypatch.setattr(parts.bus, "append", failing)
    await for_a_while(role(parts, batch=2).run(), 0.5)

    assert await scored_ids(parts) == [f"m{n}" for n in range(5)]


async def test_a_scored_record_is_keyed_by_its_subject() -> None:
    """So that one subject's stories live in one partition, in order."""
    (one,) = score([raw("m", START)])

    assert record_of(one).key == "某某集团".encode()
    assert decode_scored(record_of(one).value) == one


async def test_a_record_is_buried_once(parts: Parts) -> None:
    """Read again after a crash, it is one letter still."""
    await accepted(parts, 1)
    (record,) = await parts.bus.read(RAW, 0, 0, 1)
    for _ in range(3):
        await bury(parts.bus, parts.metrics, record, "failed", "why")
    await bury_bytes(parts.bus, parts.metrics, RAW, "f.jsonl:7", b"\xff\x00", "invalid", "no JSON")
    letters = [msgspec.json.decode(one.value, type=DeadLetter) for one in await parts.bus.read(DEAD, 0, 0, 10)]

    assert [(letter.origin, letter.reason, letter.error) for letter in letters] == [
        (f"{RAW}/0/0", "failed", "why"), ("f.jsonl:7", "invalid", "no JSON"),
    ]  # fmt: skip
    assert b64decode(letters[1].raw) == b"\xff\x00"


async def test_the_backlog_is_measured(parts: Parts) -> None:
    """How many records a role has still to take, and how old the oldest of them is."""
    registry = CollectorRegistry()
    metrics, state = Metrics(registry), dict[str, str | None]()
    await accepted(parts, 5)
    parts.clock.advance(7 * SECOND)
    await parts.bus.take(Taken(SCORE, RAW, {0: 2}))
    await for_a_while(measure_backlog(parts.bus, metrics, parts.clock, state), 0.1)

    def value(name: str, topic: str, who: str) -> float | None:
        return registry.get_sample_value(name, {"topic": topic, "role": who})

    assert value("yuqing_consumer_lag_messages", RAW, SCORE) == 3
    assert value("yuqing_consumer_lag_seconds", RAW, SCORE) == 7
    assert value("yuqing_consumer_lag_messages", SCORED, ESCALATE) == 0
    assert value("yuqing_consumer_lag_seconds", SCORED, ESCALATE) == 0
    told = "有 3 条没有处理，却没有进程担任 score；请启动 yuqing run --role score"
    assert state == {"bus": None, "backlog score": told, "backlog escalate": None}
    member = await parts.bus.join(SCORE, RAW)
    await for_a_while(measure_backlog(parts.bus, metrics, parts.clock, state, ()), 0.1)
    assert state["backlog score"] is None
    await member.leave()


async def test_a_role_that_others_hold_is_measured_too(parts: Parts) -> None:
    """A process without the role tells how far it is behind: who is dead cannot. Before the first look no lag is told, not even 0."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    assert b"yuqing_consumer_lag_messages{" not in generate_latest(registry)
    await accepted(parts, 5)
    await for_a_while(measure_backlog(parts.bus, metrics, parts.clock, {}, ()), 0.1)

    assert registry.get_sample_value("yuqing_consumer_lag_messages", {"topic": RAW, "role": SCORE}) == 5


async def test_a_bus_that_does_not_answer_is_told(parts: Parts) -> None:
    """Readiness names it; the figures stay as last known."""
    state = dict[str, str | None]()

    async def down(*_: object) -> object:
        raise BusUnavailable("gone")

    parts.bus.taken = down  # type: ignore[method-assign,assignment]
    await for_a_while(measure_backlog(parts.bus, parts.metrics, parts.clock, state), 0.1)

    assert state == {"bus": "gone"}


async def test_retention_lets_go_of_what_is_old_and_taken(parts: Parts) -> None:
    """Raw records past their time go once they are taken; decisions stay."""
    await replayed(parts, blocks(2))
    before = await parts.transitions()
    parts.clock.advance(8 * DAY)
    await expired(parts)

    assert (await parts.bus.bounds(RAW))[0] == (40, 40)
    assert (await parts.bus.bounds(SCORED))[0][0] == 0
    assert await parts.transitions() == before


async def test_retention_keeps_what_nobody_has_taken(parts: Parts) -> None:
    """However old."""
    await accepted(parts, 3)
    await parts.bus.take(Taken(SCORE, RAW, {0: 1}))
    parts.clock.advance(400 * DAY + HOUR)
    await expired(parts)

    assert (await parts.bus.bounds(RAW))[0] == (1, 3)
