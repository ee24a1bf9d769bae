"""Dead letters on every bus: found as they stand, put back byte for byte and once, dropped; and the same over the API."""

from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.bus.base import DEAD, RAW, SCORED, Bus, Record, Stored
from monitor.clock import DAY, MINUTE, SECOND, ManualClock, rfc3339
from monitor.errors import BusUnavailable, TooLarge
from monitor.mention import Tick, decode_raw, encode
from monitor.metrics import Metrics
from services.api.schemas import DeadDoneModel, DeadLetterDetail, DeadLetterPage
from services.dead.burial import Tried, bury, bury_bytes, letter_id
from services.dead.letters import CUT, STATES, Choice, Letter, Letters, letters, newest, one_letter, wire
from services.score import record_of
from tests.contract.conftest import START
from tests.unit.api.making import GOOD, World, key, problem_of, world
from tests.unit.escalation.making import scored
from tests.unit.pipeline.making import raw

BOSS = {"Authorization": "Bearer boss"}
ALL = Choice(states=STATES)
METRICS = Metrics(CollectorRegistry())


def work(bus: Bus, clock: ManualClock) -> Letters:
    """What an API, or a verb, works with."""
    return Letters(bus, clock, METRICS)


async def put_aside(bus: Bus, topic: str, record: Record, reason: str = "failed") -> Stored:
    """Append a record and put it aside; the record as it was read."""
    await bus.append(topic, [record])
    (found,) = [one for one in await everything(bus, topic) if one.value == record.value][-1:]
    await bury(bus, METRICS, found, reason, "why", Tried(3, START, START + SECOND))  # type: ignore[arg-type]
    return found


async def everything(bus: Bus, topic: str) -> list[Stored]:
    """All records of a topic, partition by partition."""
    bounds = await bus.bounds(topic)
    return [record for partition, (low, end) in bounds.items() if end > low for record in await bus.read(topic, partition, low, end - low)]


async def listed(bus: Bus, choice: Choice = ALL) -> list[Letter]:
    """The chosen letters."""
    return [one async for one in letters(bus, choice)]


def mention_record(item: str) -> Record:
    """A mention as the raw topic has it."""
    one = raw(item, START, as_if=False)
    return Record(key=f"t\0{item}".encode(), value=encode(one))


async def test_a_letter_keeps_its_bytes_and_where_they_come_from(bus: Bus) -> None:
    """Whatever the bytes; topic, partition, offset, reason, tries and code stand beside."""
    record = Record(key=b"k", value=bytes(range(256)), partition=1)
    found = await put_aside(bus, RAW, record, "invalid")
    (one,) = await listed(bus)
    whole = await one_letter(bus, one.id)

    assert whole is not None
    assert whole.letter.content == bytes(range(256))
    assert (one.letter.raw, one.size, one.kept, one.state, one.replays) == ("", 256, 256, "open", 0)
    assert (one.letter.topic, one.letter.partition, one.letter.offset) == (RAW, 1, found.offset)
    assert (one.letter.reason, one.letter.error, one.letter.attempts) == ("invalid", "why", 3)
    assert (one.letter.first_at, one.letter.last_at) == (START, START + SECOND)
    assert one.at == (await everything(bus, DEAD))[0].stored_at
    assert one.letter.version
    assert one.id == letter_id(f"{RAW}/1/{found.offset}")


async def test_what_is_put_back_is_the_record_byte_for_byte(bus: Bus, clock: ManualClock) -> None:
    """On its topic, under its key and so in its partition; in the order it had; once, unless asked for again."""
    records = [mention_record(f"m{n}") for n in range(12)]
    for record in reversed(records):
        await put_aside(bus, RAW, record)
    before = await everything(bus, RAW)
    ids = [one.id for one in await listed(bus)]
    done = await work(bus, clock).replay(ids, "admin")

    assert (sorted(done.done), done.passed, done.refused, done.unknown) == (sorted(ids), [], {}, [])
    after = await everything(bus, RAW)
    for partition in (0, 1):
        old = [(one.key, one.value, one.kind) for one in before if one.partition == partition]
        assert [(one.key, one.value, one.kind) for one in after if one.partition == partition] == old * 2
    assert {(one.state, one.replays) for one in await listed(bus)} == {("replayed", 1)}
    assert await listed(bus, Choice()) == []

    second = await work(bus, clock).replay(ids, "admin")
    assert (second.done, sorted(second.passed)) == ([], sorted(ids))
    third = await work(bus, clock).replay(ids[:1], "admin", "小王", again=True)
    assert third.done == ids[:1]
    assert len(await everything(bus, RAW)) == 25
    (marked,) = await listed(bus, Choice(ids=frozenset(ids[:1]), states=STATES))
    assert (marked.replays, marked.mark and marked.mark.by) == (2, "小王")


async def test_scored_records_and_ticks_go_back_too(bus: Bus, clock: ManualClock) -> None:
    """A scored one by its subject; a tick to the partition it was of."""
    one, tick = record_of(scored("m", START)), Record(key=b"", value=encode(Tick(at=START)), kind="tick", partition=1)
    for record in (one, tick):
        await put_aside(bus, SCORED, record)
    done = await work(bus, clock).replay([found.id for found in await listed(bus)], "admin")

    assert len(done.done) == 2
    found = await everything(bus, SCORED)
    assert [(each.value, each.kind, each.partition) for each in found if each.kind == "tick"] == [(tick.value, "tick", 1)] * 2
    assert len({each.partition for each in found if each.kind != "tick"}) == 1
    assert [each.value for each in found if each.kind != "tick"] == [one.value] * 2


async def test_what_this_release_cannot_read_either_is_not_put_back(bus: Bus, clock: ManualClock) -> None:
    """It would only come back; why is told, and the letter stays open."""
    await put_aside(bus, RAW, Record(key=b"k", value=b"{"), "invalid")
    await put_aside(bus, SCORED, Record(key=b"k", value=b'{"v":1}'), "invalid")
    await bury_bytes(bus, METRICS, RAW, "导出.jsonl:7/ab", b'{"source": "a"}', "invalid", "why")
    ids = [one.id for one in await listed(bus)]
    done = await work(bus, clock).replay(ids, "admin")

    assert set(done.refused) == set(ids)
    assert any("published_at" in why for why in done.refused.values())
    assert len(await listed(bus, Choice())) == 3
    assert len(await everything(bus, RAW)) == 1


async def test_a_line_of_a_file_is_taken_in_once_it_is_right(bus: Bus, clock: ManualClock) -> None:
    """What lay too far in the future is a mention when that time has come; it is received now."""
    line = encode({"source": "a", "id": "1", "text": "x", "published_at": rfc3339(START + 3 * DAY)})
    await bury_bytes(bus, METRICS, RAW, "导出.jsonl:7/ab", line, "invalid", "why")
    (one,) = await listed(bus)
    assert "24 h" in (await work(bus, clock).replay([one.id], "admin")).refused[one.id]
    clock.advance(3 * DAY)

    assert (await work(bus, clock).replay([one.id], "admin")).done == [one.id]
    (record,) = await everything(bus, RAW)
    assert decode_raw(record.value).mention.id == "1"
    assert decode_raw(record.value).received_at == START + 3 * DAY


async def test_a_kill_between_putting_back_and_marking_puts_nothing_back_twice(
    bus: Bus, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The append is named after the letter: done again it changes nothing, and the letter is marked then."""
    await put_aside(bus, RAW, mention_record("m"))
    (one,) = await listed(bus)
    append = bus.append

    async def no_marks(topic: str, *arguments: object, **more: object) -> object:
        if topic == DEAD:
            raise BusUnavailable("killed")
        return await append(topic, *arguments, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(bus, "append", no_marks)
        with pytest.raises(BusUnavailable):
            await work(bus, clock).replay([one.id], "admin")
    assert [each.state for each in await listed(bus)] == ["open"]
    await work(bus, clock).replay([one.id], "admin")

    assert len(await everything(bus, RAW)) == 2
    assert [(each.state, each.replays) for each in await listed(bus)] == [("replayed", 1)]


async def test_a_full_log_leaves_the_rest_open(bus: Bus, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put back before is marked, the rest is there to be asked for again."""
    for n in range(5):
        await put_aside(bus, RAW, mention_record(f"m{n}"))
    append, left = bus.append, [2]

    async def full(topic: str, *arguments: object, **more: object) -> object:
        if topic == RAW:
            left[0] -= 1
            if left[0] < 0:
                raise BusUnavailable("full")
        return await append(topic, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bus, "append", full)
    with pytest.raises(BusUnavailable):
        await work(bus, clock).replay([one.id for one in await listed(bus)], "admin")

    assert sorted(one.state for one in await listed(bus)) == ["open"] * 3 + ["replayed"] * 2


async def test_dropped_ones_are_seen_to(bus: Bus, clock: ManualClock) -> None:
    """Not open any more, not put back unless asked for; ids that are none are told."""
    await put_aside(bus, RAW, mention_record("m"))
    (one,) = await listed(bus)
    done = await work(bus, clock).drop([one.id, "dnothing"], "admin")
    assert (done.done, done.unknown) == ([one.id], ["dnothing"])
    assert (await work(bus, clock).replay([one.id], "admin")).passed == [one.id]

    assert await listed(bus, Choice()) == []
    assert [each.state for each in await listed(bus)] == ["dropped"]


async def test_letters_are_chosen_and_paged(bus: Bus, clock: ManualClock) -> None:
    """By reason, topic and time; newest first, each once over all pages; a record put aside twice is one letter."""
    for n in range(7):
        clock.advance(MINUTE)
        found = await put_aside(bus, RAW, mention_record(f"m{n}"), "failed" if n % 2 else "invalid")
        await bury(bus, METRICS, found, "failed", "again")
    await put_aside(bus, SCORED, Record(key=b"s", value=b"x"), "invalid")

    assert len(await listed(bus, Choice(reason="failed"))) == 3
    assert len(await listed(bus, Choice(topic=SCORED))) == 1
    third = sorted(one.at for one in await listed(bus))[-3]
    assert len(await listed(bus, Choice(since=third))) == sum(one.at >= third for one in await listed(bus))
    assert len(await listed(bus, Choice(since=third))) < 8
    seen: list[Letter] = []
    while True:
        page, count = await newest(bus, ALL, 3, (seen[-1].at, seen[-1].id) if seen else None)
        assert count == 8
        if not page:
            break
        seen += page
    assert [(one.at, one.id) for one in seen] == sorted({(one.at, one.id) for one in await listed(bus)}, reverse=True)


async def test_a_letter_that_is_too_large_keeps_its_beginning(bus: Bus, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better than a role that waits for ever: how long it was is told, and it is not put back."""
    append = bus.append

    async def narrow(topic: str, records: list[Record], **more: object) -> object:
        if (size := len(records[0].value)) > 2_000:
            raise TooLarge(0, size, 2_000)
        return await append(topic, records, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bus, "append", narrow)
    await bury_bytes(bus, METRICS, RAW, "f.jsonl:7/ab", bytes(range(256)) * 40, "invalid", "why")
    (one,) = await listed(bus)
    whole = await one_letter(bus, one.id)

    assert whole is not None
    assert (one.size, whole.letter.cut) == (10_240, 10_240)
    assert one.kept == whole.kept == len(whole.letter.content)
    assert (wire(one)["bytes"], wire(one)["kept"]) == (10_240, one.kept)
    assert (bytes(range(256)) * 40).startswith(whole.letter.content)
    assert len(whole.letter.content) > 1_000
    assert (await work(bus, clock).replay([one.id], "admin")).refused == {one.id: CUT}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """An API with a key of each role, and three letters."""
    async with world(tmp_path, key("eyes", "reader"), key("duty", "staff"), key("boss", "admin")) as made:
        made.app.state.api = replace(made.api, letters=Letters(made.bus, made.clock, made.api.metrics))
        for n in range(3):
            made.clock.advance(MINUTE)
            await put_aside(made.bus, RAW, mention_record(f"m{n}"))
        await bury_bytes(made.bus, METRICS, RAW, "f.csv:3/x", b"\x1b[2J\xff", "invalid", "no JSON")
        yield made


async def test_an_admin_sees_and_mends_beside_the_service(here: World) -> None:
    """List with its pages, one with its bytes, put back, drop: in the shapes that openapi tells."""
    first = DeadLetterPage.model_validate((await here.client.get("/v1/dead-letters?limit=2", headers=BOSS)).json())
    rest = DeadLetterPage.model_validate(
        (await here.client.get(f"/v1/dead-letters?limit=2&cursor={first.next_cursor}", headers=BOSS)).json()
    )
    items = first.items + rest.items
    assert (len(items), len({one.id for one in items}), rest.next_cursor) == (4, 4, None)
    bad = next(one for one in items if one.reason == "invalid")
    whole = DeadLetterDetail.model_validate((await here.client.get(f"/v1/dead-letters/{bad.id}", headers=BOSS)).json())
    assert (b64decode(whole.raw), whole.text) == (b"\x1b[2J\xff", "\x1b[2J\\xff")

    body = {"ids": [*(one.id for one in items), "dnone"], "by": "小王"}
    done = DeadDoneModel.model_validate((await here.client.post("/v1/dead-letters/replay", json=body, headers=BOSS)).json())
    assert (len(done.done), list(done.refused), done.unknown) == (3, [bad.id], ["dnone"])
    done = DeadDoneModel.model_validate((await here.client.post("/v1/dead-letters/drop", json={"ids": [bad.id]}, headers=BOSS)).json())
    assert done.done == [bad.id]
    replayed = (await here.client.get("/v1/dead-letters?state=replayed&reason=failed", headers=BOSS)).json()["items"]
    assert [(one["state"], one["actor"], one["by"]) for one in replayed] == [("replayed", "boss", "小王")] * 3
    assert (await here.client.get("/v1/dead-letters", headers=BOSS)).json()["items"] == []


async def test_only_an_admin_may(here: World) -> None:
    """The bytes are people's words before they are pseudonymised."""
    for token in ("eyes", "duty"):
        headers = {"Authorization": f"Bearer {token}"}
        problem_of(await here.client.get("/v1/dead-letters", headers=headers), 403)
        problem_of(await here.client.get("/v1/dead-letters/d1", headers=headers), 403)
        for verb in ("replay", "drop"):
            problem_of(await here.client.post(f"/v1/dead-letters/{verb}", json={"ids": ["d1"]}, headers=headers), 403)
    problem_of(await here.client.get("/v1/dead-letters"), 401)


async def test_what_cannot_be_asked_is_refused(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown ids, words and bodies are the caller's mistakes; a log that is away is 503."""
    problem_of(await here.client.get("/v1/dead-letters/nothing", headers=BOSS), 404)
    for query in ("cursor=x", "cursor=9" + "9" * 30 + ".d", "reason=odd", "state=odd", "limit=0", "since=yesterday"):
        problem_of(await here.client.get(f"/v1/dead-letters?{query}", headers=BOSS), 422)
    bodies: list[object] = [{}, {"ids": []}, {"ids": ["d"] * 501}, {"ids": "d"}, {"ids": ["d"], "again": "yes"}, []]
    for sent in bodies:
        problem_of(await here.client.post("/v1/dead-letters/replay", json=sent, headers=BOSS), 422)
    problem_of(await here.client.post("/v1/dead-letters/drop", content=b"{", headers=BOSS), 400)

    async def away(*_: object) -> object:
        raise BusUnavailable("gone")

    monkeypatch.setattr(here.bus, "bounds", away)
    problem_of(await here.client.get("/v1/dead-letters", headers=BOSS), 503)
    problem_of(await here.client.post("/v1/dead-letters/replay", json={"ids": ["d"]}, headers=BOSS), 503)


async def test_where_there_is_no_log_there_are_no_letters(tmp_path: Path) -> None:
    """503: not here."""
    async with world(tmp_path) as made:
        problem_of(await made.client.get("/v1/dead-letters"), 503)
        assert (await made.client.post("/v1/mentions", json=GOOD)).status_code == 202
