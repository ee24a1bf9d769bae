"""Stories that merge, sleep and wake, through bus, store and transactions: what a service killed again and again decides."""

from pathlib import Path

import pytest

from monitor.alert import Transition
from monitor.bus.base import SCORED
from monitor.clock import DAY, SECOND
from monitor.escalation.effects import Effects
from monitor.mention import Scored
from services.recording.backtest import Backtest, StoryMap
from services.score import record_of
from services.wiring import desk_maker
from tests.unit.escalation.making import START, scored
from tests.unit.escalation.test_desk_lives import LINES, crowd, stream_of
from tests.unit.pipeline.making import parts_in


def lives(seed: int) -> list[Scored]:
    """A stretch with merges; weeks later what wakes a story that sleeps, and ties two."""
    later = START + 90 * DAY
    woken = [scored(f"w{n}", later + n * SECOND, root="p0", text=f"又来 {n}") for n in range(40)]
    tie = scored("tie", later + DAY, root="p0", text="一回事", quoted=LINES[1])
    first = [*crowd(LINES[0], "p", START - 9 * DAY), *crowd(LINES[1], "q", START - 9 * DAY + 60 * SECOND)]
    return [*first, *(one for one in stream_of(seed, acts=False) if isinstance(one, Scored)), *woken, tie]


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 64), (4, 1000)])
async def test_killed_again_and_again_it_decides_what_backtest_decides(tmp_path: Path, seed: int, batch: int) -> None:
    """The same transitions and the same story of every mention, whatever the batches, from a store read anew each time."""
    stream = lives(seed)
    async with parts_in(tmp_path) as parts:
        await parts.bus.append(SCORED, [record_of(one) for one in stream])
        offset = 0
        while offset < len(stream):
            escalator = parts.escalator(batch=batch)
            await escalator.advance()
            await escalator.advance()
            offset = escalator.offset
        live = await parts.transitions()
        async with parts.store.read() as unit:
            stored = {hit.scored.mention.id: hit.story async for hit, _ in unit.mentions.hits_of_live(0, 0)}
        found, stories = list[Transition](), StoryMap()

        def keep(effects: Effects) -> None:
            found.extend(change.transition for change in effects.changes if change.transition)
            stories.add(effects)

        await Backtest(desk_maker(parts.settings)(), keep, 50).log(parts.bus, 0, [])

    assert sorted(found, key=repr) == sorted(live, key=repr)
    told = {str(line["id"]): line["story"] for line in stories.lines()}
    assert {key: told[key] for key in stored} == stored
    assert len({told[f"w{n}"] for n in range(40)} | {told["p0"]}) == 1
