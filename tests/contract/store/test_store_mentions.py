"""What a store promises of mentions: each once, found again exactly, kept as long as said."""

from collections.abc import Awaitable, Callable, Collection

import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import DAY, moment
from monitor.escalation.effects import Counted, Judged, Judgement, Known, Merged, Moved, NewHit, Observed, Recalled
from monitor.mention import Mention
from monitor.settings import Retention
from monitor.store.alerts import AlertFilter
from monitor.store.mentions import Found, Said
from monitor.store.rows import Page
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, START, alert, mention, new_hit, raised, story


async def walked(page: Callable[[str | None], Awaitable[Page[Found]]]) -> list[Found]:
    """Every item of a paged list."""
    found, cursor = await page(None)
    items = list(found)
    while cursor is not None:
        found, cursor = await page(cursor)
        items += found
    return items


async def rebuilt(store: Store, residual_since: int = 0) -> list[NewHit]:
    """What a restart would read of partition 0."""
    async with store.read() as unit:
        return [hit async for hit, _ in unit.mentions.hits_of_live(0, residual_since)]


class TestMentions:
    """Mentions and hits."""

    async def test_once(self, store: Store) -> None:
        """A mention and a hit are inserted once; whatever comes with their identity later changes nothing."""
        first, second = new_hit(1), new_hit(1, said=mention(1, text="别的话"), story="s2", offset=99)
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("s2")], 0)
            await unit.mentions.add([first], 0, LATER)
            await unit.mentions.add([second], 0, LATER)
        assert await rebuilt(store) == [first]

    async def test_many_at_once(self, store: Store) -> None:
        """As many as come are kept each as it is, in one go or one by one, where they say the same and where they do not."""
        odd = mention(77, text="", platform=None, likes=None, gone=False, root="m0", seen_at=moment(LATER))
        hits = [new_hit(n) for n in range(1_100) if n != 77] + [new_hit(77, said=odd), new_hit(5, story="s2", offset=5_000)]
        async with store.write() as unit:
            await unit.stories.put([story(f"s{n}") for n in range(1_100)], 0)
            await unit.mentions.add(hits, 0, LATER)
            await unit.mentions.add([new_hit(9_000, subject="故宫")], 0, LATER)
        assert sorted(await rebuilt(store), key=lambda hit: hit.offset) == [*sorted(hits[:-1], key=lambda hit: hit.offset),
                                                                            new_hit(9_000, subject="故宫")]  # fmt: skip

    async def test_known(self, store: Store) -> None:
        """Known are the pairs asked for that have a hit, with the moment their engagement was read, what it was, and their story."""
        seen = mention(2, seen_at=moment(LATER))
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1), new_hit(2, subject="故宫", said=seen), new_hit(3)], 0, LATER)
            asked = [(subject, mention(n).digest) for n in range(1200) for subject in ("红十字会", "故宫")]
            found = await unit.mentions.known([pair for pair in asked if pair != ("红十字会", mention(3).digest)])
        assert found == {("红十字会", mention(1).digest): Known(0, "s1", 1), ("故宫", seen.digest): Known(LATER, "s1", 1)}

    async def test_words(self, store: Store) -> None:
        """What was published of a subject in a stretch, oldest first, page by page: title and text, what is quoted, and by whom."""
        odd = mention(3, text="", title="标题", quoted="原文", author=None)
        twins = [mention(50 + n, published_at=mention(5).published_at) for n in range(3)]
        hits = [new_hit(1), new_hit(2), new_hit(3, said=odd), new_hit(4, subject="故宫"), new_hit(8)]
        hits += [new_hit(9, said=one) for one in twins]
        async with store.write() as unit:
            await unit.mentions.add(hits, 0, LATER)
            after, found = (0, b""), list[Said]()
            while page := await unit.mentions.said("红十字会", START + 2_000_000, START + 8_000_000, after, 2):
                found += page
                after = (page[-1].at, page[-1].digest)
        digests = [mention(2).digest, odd.digest, *sorted(one.digest for one in twins)]
        assert [one.digest for one in found] == digests
        assert found[0].words == ("红十字会又出事了",)
        assert found[0].author == "pseudonym2"
        assert (found[1].words, found[1].quoted, found[1].author) == (("标题",), "原文", "")

    async def test_observe(self, store: Store) -> None:
        """A later look gives its engagement and `gone`, never its words; an earlier or equal one changes nothing."""
        later = mention(1, text="改了", likes=50, reposts=7, gone=True, seen_at=moment(LATER))
        stale = mention(1, likes=2, seen_at=moment(LATER))
        async with store.write() as unit:
            await unit.stories.put([story()], 0)
            await unit.mentions.add([new_hit(1)], 0, LATER)
            await unit.mentions.observe([Observed(later.digest, later, "红十字会"), Observed(stale.digest, stale, "红十字会")])
        expected = replace(mention(1), likes=50, reposts=7, gone=True, seen_at=moment(LATER))
        assert [hit.scored.mention for hit in await rebuilt(store)] == [expected]
        async with store.read() as unit:
            assert [found.mention for found in (await unit.mentions.of_story("s1", limit=5)).items] == [expected]
            assert await unit.mentions.known([("红十字会", later.digest)]) == {("红十字会", later.digest): Known(LATER, "s1", 57)}

    async def test_observed_for_one_subject(self, store: Store) -> None:
        """A look decided for one subject is not yet decided for the others: their restart sees what they decided with."""
        later = mention(1, likes=50, seen_at=moment(LATER))
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("s2", subject="故宫")], 0)
            await unit.mentions.add([new_hit(1), new_hit(1, subject="故宫", story="s2", offset=2)], 0, LATER)
            await unit.mentions.observe([Observed(later.digest, later, "红十字会")])
            pairs = [("红十字会", later.digest), ("故宫", later.digest)]
            assert await unit.mentions.known(pairs) == {pairs[0]: Known(LATER, "s1", 50), pairs[1]: Known(0, "s2", 1)}
        assert [(hit.scored.score.subject, hit.scored.mention.likes) for hit in await rebuilt(store)] == [("红十字会", 50), ("故宫", 1)]
        async with store.read() as unit:
            assert [found.mention.likes for found in (await unit.mentions.search(limit=5)).items] == [50]

    async def test_later_look_with_new_subject(self, store: Store) -> None:
        """A later look that comes first with a subject new to the mention is the latest all the same."""
        later = mention(1, likes=50, seen_at=moment(LATER))
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1)], 0, LATER)
            await unit.mentions.add([new_hit(1, subject="故宫", said=later)], 0, LATER)
            assert [found.mention.likes for found in (await unit.mentions.search(limit=5)).items] == [50]

    @pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1, 2, 2), (1, 3)])
    async def test_ranks(self, store: Store, order: tuple[int, ...]) -> None:
        """A title of a hot list has the rank and heat of its newest look, and the best rank of all, in whatever order and how often."""
        told = [(9, 5.0), (2, None), (30, 7), (4, 1.5)]
        looks = [
            mention(1, kind="hotlist", rank=rank, heat=heat, likes=None, text="改了", seen_at=moment(LATER + n))
            for n, (rank, heat) in enumerate(told)
        ]
        said = replace(looks[0], text="云杉上榜", seen_at=moment(LATER - 1), rank=20, heat=3)
        async with store.write() as unit:
            await unit.stories.put([story()], 0)
            await unit.mentions.add([new_hit(1, said=said), new_hit(2)], 0, LATER)
            assert (await unit.mentions.of_story("s1", limit=5)).items[1].mention == replace(said, best_rank=20)
            for n in order:
                await unit.mentions.observe([Observed(looks[n].digest, looks[n], "红十字会")])
            await unit.mentions.observe([Observed(one.digest, one, "红十字会") for one in (looks[n] for n in order)])
        expected = replace(said, rank=4, heat=1.5, best_rank=2, seen_at=looks[3].seen_at)
        async with store.read() as unit:
            assert [found.mention for found in (await unit.mentions.of_story("s1", limit=5)).items] == [mention(2), expected]
        assert [hit.scored.mention for hit in await rebuilt(store)] == [expected, mention(2)]

    async def test_ranks_with_new_subject(self, store: Store) -> None:
        """A look that comes first with a subject new to the title is ranked all the same; a look at what is on no list ranks nothing."""
        first, later = (mention(1, kind="hotlist", rank=rank, seen_at=moment(LATER + n)) for n, rank in enumerate((3, 8)))
        plain = mention(2, seen_at=moment(LATER))
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1, said=first), new_hit(2)], 0, LATER)
            await unit.mentions.add([new_hit(1, subject="故宫", said=later)], 0, LATER)
            await unit.mentions.observe([Observed(plain.digest, replace(plain, kind="hotlist", rank=1), "红十字会")])
            found = {one.mention.id: one.mention for one in (await unit.mentions.search(limit=5)).items}
        assert found == {"m1": replace(later, best_rank=3), "m2": plain}

    async def test_move(self, store: Store) -> None:
        """A hit moved to another story is found there and only there, the mention's other subjects stay where they are."""
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1, story="r1"), new_hit(1, subject="故宫", story="r2")], 0, LATER)
            await unit.mentions.move([Moved("红十字会", mention(1).digest, "s9")])
            sizes = [len((await unit.mentions.of_story(key, limit=5)).items) for key in ("r1", "s9", "r2")]
        assert sizes == [0, 1, 1]

    async def test_taken_out(self, store: Store) -> None:
        """What a person took out of its story is in none, stays known as such, and is not decided anew."""
        pair = ("红十字会", mention(1).digest)
        async with store.write() as unit:
            await unit.stories.put([story("s1")], 0)
            await unit.mentions.add([new_hit(1), new_hit(2)], 0, LATER)
            await unit.mentions.move([Moved(*pair, "", out=True)])
            await unit.mentions.add([new_hit(1, story="s7")], 0, LATER)
            assert (await unit.mentions.known([pair]))[pair] == Known(0, "", 1, out=True)
            (found,) = (await unit.mentions.search(q=None, limit=5)).items[1:]
        assert [hit.digest for hit in await rebuilt(store)] == [mention(2).digest]
        assert [(score.story, score.out) for score in found.scores] == [("", True)]

    async def test_put_back(self, store: Store) -> None:
        """What was taken out is found with its words, and put back it is grouped once more where that was done."""
        pair = ("红十字会", mention(1).digest)
        async with store.write() as unit:
            await unit.stories.put([story("s1")], 0)
            await unit.mentions.add([new_hit(n) for n in range(1, 4)], 0, LATER)
            await unit.mentions.move([Moved(*pair, "", out=True)])
            out = await unit.mentions.taken_out(pair[0], [pair[1], mention(2).digest])
            assert [(hit.digest, hit.scored.mention.text) for hit in out] == [(pair[1], mention(1).text)]
            await unit.mentions.move([Moved(*pair, "s1", place=9)])
            assert not (await unit.mentions.known([pair]))[pair].out
            assert await unit.mentions.taken_out(*pair[:1], [pair[1]]) == []
        assert [hit.digest for hit in await rebuilt(store)] == [mention(n).digest for n in (2, 3, 1)]

    async def test_merged(self, store: Store) -> None:
        """All hits of a merged story are in the one it became part of, and one that counted twice counts once."""
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("s2")], 0)
            await unit.mentions.add([new_hit(1), new_hit(2, story="s2"), new_hit(3, story="s3")], 0, LATER)
            await unit.mentions.count([Counted("红十字会", mention(2).digest, counted=False)])
            await unit.mentions.merge([Merged("红十字会", "s3", "s2"), Merged("红十字会", "s2", "s1")])
            await unit.stories.put([story("s2", live=False, merged_into="s1")], 0)
            assert (await unit.stories.get("s2")) == story("s2", live=False, merged_into="s1")
        assert [(hit.story, hit.counted) for hit in await rebuilt(store)] == [("s1", True), ("s1", False), ("s1", True)]

    async def test_recalled(self, store: Store) -> None:
        """A story grouped once more is rebuilt where that was, after what came before it; read alone it is in the order of the log."""
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("s2")], 0)
            await unit.mentions.add([new_hit(n, story="s1" if n % 2 else "s2") for n in range(6)], 0, LATER)
            await unit.mentions.regroup([Recalled("s1", 4)])
            own = [hit.offset async for hit in unit.mentions.hits_of("s1")]
        assert [hit.offset for hit in await rebuilt(store)] == [0, 2, 1, 3, 4, 5]
        assert own == [1, 3, 5]

    async def test_judged(self, store: Store) -> None:
        """A person's word stands beside the model's; a rebuilding takes it, and a later word leaves what it does not speak of."""
        pair = ("红十字会", mention(1).digest)
        async with store.write() as unit:
            await unit.stories.put([story("s1")], 0)
            await unit.mentions.add([new_hit(1)], 0, LATER)
            await unit.mentions.judge([Judged(*pair, Judgement(label="positive", actor="张三", at=1))])
            await unit.mentions.judge([Judged(*pair, Judgement(emotion="support", actor="李四", at=2)), Judged("没有", b"x", Judgement())])
            (found,) = (await unit.mentions.search(limit=5)).items
        (hit,) = await rebuilt(store)
        assert (hit.scored.score.sentiment.label, hit.scored.emotion.label, hit.scored.emotion.support) == ("positive", "support", 1.0)
        assert found.scores[0].score.sentiment.label == "negative"
        assert found.scores[0].judged == Judgement(label="positive", emotion="support", actor="李四", at=2)

    async def test_rebuild(self, store: Store) -> None:
        """A restart reads the hits of live stories of its partition in the order of the log, each as it was decided."""
        hits = [new_hit(number, counted=number % 3 > 0) for number in range(900)]
        away = [new_hit(1000, story="dead"), new_hit(1001, story="elsewhere"), new_hit(1002, story="")]
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("dead", live=False)], 0)
            await unit.stories.put([story("elsewhere")], 1)
            for start in (600, 0, 300):
                await unit.mentions.add(hits[start : start + 300], 0, LATER)
            await unit.mentions.add(away, 0, LATER)
        assert await rebuilt(store) == hits

    async def test_rebuild_of_residual(self, store: Store) -> None:
        """Of a residual story only what was said lately is read."""
        hits = [new_hit(number, story="r1") for number in range(10)]
        async with store.write() as unit:
            await unit.stories.put([story("r1", residual=True)], 0)
            await unit.mentions.add(hits, 0, LATER)
        assert await rebuilt(store, hits[7].scored.at) == hits[7:]

    async def test_paging(self, store: Store) -> None:
        """A story's mentions come newest published first, each once, however small the pages and equal the times."""
        same = mention(3).published_at
        hits = [new_hit(n, said=mention(n, published_at=same) if 3 < n < 9 else None) for n in range(12)]
        async with store.write() as unit:
            await unit.mentions.add([*hits, new_hit(50, story="s2")], 0, LATER)
            for limit in (1, 2, 5, 12, 50):
                found = await walked(lambda cursor, limit=limit: unit.mentions.of_story("s1", limit=limit, cursor=cursor))  # type: ignore[misc]
                assert sorted(item.mention.id for item in found) == sorted(hit.scored.mention.id for hit in hits)
                times = [item.mention.published_at for item in found]
                assert times == sorted(times, reverse=True)

    async def test_scores_by_subject(self, store: Store) -> None:
        """A mention of two subjects is one item with both scores, its readable name and role."""
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1), new_hit(1, subject="故宫", story="s2")], 0, LATER)
            page = await unit.mentions.search(limit=10)
        assert page.next_cursor is None
        [found] = page.items
        assert (found.mention, found.name, found.role) == (mention(1), "人民日报", "media")
        assert [(score.subject, score.story) for score in found.scores] == [("故宫", "s2"), ("红十字会", "s1")]
        assert found.scores[1].score == new_hit(1).scored.score

    async def test_search(self, store: Store) -> None:
        """Search looks at words only, within its times, for one subject or all."""
        said = [
            mention(1, text='他说 "50%_off" 了'), mention(2, text="", title="故宫闭馆"), mention(3, text="x", quoted="闭馆通知"),
            mention(4, text="x", url="https://example.cn/闭馆"), mention(5, text="闭馆"),
        ]  # fmt: skip
        hits = [new_hit(n, said=one, subject="故宫" if n == 5 else "红十字会") for n, one in enumerate(said, 1)]
        async with store.write() as unit:
            await unit.mentions.add(hits, 0, LATER)

            async def ids(**asked: object) -> list[str]:
                found = await walked(lambda cursor: unit.mentions.search(limit=1, cursor=cursor, **asked))  # type: ignore[arg-type]
                return [item.mention.id for item in found]

            assert await ids(q="闭馆") == ["m5", "m3", "m2"]
            assert await ids(q="闭馆", subject="红十字会") == ["m3", "m2"]
            assert await ids(q='"50%_off"') == ["m1"]
            assert await ids(q="weibo") == []
            assert await ids(since=START + 2_000_000, until=START + 4_000_000) == ["m3", "m2"]
            assert await ids(since=10**30) == []
            assert await ids(subject="没有") == []

    @pytest.mark.parametrize("wild", ["\ud800", "a\0b", "'; DROP TABLE mention; --", "\u202e" * 9, "%", "字" * 100_000])
    async def test_hostile_words(self, store: Store, wild: str) -> None:
        """Whatever is looked for, what is not there is simply not found."""
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1)], 0, LATER)
            await unit.alerts.record([raised(alert())])
        async with store.read() as unit:
            assert await unit.mentions.of_story(wild, limit=5) == ([], None)
            assert await unit.mentions.search(q=wild, limit=5) == ([], None)
            assert await unit.mentions.search(subject=wild, limit=5) == ([], None)
            assert await unit.alerts.get(wild) is None
            assert await unit.alerts.transitions(wild) == []
            assert await unit.alerts.list(AlertFilter(subjects=(wild,))) == ([], None)
            assert await unit.stories.get(wild) is None
            assert await unit.stories.list(wild, 5) == ([], None)
            assert await unit.meta.answered(wild, wild, wild, 0) is None

    async def test_hostile_text_is_kept(self, store: Store) -> None:
        """Bidi signs, controls and markup in a text come back as they were said."""
        wild = "\u202e<script>\x07\x1b[31m' OR 1=1 --\U0001f600"
        said: Mention = mention(1, text=wild)
        async with store.write() as unit:
            await unit.mentions.add([new_hit(1, said=said)], 0, LATER)
            assert [found.mention for found in (await unit.mentions.search(q=wild, limit=5)).items] == [said]


class TestRetention:
    """What is removed, and what is kept longer."""

    SHORT = Retention(text=10 * DAY, evidence=100 * DAY, identity=40 * DAY)

    async def _expired(self, store: Store, now: int, limit: int = 1000, watched: Collection[str] | None = None) -> int:
        total = 0
        async with store.write() as unit:
            while seen := await unit.mentions.expire(now, self.SHORT, limit, watched=watched):
                assert seen <= 2 * limit
                total += seen
        return total

    async def _left(self, store: Store) -> set[str]:
        async with store.read() as unit:
            return {found.mention.id for found in (await unit.mentions.search(limit=200)).items}

    async def test_text_and_identity(self, store: Store) -> None:
        """Texts go after theirs, identities after theirs: in between a late second arrival is still known."""
        pairs = [("红十字会", mention(n).digest) for n in range(7)]
        async with store.write() as unit:
            await unit.stories.put([story(live=False)], 0)
            await unit.mentions.add([new_hit(n) for n in range(7)], 0, START)
        assert await self._expired(store, START + 10 * DAY) == 0
        assert await self._expired(store, START + 10 * DAY + 1, limit=2) == 7
        assert await self._left(store) == set()
        async with store.read() as unit:
            assert set(await unit.mentions.known(pairs)) == set(pairs)
        assert await self._expired(store, START + 40 * DAY + 1, limit=3) == 7
        async with store.read() as unit:
            assert await unit.mentions.known(pairs) == {}

    async def test_identity_of_evidence(self, store: Store) -> None:
        """An identity stays as long as its mention, past its own time."""
        async with store.write() as unit:
            await unit.stories.put([story("high", level=Level.RED, live=False)], 0)
            await unit.mentions.add([new_hit(1, story="high")], 0, START)
        await self._expired(store, START + 41 * DAY)
        async with store.read() as unit:
            assert len((await unit.mentions.of_story("high", limit=5)).items) == 1
        await self._expired(store, START + 141 * DAY)
        async with store.read() as unit:
            assert await unit.mentions.known([("红十字会", mention(1).digest)]) == {}

    async def test_evidence(self, store: Store) -> None:
        """Mentions of a story that once reached orange are kept as evidence, also when it has fallen since."""
        async with store.write() as unit:
            await unit.stories.put([story("high", level=Level.ORANGE, live=False), story("low", level=Level.YELLOW, live=False)], 0)
            await unit.stories.put([story("high", level=Level.NONE, live=False)], 0)
            await unit.mentions.add([new_hit(1, story="high"), new_hit(2, story="low")], 0, START)
        await self._expired(store, START + 50 * DAY)
        assert await self._left(store) == {"m1"}
        await self._expired(store, START + 100 * DAY + 1)
        assert await self._left(store) == set()

    async def test_evidence_by_hand(self, store: Store) -> None:
        """A level set by hand makes evidence as the policy's does."""
        high = alert(level=Level.ORANGE)
        async with store.write() as unit:
            await unit.stories.put([story(high.story, live=False)], 0)
            await unit.mentions.add([new_hit(1, story=high.story)], 0, START)
            await unit.alerts.record([raised(high)])
        await self._expired(store, START + 50 * DAY)
        assert await self._left(store) == {"m1"}

    async def test_live(self, store: Store) -> None:
        """What a live story decides from stays until the desk lets go of it; residual ones hold nothing back."""
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("r1", residual=True)], 0)
            await unit.mentions.add([new_hit(1), new_hit(2, story="r1")], 0, START)
        await self._expired(store, START + 200 * DAY)
        assert await self._left(store) == {"m1"}
        async with store.write() as unit:
            await unit.stories.put([story("s1", live=False)], 0)
        await self._expired(store, START + 201 * DAY + 1)
        assert await self._left(store) == set()

    async def test_live_of_a_subject_no_longer_watched(self, store: Store) -> None:
        """Nobody lets go of its stories any more: they hold no text back, but what reached orange stays evidence."""
        async with store.write() as unit:
            await unit.stories.put([story("s1"), story("high", level=Level.ORANGE)], 0)
            await unit.mentions.add([new_hit(1), new_hit(2, story="high")], 0, START)
        await self._expired(store, START + 10 * DAY + 1, watched=["红十字会"])
        assert await self._left(store) == {"m1", "m2"}
        await self._expired(store, START + 12 * DAY, watched=["别的"])
        assert await self._left(store) == {"m2"}
        await self._expired(store, START + 101 * DAY, watched=[])
        assert await self._left(store) == set()
