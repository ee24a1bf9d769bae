"""A case written out is decided again as it was lived: the same alerts, transitions and acts, by backtest and by replay."""

from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest
from msgspec.structs import replace

from monitor.clock import HOUR, MINUTE, moment
from monitor.escalation.effects import Effects, Judgement
from monitor.settings import Retention
from services.recording.backtest import Backtest
from services.recording.case import Case
from services.wiring import desk_maker
from tests.unit.escalation.making import SUBJECT
from tests.unit.pipeline.lived import Alerts, Life, alerts_of, backtested, case_of, levels, lived, replayed, said
from tests.unit.pipeline.making import WALL, Parts, parts_in


def of_its_story(alerts: Alerts, key: str) -> Alerts:
    """The alerts of the story that one tells of."""
    return {one: told for one, told in alerts.items() if told[0]["story"] == alerts[key][0]["story"]}


async def replayed_anew(file: Path, made: Path, folder: Path) -> Alerts:
    """The alerts a replay into an empty folder comes to, run again; every act was done."""
    copytree(made, folder, dirs_exist_ok=True)
    async with parts_in(folder) as again:
        assert await replayed(again, file) == []
        found = await alerts_of(again)
        await replayed(again, file)
        assert await alerts_of(again) == found
    return found


async def from_the_log(parts: Parts) -> list[tuple[object, ...]]:
    """The changes of level that `backtest --from-bus` comes to."""
    found: list[dict[str, object]] = []

    def take(effects: Effects) -> None:
        found.extend(change.transition.wire() for change in effects.changes if change.transition)

    async with parts.store.read() as unit:
        done = await unit.acts.all(0)
    await Backtest(desk_maker(parts.settings)(), take, 9).log(parts.bus, 0, done)
    order = sorted((one for one in found if "to" in one), key=lambda one: str(one["alert"]))
    return [(one["at"], one["alert"], one["from"], one["to"], one["actor"]) for one in order]


@pytest.mark.parametrize("seed", [1, 2, 6])
async def test_a_case_is_decided_again_as_it_was_lived(parts: Parts, made: Path, tmp_path: Path, seed: int) -> None:
    """Whatever came late, in one push or again, whatever people did in whatever order; the log decided again says so too."""
    life = Life(parts)
    await lived(life, seed, 22)
    there = await alerts_of(parts)
    assert len(there) > 1
    assert len(set(life.done)) > 2
    assert await from_the_log(parts) == levels(there)
    for key in sorted(there):
        file = await case_of(parts, key, tmp_path / f"{key}.jsonl")
        family = of_its_story(there, key)
        assert [one for one in backtested(parts, file) if one[1] in family] == levels(family)
    last = max(there)
    found = await replayed_anew(tmp_path / f"{last}.jsonl", made, tmp_path / "again")
    assert {one: found.get(one) for one in of_its_story(there, last)} == of_its_story(there, last)


async def grown(life: Life) -> str:
    """A story of two pushes, one of them hours late; its alert."""
    now = life.parts.clock.now()
    await life.push(*(said(f"b{n}", now - n, 0) for n in range(12)))
    await life.minutes(3)
    await life.push(*(said(f"a{n}", now - 4 * HOUR, 0) for n in range(15)))
    await life.minutes(2)
    (alert,) = [key for key, (told, _) in (await alerts_of(life.parts)).items() if not str(told["story"]).startswith("r")]
    return alert


async def test_a_case_keeps_who_resolved_and_reopened_it(parts: Parts, made: Path, tmp_path: Path) -> None:
    """A false alarm, its mute, the next episode by a person, what was taken out and said otherwise; then it falls, and all is quiet."""
    life = Life(parts)
    alert = await grown(life)
    assert await life.correct("exclude", alert, [("t", "a3"), ("t", "b1")])
    assert await life.act(alert, "resolve", reason="false_alarm")
    await life.minutes(5)
    assert await life.act(alert, "reopen")
    second = f"{alert[:-1]}2"
    assert await life.correct("correct", SUBJECT.name, ("t", "a5"), Judgement(relevant=False, note="无关"))
    await life.push(replace(said("b2", life.parts.clock.now(), 0), likes=90_000, seen_at=moment(life.parts.clock.now() - MINUTE)))
    await life.minutes(30 * HOUR // MINUTE)
    there = of_its_story(await alerts_of(parts), alert)

    file = await case_of(parts, second, tmp_path / "case.jsonl")
    found = await replayed_anew(file, made, tmp_path / "again")

    assert [(told["status"], told["level"]) for told, _ in there.values()][1] == ("open", "none")
    assert {one: found.get(one) for one in there} == there
    assert backtested(parts, file) == levels(found)


async def test_a_case_of_a_case_is_the_same_case(parts: Parts, made: Path, tmp_path: Path) -> None:
    """Written out from where it was replayed it leads to the same again."""
    life = Life(parts)
    alert = await grown(life)
    await life.act(alert, "level", level=4, note="领导关注")
    file = await case_of(parts, alert, tmp_path / "case.jsonl")
    copytree(made, tmp_path / "first", dirs_exist_ok=True)
    async with parts_in(tmp_path / "first") as first:
        await replayed(first, file)
        again = await case_of(first, alert, tmp_path / "again.jsonl")
        there = await alerts_of(first)

    assert await replayed_anew(again, made, tmp_path / "second") == there
    assert of_its_story(there, alert) == of_its_story(await alerts_of(parts), alert)


async def test_what_was_given_by_hand_stays(parts: Parts, made: Path, tmp_path: Path) -> None:
    """Subjects that somebody named stay with the lines of a case, whatever source they are of; other lines lose them."""
    life = Life(parts)
    now = life.parts.clock.now()
    await life.push(*(said(f"h{n}", now, 0, subjects=(SUBJECT.name,)) for n in range(12)))
    (alert,) = [key for key, (told, _) in (await alerts_of(parts)).items() if not str(told["story"]).startswith("r")]
    file = await case_of(parts, alert, tmp_path / "case.jsonl")
    copytree(made, tmp_path / "again", dirs_exist_ok=True)
    async with parts_in(tmp_path / "again") as again:
        await replayed(again, file)
        async with again.store.read() as unit:
            kept = [found.mention.subjects for found in (await unit.mentions.search(limit=50)).items]

    assert kept == [(SUBJECT.name,)] * 12


async def test_an_expired_case_says_what_is_gone(parts: Parts, tmp_path: Path) -> None:
    """Mentions whose texts are kept no more are counted, the others written; what is left can be replayed."""
    life = Life(parts)
    alert = await grown(life)
    async with parts.store.write() as unit:
        await unit.mentions.expire(WALL, Retention(text=0, evidence=0), 10, watched=())
    async with parts.store.read() as unit:
        found = await unit.alerts.get(alert)
        assert found is not None
        case = Case(unit, found)
        kinds = Counter([kind async for kind, _ in case.lines()])

    assert (kinds, case.missing) == ({"mentions": 17, "end": 1}, 10)
    assert backtested(parts, await case_of(parts, alert, tmp_path / "case.jsonl"))
