"""
People's acts on stories and on single mentions: merging, taking out, and a word over the model's.

One act is one transaction, as in services/acts.py; but what comes of it is the desk's to decide, when it comes to that place in the
stream: alerts that become one, counters and levels without what was taken out. Until then the act is only recorded.
"""

from collections.abc import Mapping, Sequence

import msgspec

from monitor.alert import MENTIONS, Named
from monitor.bus.base import SCORED, Bus, Record, partition_of
from monitor.clock import Clock
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Act, Judgement, Known, StoryRow
from monitor.mention import Tick, encode, identity
from monitor.store.positions import Position
from monitor.store.sessions import Store, WriteUnit
from services.acts import ActError, Desk, DoesNotFit, NoSuchAlert
from services.tracing import survivor


class NoSuchStory(ActError):
    """There is no story of that id."""


class NoSuchMention(ActError):
    """There is no such mention of that subject, or in that story."""


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, in whose words, when (micros, wall clock); `again`: when it was done once, where a replay does it again."""

    actor: str
    by: str | None = None
    note: str | None = None
    recorded_at: int
    again: int | None = None


async def merge(unit: WriteUnit, desk: Desk, story: str, into: str, who: Who) -> Act:
    """Two stories of a subject are one: the older stays."""
    position = await _lock(unit, desk, (await _story(unit, story)).subject)
    one, other = await _story(unit, story), await _story(unit, into)
    check_merge(one, other)
    act = _act(position, one.subject, one.id, "merge", who, into=other.id)
    return await _given(unit, position, act, [one, other])


async def exclude(unit: WriteUnit, desk: Desk, alert: str, mentions: Sequence[tuple[str, str]], who: Who) -> Act:
    """Mentions do not belong to an alert's story: they are counted there no more, and in no other."""
    named = {identity(*mention): " ".join(mention) for mention in mentions}
    return await _exclude(unit, desk, alert, named, tuple(Named(*mention) for mention in mentions[:MENTIONS]), who)


async def _exclude(
    unit: WriteUnit, desk: Desk, alert: str, named: Mapping[bytes, str], first: tuple[Named, ...], who: Who
) -> Act:
    """The same by digest; `named`: what to call each, `first`: those the history names."""
    found = await unit.alerts.get(alert)
    if found is None:
        raise NoSuchAlert("there is no alert of this id")
    position = await _lock(unit, desk, found.subject)
    story = await _story(unit, found.story)
    known = await unit.mentions.known([(story.subject, digest) for digest in named])
    check_exclude(story, named, {digest: one.story for (_, digest), one in known.items()})
    act = _act(position, story.subject, story.id, "exclude", who, alert=found.id, mentions=tuple(named), named=first)
    return await _given(unit, position, act, [story])


async def correct(unit: WriteUnit, desk: Desk, subject: str, mention: tuple[str, str], judgement: Judgement, who: Who) -> Act:
    """What a mention says of a subject is otherwise than the model says."""
    return await _correct(unit, desk, subject, identity(*mention), (Named(*mention),), judgement, who)


async def _correct(
    unit: WriteUnit, desk: Desk, subject: str, digest: bytes, named: tuple[Named, ...], judgement: Judgement, who: Who
) -> Act:
    """The same by digest."""
    position = await _lock(unit, desk, subject)
    pair = (subject, digest)
    known = check_correct((await unit.mentions.known([pair], undecided=True)).get(pair))
    key = known.story
    if known.out and about(judgement):
        judgement, key = msgspec.structs.replace(judgement, relevant=True), await _story_before(unit, pair)
    row = await unit.stories.get(key) if key else None
    story = await survivor(unit, row) if row else None
    act = _act(position, subject, story.id if story else "", "score", who, mentions=(digest,), named=named, judgement=judgement)
    return await _given(unit, position, act, [story] if story else [])


async def done_again(unit: WriteUnit, desk: Desk, act: Act, now: int) -> Act:
    """Do what somebody once did, by the same rules; `now`: wall clock, micros."""
    who = Who(actor=act.actor, by=act.by, note=act.note, recorded_at=now, again=act.at)
    if act.action == "merge":
        return await merge(unit, desk, act.story, act.into, who)
    if act.action == "exclude":
        return await _exclude(unit, desk, act.alert, {digest: digest.hex() for digest in act.mentions}, act.named, who)
    if act.action != "score" or act.judgement is None or len(act.mentions) != 1:
        raise DoesNotFit("there is no such action")
    return await _correct(unit, desk, act.subject, act.mentions[0], act.named, act.judgement, who)


def check_merge(one: StoryRow, other: StoryRow) -> None:
    """DoesNotFit where two stories cannot become one."""
    if one.subject != other.subject:
        raise DoesNotFit("the stories are of different subjects")
    if one.id == other.id:
        raise DoesNotFit("they are one story already")
    if one.residual or other.residual:
        raise DoesNotFit("the residual story is no happening: nothing can be merged with it")


def check_exclude(story: StoryRow, named: Mapping[bytes, str], stories: Mapping[bytes, str]) -> None:
    """NoSuchMention where one of these digests is not in the story; `stories`: in which one each is, as far as it is known."""
    strangers = [name for digest, name in named.items() if stories.get(digest) != story.id]
    if strangers:
        raise NoSuchMention(f"not in its story: {'; '.join(strangers[:5])}")


def check_correct(known: Known | None) -> Known:
    """What is known of the mention; NoSuchMention where there is none to speak of."""
    if known is None:
        raise NoSuchMention("there is no such mention of this subject")
    return known


def about(judgement: Judgement) -> bool:
    """Whether it says that the mention is about the subject: outright, or by saying what it says of it."""
    return judgement.relevant is True or (judgement.relevant is None and judgement.label is not None)


async def _story_before(unit: WriteUnit, pair: tuple[str, bytes]) -> str:
    """The story a mention was taken out of, to put it back there; "" where it was in none."""
    if await unit.mentions.get(pair[1]) is None:
        raise DoesNotFit("it was taken out of its story, and its text is kept no more: it cannot be put back")
    act = await unit.acts.took_out(*pair)
    return act.story if act else ""


async def nudge(bus: Bus, clock: Clock, partition: int) -> None:
    """Let the escalator look: it takes acts up with the next record."""
    await bus.append(SCORED, [Record(key=b"", value=encode(Tick(at=clock.now())), kind="tick", partition=partition)])


async def taken_up(store: Store, act: Act, patience: float) -> bool:
    """Whether the desk has come to the act within `patience` seconds."""
    for _ in range(max(1, round(patience / _LOOK))):
        since = store.commits
        async with store.read() as unit:
            if (await unit.positions.read(SCORED, act.partition)).last_act >= act.id:
                return True
        await store.wait_change(_LOOK, since)
    return False


_LOOK = 0.25


async def _lock(unit: WriteUnit, desk: Desk, subject: str) -> Position:
    return await unit.positions.lock(SCORED, partition_of(subject.encode(), desk.partitions))


async def _story(unit: WriteUnit, story: str) -> StoryRow:
    row = await unit.stories.get(story)
    if row is None:
        raise NoSuchStory("there is no story of this id")
    return await survivor(unit, row)


def _act(position: Position, subject: str, story: str, action: str, who: Who, **more: object) -> Act:
    act = Act(
        id=0, partition=position.partition, offset=position.offset, subject=subject, story=story, alert="", action=action,
        at=max(who.recorded_at if who.again is None else who.again, position.now), actor=who.actor, by=who.by, note=who.note,
    )  # fmt: skip
    return msgspec.structs.replace(act, **more)


async def _given(unit: WriteUnit, position: Position, act: Act, stories: Sequence[StoryRow]) -> Act:
    """Record the act; the desk says on the alerts of these stories what came of it. Returns it under its id."""
    changed = {story.id for story in stories}
    for earlier in await unit.acts.since(position.partition, position.last_act):
        if earlier.action not in FITTING and changed & {earlier.story, earlier.into}:
            raise DoesNotFit("a change of its story is being worked in; try again in a moment")
    return msgspec.structs.replace(act, id=await unit.acts.add(act))
