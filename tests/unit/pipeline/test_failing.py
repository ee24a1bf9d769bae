"""Failures of our own: one record is put aside and its neighbours are done; many of them stop the role."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from monitor.alert import Transition
from monitor.bus.base import DEAD, RAW, SCORED, Record
from monitor.clock import SECOND
from monitor.collecting.recording import Block
from monitor.errors import BusUnavailable, StoreUnavailable, TooLarge, TooManyFailures
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Known
from monitor.mention import Raw, Scored, decode_raw, encode
from monitor.store.mentions_writing import MentionsWriter
from services.dead import failing
from services.dead.burial import DeadLetter, Mark, lately, mark_record, our_version, read_record
from services.dead.failing import Guard
from services.score import ROLE, ScoreRole, record_of
from tests.unit.escalation.making import START
from tests.unit.pipeline.making import Parts, blocks, raw, replayed, score
from tests.unit.pipeline.test_roles import accepted, scored_ids

Decide = Callable[[Desk, Scored, int, Known | None], bool]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between tries, nor before the end."""
    for module in ("services.dead.failing", "services.score"):
        monkeypatch.setattr(f"{module}.PAUSES", (0.0, 0.0))
    for module in ("services.score", "services.escalate"):
        monkeypatch.setattr(f"{module}.LINGER", 0.0)
        monkeypatch.setattr(f"{module}._AGAIN", 0.01)


class Poisoned:
    """A scorer that raises whenever one of these is among what it is given, the first `times` times."""

    def __init__(self, *items: str, times: int = 1_000_000, error: Exception | None = None) -> None:
        self.items, self.left, self.error = frozenset(items), times, error or ValueError("poison")

    def __call__(self, raws: Sequence[Raw]) -> list[Scored]:
        if self.left and any(one.mention.id in self.items for one in raws):
            self.left -= 1
            raise self.error
        return score(raws)


class AllFail:
    """A bad deploy."""

    def __call__(self, raws: Sequence[Raw]) -> list[Scored]:
        raise RuntimeError(f"cannot score {len(raws)}")


def role(parts: Parts, by: Callable[[Sequence[Raw]], list[Scored]], *, batch: int = 256) -> ScoreRole:
    """A scorer as a new process makes it."""
    return ScoreRole(parts.bus, by, parts.metrics, parts.log, clock=parts.clock, batch=batch)


async def through(scorer: ScoreRole, offset: int = 0) -> int:
    """Score all there is; the offset reached."""
    while (after := await scorer.advance(offset)) != offset:
        offset = after
    return offset


async def letters(parts: Parts) -> list[DeadLetter]:
    """What was put aside."""
    found = [read_record(one.value) for one in await parts.bus.read(DEAD, 0, 0, 10_000)]
    return [one for one in found if isinstance(one, DeadLetter)]


@pytest.mark.parametrize("batch", [1, 4, 256])
@pytest.mark.parametrize("poison", [0, 5, 11])
async def test_a_poison_record_costs_its_neighbours_nothing(parts: Parts, poison: int, batch: int) -> None:
    """First, in the middle or last: the others are scored once and in order, it is put aside whole after three tries."""
    await accepted(parts, 12)
    assert await through(role(parts, Poisoned(f"m{poison}"), batch=batch)) == 12

    assert await scored_ids(parts) == [f"m{n}" for n in range(12) if n != poison]
    (letter,) = await letters(parts)
    (record,) = await parts.bus.read(RAW, 0, poison, 1)
    assert (letter.content, letter.kind) == (record.value, "mention")
    assert (letter.topic, letter.partition, letter.offset, letter.origin) == (RAW, 0, poison, f"{RAW}/0/{poison}")
    assert (letter.reason, letter.attempts, letter.version) == ("failed", 3, our_version())
    assert letter.error.startswith("ValueError: poison (test_failing.py:")
    assert 0 < letter.first_at <= letter.last_at
    assert parts.metrics.registry.get_sample_value("yuqing_dead_letters_total", {"topic": RAW, "reason": "failed"}) == 1


async def test_what_fails_once_is_not_put_aside(parts: Parts) -> None:
    """It is tried again alone."""
    await accepted(parts, 6)
    await through(role(parts, Poisoned("m3", times=4)))

    assert await scored_ids(parts) == [f"m{n}" for n in range(6)]
    assert await letters(parts) == []


async def test_a_bad_deploy_stops_and_puts_nothing_aside(parts: Parts) -> None:
    """A hundred failures in a row: the role ends, its position and the dead letters stay; the fixed one goes on as if nothing had been."""
    await accepted(parts, 300)
    bad = role(parts, AllFail())
    with pytest.raises(TooManyFailures, match="100 条处理时出错: RuntimeError"):
        await asyncio.wait_for(bad.run(), 20)
    assert bad.waits is not None
    assert "已停止" in bad.waits
    assert await letters(parts) == []
    assert await parts.bus.taken(ROLE, RAW) == {0: 0}
    await through(role(parts, score))

    assert await scored_ids(parts) == [f"m{n}" for n in range(300)]


async def test_a_bad_deploy_that_is_started_again_and_again_drains_nothing_more(parts: Parts) -> None:
    """Records that trickle in fail one by one: the hundredth stops it, and each new process at once; seeing to the letters frees it."""
    await accepted(parts, 250)
    with pytest.raises(TooManyFailures):
        await through(role(parts, AllFail(), batch=1))
    offset = (await parts.bus.taken(ROLE, RAW))[0]
    for _ in range(3):
        with pytest.raises(TooManyFailures):
            await role(parts, AllFail(), batch=1).advance(offset)
    assert (offset, len(await letters(parts))) == (99, 99)

    marks = [mark_record(one, Mark(mark="dropped", letter=one.id, at=START, actor="a")) for one in await letters(parts)]
    await parts.bus.append(DEAD, marks)
    assert await lately(parts.bus, RAW, 0, offset, 1_000) == set()
    assert await role(parts, AllFail(), batch=1).advance(offset) == 100


async def test_one_in_ten_is_too_many_one_in_eleven_is_not(parts: Parts) -> None:
    """Of the last thousand; older ones no longer count."""
    await accepted(parts, 2_200)
    few = Poisoned(*(f"m{n}" for n in range(0, 2_200, 11)))
    assert await through(role(parts, few, batch=100)) == 2_200
    assert len(await letters(parts)) == 200
    await accepted(parts, 1_100)
    many = Poisoned(*(f"m{n}" for n in range(0, 1_100, 10)))
    with pytest.raises(TooManyFailures):
        await through(role(parts, many, batch=100), 2_200)


async def test_invalid_input_never_stops_anything(parts: Parts) -> None:
    """However much of it comes in a row."""
    await parts.bus.append(RAW, [Record(key=b"x", value=b"no JSON %d" % n) for n in range(400)])
    await accepted(parts, 2)
    await through(role(parts, score))

    assert await scored_ids(parts) == ["m0", "m1"]
    assert {one.reason for one in await letters(parts)} == {"invalid"}
    assert len(await letters(parts)) == 400


async def test_what_may_pass_is_waited_for(parts: Parts) -> None:
    """A full disk is no fault of the record: it is never put aside for it."""
    await accepted(parts, 3)
    full = Poisoned("m1", times=3, error=OSError(28, "No space left on device"))
    with suppress(TimeoutError):
        await asyncio.wait_for(role(parts, full).run(), 0.5)

    assert await scored_ids(parts) == ["m0", "m1", "m2"]
    assert await letters(parts) == []


async def test_where_the_dead_topic_cannot_be_written_the_role_waits(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter is never dropped, the position never moves before it; and the same failure is not counted again for every try."""
    await accepted(parts, 3)
    append, away = parts.bus.append, iter(range(150))

    async def failing_append(topic: str, *arguments: object, **more: object) -> object:
        if topic == DEAD and next(away, None) is not None:
            raise BusUnavailable("the disk is full")
        return await append(topic, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parts.bus, "append", failing_append)
    scorer = role(parts, Poisoned("m1"))
    for _ in range(150):
        with pytest.raises(BusUnavailable):
            await scorer.advance(0)
    assert await parts.bus.taken(ROLE, RAW) == {0: 0}
    assert await scorer.advance(0) == 3

    assert await scored_ids(parts) == ["m0", "m2"]
    assert len(await letters(parts)) == 1


async def test_a_scored_record_that_is_too_large_is_put_aside(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the log says which it was: it is the largest; the others go, in order."""
    await accepted(parts, 4)
    long = encode(raw("long", START, "某某" * 2_000, as_if=False))
    await parts.bus.append(RAW, [Record(key=b"long", value=long)])
    await accepted(parts, 2)
    append = parts.bus.append

    async def narrow(topic: str, records: Sequence[Record], **more: object) -> object:
        if topic == SCORED and (size := max(len(one.value) for one in records)) > 8_000:
            raise TooLarge(0, size, 8_000)
        return await append(topic, records, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parts.bus, "append", narrow)
    assert await role(parts, score).advance(0) == 7

    assert await scored_ids(parts) == ["m0", "m1", "m2", "m3", "m0", "m1"]
    assert [(one.reason, one.content) for one in await letters(parts)] == [("failed", long)]


def test_a_guard_forgets_what_is_long_ago() -> None:
    """Ninety-nine failures, a thousand that went well, and ninety-nine again are fine."""
    guard = Guard()
    for _ in range(3):
        guard.check([True] * 99)
        guard.note([True] * 99)
        guard.check([False] * failing.WINDOW + [True])
        guard.note([False] * failing.WINDOW)
    with pytest.raises(TooManyFailures):
        guard.check([True] * 50 + [False] * 100 + [True] * 50)


# -- the escalator --------------------------------------------------------------------------------------------------------------


def poisoned(*items: str, times: int = 1_000_000) -> Decide:
    """A desk's `observe` that has done half its work when it raises."""
    decide, left = Desk.observe, [times]

    def observe(desk: Desk, scored: Scored, offset: int, known: Known | None) -> bool:
        changed = decide(desk, scored, offset, known)
        if scored.mention.id in items and left[0]:
            left[0] -= 1
            raise ValueError("poison")
        return changed

    return observe


def without(item: str) -> list[Block]:
    """The stream as if that mention had never been."""
    return [Block(one.name, tuple(raw for raw in one.raws if raw.mention.id != item)) for one in blocks()]


async def lived(parts: Parts, stream: Sequence[Block], batch: int) -> list[Transition]:
    """What is decided of a stream that was lived: everything lies in the scored log before the escalator begins."""
    raws = [one for block in stream for one in block.raws]
    records = [record_of(one) for one in score([decode_raw(encode(one).replace(b',"as_if":true', b"")) for one in raws])]
    await parts.bus.append(SCORED, records)
    escalator = parts.escalator(batch=batch)
    while await escalator.advance():
        pass
    return await parts.transitions()


@pytest.mark.parametrize("batch", [1, 7, 256])
@pytest.mark.parametrize("poison", ["m0000", "m0049", "m0119"])
async def test_a_poison_record_changes_no_other_decision(parts: Parts, poison: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the batch, all is decided as of a log that never had it, and it is put aside whole after three tries."""
    monkeypatch.setattr(Desk, "observe", poisoned(poison))
    decided = await replayed(parts, blocks(), batch=batch), await parts.transitions()
    (letter,) = await letters(parts)
    assert decided[1]
    assert (letter.topic, letter.reason, letter.attempts, letter.offset) == (SCORED, "failed", 3, int(poison[1:]))
    async with parts.store.read() as unit:
        found = (await unit.mentions.search(limit=200)).items
    assert len(found) == 119
    assert poison not in {one.mention.id for one in found}

    assert decided[1] == await expected(parts, without(poison), monkeypatch)


async def expected(parts: Parts, stream: Sequence[Block], monkeypatch: pytest.MonkeyPatch) -> list[Transition]:
    """What a folder of its own decides of a stream, without a fault."""
    from tests.unit.pipeline.making import parts_in  # noqa: PLC0415 - only here

    monkeypatch.undo()
    folder = parts.settings.data / "clean"
    folder.mkdir()
    async with parts_in(folder) as clean:
        await replayed(clean, stream)
        return await clean.transitions()


async def test_what_only_the_writing_finds_is_put_aside_alone(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error after the deciding names nobody: the batch is taken one by one until the culprit stands alone."""
    add = MentionsWriter.add

    async def failing_add(writer: MentionsWriter, hits: Sequence[object], *more: object) -> None:
        if any(getattr(hit, "scored").mention.id == "m0013" for hit in hits):  # noqa: B009 - any hit
            raise TypeError("unwritable")
        await add(writer, hits, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(MentionsWriter, "add", failing_add)
    await replayed(parts, blocks(2), batch=30)

    assert [one.offset for one in await letters(parts)] == [13]
    async with parts.store.read() as unit:
        assert len((await unit.mentions.search(limit=200)).items) == 39


async def test_where_nothing_can_be_written_an_escalator_stops_soon(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try draws the desk anew: after ten failures in a row the next ninety are tried but once; every try is progress."""

    async def failing_add(*_: object) -> None:
        raise TypeError("unwritable")

    monkeypatch.setattr(MentionsWriter, "add", failing_add)
    await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n}", START + n, as_if=False) for n in range(200)])])
    escalator, seen = parts.escalator(), set[object]()

    async def work() -> None:
        while await escalator.advance():
            assert escalator.progress not in seen
            seen.add(escalator.progress)

    with pytest.raises(TooManyFailures):
        await work()
    assert len(seen) == 1 + 10 * 3 + 89
    assert await letters(parts) == []


async def test_a_decision_that_fails_once_is_made_after_all(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again on a desk drawn anew; nothing is put aside."""
    monkeypatch.setattr(Desk, "observe", poisoned("m0030", times=2))
    await replayed(parts, blocks(3), batch=16)

    assert await letters(parts) == []
    async with parts.store.read() as unit:
        assert len((await unit.mentions.search(limit=200)).items) == 60


async def test_an_escalator_that_can_decide_nothing_stops(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the hundredth, with nothing put aside and its position where it was; the fixed one decides all."""
    items = [f"m{n:04}" for n in range(120)]
    with monkeypatch.context() as broken:
        broken.setattr(Desk, "observe", poisoned(*items))
        with pytest.raises(TooManyFailures):
            await lived(parts, blocks(), 16)
    assert await letters(parts) == []
    async with parts.store.read() as unit:
        assert (await unit.positions.read(SCORED, 0)).offset == 0
    escalator = parts.escalator()
    while await escalator.advance():
        pass

    assert escalator.offset == 120
    assert await parts.transitions()


async def test_a_last_record_that_fails_does_not_hang(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing follows it is put aside all the same, and the position moves past it."""
    monkeypatch.setattr(Desk, "observe", poisoned("m0018", "m0019"))
    await lived(parts, blocks(1), 256)

    assert [one.offset for one in await letters(parts)] == [18, 19]
    async with parts.store.read() as unit:
        assert (await unit.positions.read(SCORED, 0)).offset == 20


async def test_a_store_that_is_away_is_no_fault_of_a_record(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for; a record set aside before is put aside once."""
    add, away = MentionsWriter.add, iter(range(20))

    async def failing_add(writer: MentionsWriter, *arguments: object) -> None:
        if next(away, None) is not None:
            raise StoreUnavailable("locked")
        await add(writer, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(MentionsWriter, "add", failing_add)
    monkeypatch.setattr(Desk, "observe", poisoned("m0003"))
    await parts.bus.append(SCORED, [record_of(one) for one in score([raw(f"m{n:04}", START + n * SECOND) for n in range(8)])])
    escalator = parts.escalator(batch=4)
    while escalator.offset < 8:
        with suppress(StoreUnavailable):
            await escalator.advance()

    assert [one.offset for one in await letters(parts)] == [3]
    async with parts.store.read() as unit:
        assert (await unit.positions.read(SCORED, 0)).offset == 8
