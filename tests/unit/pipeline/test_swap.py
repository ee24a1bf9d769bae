"""Keyword rules that change while mentions are scored: no batch, and no mention, is scored by two versions."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.bus.base import RAW, SCORED, Record
from monitor.mention import Raw, Scored, decode_scored, encode
from monitor.scoring.matcher import Matcher
from monitor.scoring.versions import Keywords
from monitor.subject import Subject
from services.score import Newest, ScoreRole
from tests.unit.escalation.making import START, scored
from tests.unit.pipeline.making import Parts, parts_in, raw

COUNT = 40
NAMES = "甲乙丙丁"


class Version:
    """A scoring by rules of its own: number n watches the n-th name. `stumbles`: the mentions that fail the first time."""

    def __init__(self, number: int, stumbles: set[str]) -> None:
        self.subjects = [Subject(name=f"{NAMES[number]}方", rules=(NAMES[number],)), Subject(name="众", rules=("众",))]
        self.matcher, self.stumbles = Matcher.build(self.subjects, []), stumbles

    def __call__(self, raws: Sequence[Raw]) -> list[Scored]:
        """A record a subject hit; the first try at a batch with one that stumbles fails."""
        stumbling = self.stumbles & {one.mention.id for one in raws}
        if stumbling:
            self.stumbles.remove(min(stumbling))
            raise ValueError(min(stumbling))
        return [self._record(one, match.subject) for one in raws for match in self.matcher.match(one.mention, one.received_at)]

    def _record(self, one: Raw, subject: str) -> Scored:
        like = scored("", START, subject=subject)
        score = type(like.score)(
            subject=subject, hits=(), sentiment=like.score.sentiment, severity=0.0, version=self.matcher.keywords.version
        )
        return Scored(received_at=one.received_at, mention=one.mention, score=score, emotion=like.emotion)


async def scored_by_turns(parts: Parts, size: int, plan: Sequence[tuple[float, int]], stumbles: set[str]) -> list[Scored]:
    """Score all while the rules change: after each pause (in slices of a batch) to the version of that number."""
    versions = [Version(number, set(stumbles)) for number in range(len(NAMES))]
    newest = Newest(versions[0])
    role = ScoreRole(parts.bus, newest, parts.metrics, parts.log, batch=size)
    await parts.bus.append(RAW, [Record(key=b"k", value=encode(raw(f"m{n}", START + n, f"{NAMES} 众", as_if=False))) for n in range(COUNT)])

    async def change() -> None:
        for pause, number in plan:
            await asyncio.sleep(pause)
            newest.use(versions[number])

    changing, offset = asyncio.create_task(change()), 0
    while (after := await role.advance(offset)) != offset:
        offset = after
    await changing
    return [decode_scored(record.value) for record in await parts.bus.read(SCORED, 0, 0, 10 * COUNT)]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 16),
    st.lists(st.tuples(st.sampled_from([0.0, 0.002, 0.01]), st.integers(0, len(NAMES) - 1)), max_size=12),
    st.sets(st.integers(0, COUNT - 1).map("m{}".format), max_size=3),
)
def test_no_score_mixes_two_versions(size: int, plan: list[tuple[float, int]], stumbles: set[str]) -> None:
    """Each mention is scored once, by one version, the one its batch began with; what fails and is tried again stays with it."""
    with TemporaryDirectory() as folder:
        records = asyncio.run(_in(Path(folder), size, plan, stumbles))
    versions = {Keywords([*Version(number, set()).subjects]).version: f"{name}方" for number, name in enumerate(NAMES)}

    assert [one.mention.id for one in records if one.score.subject == "众"] == [f"m{n}" for n in range(COUNT)]
    assert len(records) == 2 * COUNT
    assert all(one.score.subject in {"众", versions[one.score.version]} for one in records)
    ids = [f"m{n}" for n in range(COUNT)]
    for start in range(0, COUNT, size):
        batch = set(ids[start : start + size])
        assert len({one.score.version for one in records if one.mention.id in batch}) == 1


async def _in(folder: Path, size: int, plan: list[tuple[float, int]], stumbles: set[str]) -> list[Scored]:
    async with parts_in(folder) as parts:
        return await scored_by_turns(parts, size, plan, stumbles)
