"""What other programs put on the topics stops neither scorer nor escalator, on every bus and wherever in a batch it lies."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.bus.base import RAW, SCORED, Bus, Record
from monitor.clock import ManualClock
from monitor.mention import encode
from monitor.metrics import Metrics
from monitor.store.sessions import Store
from services.dead.letters import STATES, Choice, letters
from services.score import ScoreRole, record_of
from services.wiring import make_escalator
from tests.contract.conftest import START
from tests.unit.pipeline.making import log, raw, score, settings_in

WHOLE = {RAW: encode(raw("x", START, as_if=False)), SCORED: encode(score([raw("x", START, as_if=False)])[0])}
COUNT = 6


def poisons(topic: str) -> list[bytes]:
    """Each of another kind."""
    whole = WHOLE[topic]
    beyond = (b'"id":"x\\u0000"', b'"id":"x","likes":9223372036854775808', b'"id":"x","views":1180591620717411303424')
    far = whole.replace(b'"received_at":', b'"received_at":9')
    return [
        b"", b"no JSON", b"[1]", b'{"mention":7}', b'{"a":' * 20_000, b"\xed\xa0\x80", whole.replace(b'"x"', b'"\\ud800"'), far,
        whole.replace(b'"received_at":', b'"received_at":1180591620717411303424,"r":'),
        *(whole.replace(b'"id":"x"', one) for one in beyond),
    ]  # fmt: skip


def mixed(topic: str, place: int) -> list[Record]:
    """Good records with all poisons at one place among them."""
    raws = [raw(f"m{n}", START + n, as_if=False) for n in range(COUNT)]
    good = [encode(one) for one in raws] if topic == RAW else [record_of(one).value for one in score(raws)]
    values = good[:place] + poisons(topic) + good[place:]
    return [Record(key=b"k", value=value, partition=0) for value in values]


async def buried(bus: Bus) -> set[tuple[str, str]]:
    """Which topics' records were put aside, and why."""
    return {(one.letter.topic, one.letter.reason) async for one in letters(bus, Choice(states=STATES))}


@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT])
async def test_a_scorer_puts_aside_what_it_cannot_read(bus: Bus, clock: ManualClock, place: int) -> None:
    """First, in the middle, last: the good ones are scored in order, the others are the sender's fault."""
    await bus.append(RAW, mixed(RAW, place))
    role = ScoreRole(bus, score, Metrics(CollectorRegistry()), log(), clock=clock)
    assert await role.advance(0, wait=1.0) == COUNT + len(poisons(RAW))

    scored = [record for one in range(2) for record in await bus.read(SCORED, one, 0, 100)]
    good = score([raw(f"m{n}", START + n, as_if=False) for n in range(COUNT)])
    assert [record.value for record in scored] == [record_of(one).value for one in good]
    assert await buried(bus) == {(RAW, "invalid")}


@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT])
async def test_an_escalator_puts_aside_what_it_cannot_read(bus: Bus, clock: ManualClock, tmp_path: Path, place: int) -> None:
    """In one transaction with the good ones, without a try; a tick that cannot be read is put aside like them."""
    tick = Record(key=b"", value=b'{"at":' * 20_000, kind="tick", partition=0)
    await bus.append(SCORED, [*mixed(SCORED, place), tick])
    store = await Store.open("sqlite", tmp_path)
    try:
        escalator = make_escalator(settings_in(tmp_path), bus, store, clock, Metrics(CollectorRegistry()), log())
        assert await escalator.advance(wait=1.0) == COUNT + len(poisons(SCORED)) + 1
        async with store.read() as unit:
            found = (await unit.mentions.search(limit=100)).items
            assert (await unit.positions.read(SCORED, 0)).offset == COUNT + len(poisons(SCORED)) + 1
    finally:
        await store.close()

    assert {one.mention.id for one in found} == {f"m{n}" for n in range(COUNT)}
    assert await buried(bus) == {(SCORED, "invalid")}
