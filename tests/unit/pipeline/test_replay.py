"""Replay and backtest: one decision, whatever the way, the batches, the kills and the repeats."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.alert import Transition
from monitor.bus.base import RAW, SCORED, Record
from monitor.clock import HOUR, MINUTE, SECOND
from monitor.collecting.recording import Block
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Effects, Known
from monitor.mention import Raw, Scored, Tick, decode_tick, encode
from services.dead.burial import put_aside
from services.recording.backtest import Backtest, StoryMap, level_changes
from services.recording.replay import in_order, settle_raw
from services.score import ScoreRole, record_of
from services.wiring import desk_maker
from tests.unit.escalation.making import START
from tests.unit.pipeline.making import Parts, blocks, parts_in, raw, replayed, score, settings_in


def backtested(folder: Path, stream: Sequence[Block], batch: int = 512) -> list[Transition]:
    """What a backtest decides, by alert."""
    found: list[Transition] = []

    def take(effects: Effects) -> None:
        found.extend(change.transition for change in effects.changes if change.transition)

    Backtest(desk_maker(settings_in(folder))(), take, batch).recording(stream, score, lambda _: None)
    return sorted(found, key=lambda one: one.alert)


@pytest.mark.parametrize("batch", [1, 7, 1_000])
async def test_replay_decides_what_backtest_decides(parts: Parts, tmp_path: Path, batch: int) -> None:
    """The same transitions and ids through bus, store and transactions as in memory."""
    assert await replayed(parts, blocks(4), batch=batch) == 80

    assert await parts.transitions() == backtested(tmp_path, blocks(4))
    assert len(await parts.transitions()) >= 2


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_batches_of_a_backtest_change_nothing(tmp_path: Path, batch: int) -> None:
    """However often the desk is drained."""
    assert backtested(tmp_path, blocks(), batch) == backtested(tmp_path, blocks())


async def test_a_finished_replay_run_again_changes_nothing(parts: Parts) -> None:
    """Not a transition, not a record on the bus, not a number."""
    await replayed(parts, blocks())
    before, bounds = await parts.transitions(), await parts.bus.bounds(SCORED)
    await replayed(parts, blocks())

    assert await parts.transitions() == before
    assert await parts.bus.bounds(SCORED) == bounds


class Died(Exception):
    """The process ends here, as by a kill."""


@pytest.mark.parametrize("fails_at", [1, 4, 7, 12])
async def test_a_replay_that_died_goes_on(tmp_path: Path, fails_at: int) -> None:
    """Wherever the log failed it, the same line run again ends as one that never stopped."""
    async with parts_in(tmp_path / "killed") as parts:
        append, calls = parts.bus.append, count(1)

        async def failing(topic: str, records: Sequence[Record], **more: object) -> object:
            if next(calls) == fails_at:
                raise Died
            return await append(topic, records, **more)  # type: ignore[arg-type]

        parts.bus.append = failing  # type: ignore[method-assign,assignment]
        with pytest.raises(Died):
            await replayed(parts, blocks(), batch=9)
    async with parts_in(tmp_path / "killed") as parts:
        await replayed(parts, blocks(), batch=5)

        assert await parts.transitions() == backtested(tmp_path, blocks())
        assert (await parts.bus.bounds(RAW))[0][1] == 120


async def test_speed_changes_no_decision(parts: Parts, tmp_path: Path) -> None:
    """Paced, a recording is cut finer and told the time meanwhile, and decides the same."""
    stream = blocks(2, 20, 30 * SECOND)
    await replayed(parts, stream, speed=5_000)

    assert await parts.transitions() == backtested(tmp_path, stream)


async def test_nothing_of_the_wall_clock(parts: Parts) -> None:
    """No transition of a replay was recorded at a time of ours, and every moment is event time."""
    await replayed(parts, blocks())

    assert all(one.recorded_at is None and one.at < START + 2 * HOUR for one in await parts.transitions())


async def test_an_empty_recording_does_nothing(parts: Parts) -> None:
    """No mention, no tick, no decision."""
    assert await replayed(parts, []) == 0
    assert (await parts.bus.bounds(SCORED))[0] == (0, 0)


async def test_the_end_is_on_the_log(parts: Parts) -> None:
    """The last record says how far the clock came, and that it is over."""
    await replayed(parts, blocks(1))
    (_, end) = (await parts.bus.bounds(SCORED))[0]
    (last,) = await parts.bus.read(SCORED, 0, end - 1, 1)

    assert decode_tick(last.value) == Tick(at=blocks(1)[-1].raws[-1].received_at, as_if=True, end=True)


async def test_what_a_service_left_is_scored_first(parts: Parts) -> None:
    """Pushed mentions that nobody had scored yet are not lost when a replay takes over."""
    left = [raw(f"p{n}", START, as_if=False) for n in range(3)]
    await parts.bus.append(RAW, [Record(key=b"k", value=encode(one)) for one in left])
    await settle_raw(parts.bus, {0: ScoreRole(parts.bus, score, parts.metrics, parts.log, batch=2)})
    await replayed(parts, blocks(1))

    assert (await parts.bus.bounds(SCORED))[0][1] == 3 + 20 + 1


def test_a_replay_decides_in_order() -> None:
    """By the recording's order and subject, whatever order the scorer gave."""
    raws = [one for block in blocks(2, 5, 0) for one in block.raws]
    made: list[Scored] = score(raws)

    assert in_order(made[::-1], raws) == in_order(made, raws) == sorted(made, key=lambda one: one.mention.id)
    assert in_order(made, raws[::-1]) == made[::-1]


async def test_the_log_decided_again_is_what_was_decided(parts: Parts) -> None:
    """`backtest --from-bus` over a lived log, ticks included, repeats its transitions."""
    lived: list[Raw] = [replace(one, as_if=False) for block in blocks() for one in block.raws]
    role = ScoreRole(parts.bus, score, parts.metrics, parts.log)
    offset, escalator = 0, parts.escalator(batch=11)
    for n in range(0, len(lived), 20):
        await parts.bus.append(RAW, [Record(key=b"k", value=encode(one)) for one in lived[n : n + 20]])
        offset = await role.advance(offset)
        tick = Tick(at=lived[n].received_at + n * MINUTE)
        await parts.bus.append(SCORED, [Record(key=b"", value=encode(tick), kind="tick", partition=0)])
        while await escalator.advance():
            pass
    again: list[Transition] = []
    backtest = Backtest(
        desk_maker(parts.settings)(), lambda effects: again.extend(one.transition for one in effects.changes if one.transition), 7
    )
    await backtest.log(parts.bus, 0, ())

    stored = await parts.transitions()
    assert [replace(one, recorded_at=None) for one in stored] == sorted(again, key=lambda one: one.alert)
    assert all(one.recorded_at is not None for one in stored)


async def test_the_log_decided_again_leaves_out_what_was_not_decided(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read, and what was put aside: the same transitions as live, and a count of what was left out."""
    lived = [record_of(one) for one in score([replace(one, as_if=False) for block in blocks() for one in block.raws])]
    foreign = [Record(key=b"", value=value, partition=0) for value in (b"no JSON", b'{"a":' * 20_000)]
    await parts.bus.append(SCORED, [*foreign, *lived[:50], *foreign, *lived[50:], *foreign])
    decide = Desk.observe

    def observe(desk: Desk, scored: Scored, offset: int, known: Known | None) -> bool:
        if scored.mention.id == "m0040":
            raise ValueError("poison")
        return decide(desk, scored, offset, known)

    with monkeypatch.context() as broken:
        broken.setattr(Desk, "observe", observe)
        broken.setattr("services.dead.failing.PAUSES", (0.0, 0.0))
        escalator = parts.escalator(batch=11)
        while await escalator.advance():
            pass
    assert escalator.offset == 126
    again: list[Transition] = []
    backtest = Backtest(
        desk_maker(parts.settings)(), lambda effects: again.extend(one.transition for one in effects.changes if one.transition), 7
    )
    out = await backtest.log(parts.bus, 0, (), (await put_aside(parts.bus, SCORED))[0])

    assert out == 7
    stored = await parts.transitions()
    assert stored
    assert [replace(one, recorded_at=None) for one in stored] == sorted(again, key=lambda one: one.alert)


def test_stories_are_told_after_all_moves(tmp_path: Path) -> None:
    """One line a mention and subject; who waited and found company stands with it, who did not is marked residual."""
    words = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验"
    said = [
        raw("a", START, words), raw("b", START + SECOND, "某某 另一件事"), raw("c", START + 2 * SECOND, f"转: {words}"),
        raw("d", START, "无关"),
    ]  # fmt: skip
    stories, changes = StoryMap(), list[object]()

    def take(effects: Effects) -> None:
        stories.add(effects)
        changes.extend(level_changes(effects))

    Backtest(desk_maker(settings_in(tmp_path))(), take, 1).recording([Block("b", tuple(said))], score, lambda _: None)
    lines = {str(line["id"]): line for line in stories.lines()}

    assert set(lines) == {"a", "b", "c"}
    assert lines["a"]["story"] == lines["c"]["story"] != lines["b"]["story"]
    assert [name for name, line in lines.items() if line.get("residual")] == ["b"]
    assert changes == []
