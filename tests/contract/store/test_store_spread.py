"""What a store tells of a story as a whole: every mention once, in the order said, with who it belongs to."""

import pytest
from msgspec.structs import replace

from monitor.clock import SECOND, moment
from monitor.escalation.effects import Act, NewHit, Observed
from monitor.mention import identity
from monitor.store import spread
from monitor.store.sessions import Store
from monitor.stories.spread import Carried
from tests.contract.store.records import LATER, START, mention, new_hit, story


async def stored(store: Store, *hits: NewHit) -> None:
    """Keep these."""
    async with store.write() as unit:
        await unit.mentions.add(hits, 0, LATER)


async def carried(store: Store, of: str = "s1") -> list[Carried]:
    """Everything of a story."""
    async with store.read() as unit:
        return [one async for portion in unit.spread.carried(of) for one in portion]


async def test_what_spread_needs_is_read_without_texts(store: Store) -> None:
    """Where, who by a readable name, how far, and the identities it names; in the order said, not that of the log."""
    repost = mention(
        1, kind="repost", root="m0", parent="gone", outlet="晚报", region="北京", likes=3, comments=2, reposts=1, views=900, platform=None
    )
    await stored(store, new_hit(2), new_hit(1, said=repost), new_hit(3, story="s2"), new_hit(4, story=""))

    first, second = await carried(store)

    assert first == Carried(
        repost.digest, START + SECOND, "repost", "weibo", None, "晚报", "北京", "人民日报", "media", 6, 960, identity("weibo", "m0"),
        identity("weibo", "gone"),
    )  # fmt: skip
    assert (second.digest, second.root, second.parent, second.platform) == (mention(2).digest, None, None, "微博")
    assert await carried(store, "\0") == await carried(store, "") == []


async def test_a_mention_that_names_itself_names_nobody(store: Store) -> None:
    """Some sources give a first post its own id as root."""
    await stored(store, new_hit(1, said=mention(1, root="m1", parent="")))

    ((only,), *_) = [await carried(store)]

    assert (only.root, only.parent) == (None, None)


async def test_no_more_is_read_than_bounds_an_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a story without end the earliest mentions."""
    await stored(store, *(new_hit(n) for n in range(20)))
    monkeypatch.setattr(spread, "WHOLE", 7)

    assert [one.digest for one in await carried(store)] == [mention(n).digest for n in range(7)]


async def test_a_mention_comes_as_first_said_and_as_last_seen(store: Store) -> None:
    """Its first engagement; every later look in its turn, as it was decided, until the text goes."""
    seen = mention(1, likes=50, views=9_000, gone=True, seen_at=moment(LATER))
    await stored(store, new_hit(1), new_hit(2))
    async with store.write() as unit:
        await unit.mentions.observe([Observed(seen.digest, seen, "红十字会", 7, LATER + 1)] * 2)
        await unit.mentions.observe([Observed(seen.digest, replace(seen, seen_at=moment(LATER + 5)), "红十字会")])

    async with store.read() as unit:
        found = await unit.spread.told([seen.digest, mention(2).digest, b"x" * 16])
        turns = [turn async for portion in unit.spread.turns("红十字会", "s1") for turn in portion]
        looks = await unit.spread.looks("红十字会", turns)
    first, second = found[seen.digest], found[mention(2).digest]

    assert first.mention == mention(1)
    assert (second.mention, second.name, second.role) == (mention(2), "人民日报", "media")
    assert [(turn.digest, turn.offset, turn.look) for turn in turns] == [
        (seen.digest, 1, False), (second.digest, 2, False), (seen.digest, 7, True),
    ]  # fmt: skip
    assert turns[-1].at == LATER + 1
    assert {key: replace(mention(1), **look) for key, look in looks.items()} == {(seen.digest, 7): seen}
    assert len(found) == 2


async def test_acts_and_merges_of_a_story_are_found(store: Store) -> None:
    """What was done on it, which stories became part of it, and in what order its mentions were decided."""
    act = Act(id=0, partition=0, offset=2, subject="红十字会", story="s1", alert="a1", action="note", at=LATER)
    await stored(store, *(new_hit(n) for n in range(4)))
    async with store.write() as unit:
        await unit.stories.put([story("s1"), story("s2", merged_into="s1"), story("s3", merged_into="s2"), story("s4")], 0)
        await unit.acts.add(act)
        await unit.acts.add(replace(act, story="s4"))

    async with store.read() as unit:
        assert [(one.action, one.story) for one in await unit.acts.of_subject("红十字会")] == [("note", "s1"), ("note", "s4")]
        assert await unit.acts.of_subject("\0") == []
        assert await unit.spread.parts("s1") == ["s2", "s3"]
        turns = [turn async for portion in unit.spread.turns("红十字会", "s1") for turn in portion]
        assert [(turn.digest, turn.offset, turn.at) for turn in turns] == [(mention(n).digest, n, START + n * SECOND + 5) for n in range(4)]
        wanted = {mention(3).digest}
        assert [turn.offset async for portion in unit.spread.turns("红十字会", "s9", wanted) for turn in portion] == [3]
        assert [turn.offset async for portion in unit.spread.turns("红十字会", None) for turn in portion] == [0, 1, 2, 3]
