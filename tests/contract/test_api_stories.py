"""Stories over HTTP: where one began, how it spread, its tree page by page."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from monitor.alert import alert_id, residual_id
from monitor.clock import MINUTE, moment
from monitor.escalation.effects import AlertChange, NewHit
from monitor.mention import Mention
from services.api import kept
from services.api.kept import SMALL
from services.api.schemas import AlertDetail
from services.api.story_schemas import StoryDetail, TreePage
from services.tracing import trace
from tests.unit.api.making import NOW, SUBJECT, World, hit_of, mention_of, opened, problem_of, raise_alerts, recount, story_of, world

PSEUDONYM = "p" * 32
STORY = story_of(1)


@pytest_asyncio.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An API anybody on this machine may use."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


async def told(here: World, *mentions: Mention) -> None:
    """Put these into the story, as the escalator would; nobody's name may be read but the press's."""
    hits = [hit_of(one, STORY, n) for n, one in enumerate(mentions)]
    named = [one if one.scored.mention.media else _nameless(one) for one in hits]
    async with here.store.write() as unit:
        await unit.mentions.add(named, 0, NOW)


def _nameless(hit: NewHit) -> NewHit:
    return replace(hit, scored=replace(hit.scored, name=None))


def said(number: int, minute: int, **fields: Any) -> Mention:
    """The numbered mention, a day ago."""
    return mention_of(number, published_at=moment(NOW - 1440 * MINUTE + minute * MINUTE), **fields)


async def cascade(here: World) -> None:
    """A post, its reposts two deep, a report of the press, and a repost of what was never collected."""
    await told(
        here, said(1, 0, platform="微博", region="北京"), said(2, 5, kind="repost", root="1", parent="1", platform="微博"),
        said(3, 6, kind="repost", root="1", parent="2", platform="微博", text="转发微博", quoted="红十字 第1条"),
        said(4, 9, platform="新闻", outlet="晚报", media=True, likes=70, url="https://n.example/4"),
        said(5, 12, kind="repost", root="99", quoted="没有采集到的那一条", text="转"),
    )  # fmt: skip


async def test_a_story_has_the_level_of_its_open_alert(here: World) -> None:
    """Set by hand it is told at once, in the list too, beside the policy's own; once the alert is over, the policy's is left."""
    alert = (await raise_alerts(here.store, 1))[0]

    async def levels() -> tuple[str, str, str]:
        (one,) = (await here.client.get("/v1/stories")).json()["items"]
        detail = StoryDetail.model_validate((await here.client.get(f"/v1/stories/{STORY}")).json())
        assert (detail.level, detail.level_zh, detail.policy_level) == (one["level"], one["level_zh"], one["policy_level"])
        return one["level"], one["policy_level"], one["alert"]

    before = await levels()
    body = {"level": "red", "note": "要紧", "by": "小王"}
    assert (await here.client.post(f"/v1/alerts/{alert.id}/level", json=body)).status_code == 200
    by_hand = await levels()
    assert (await here.client.post(f"/v1/alerts/{alert.id}/resolve", json={"by": "小王"})).status_code == 200

    assert before[0] != "red"
    assert by_hand == ("red", before[1], alert.id)
    assert await levels() == (before[1], before[1], alert.id)


async def test_a_story_tells_its_origin_and_spread(here: World) -> None:
    """The earliest mention with how sure that is, the platforms in order, who carried it, and the uppermost of the tree."""
    await raise_alerts(here.store, 1)
    await cascade(here)

    answer = await here.client.get(f"/v1/stories/{STORY}")

    found = StoryDetail.model_validate(answer.json())
    assert found.origin is not None
    assert (found.origin.id, found.origin.sure, [one.code for one in found.origin.doubts]) == ("1", "medium", ["root_missing"])
    assert [(one.name, one.mentions) for one in found.spread.platforms] == [("微博", 3), ("新闻", 1), ("weibo", 1)]
    assert [one.name for one in found.spread.media] == []  # the role, not the name, makes it one of the media
    assert [(one.id, one.children) for one in found.spread.reposted] == [("1", 1), ("2", 1)]
    assert [(one.id, one.reach, one.url) for one in found.spread.farthest] == [("4", 700, "https://n.example/4")]
    assert [(one.id, one.missing, one.descendants) for one in found.tree.items] == [("1", False, 2), ("99", True, 1), ("4", False, 0)]
    assert found.tree.items[1].text == "没有采集到的那一条"
    assert PSEUDONYM not in answer.text


async def test_the_tree_is_walked_page_by_page(here: World) -> None:
    """Every child of a node comes once, the biggest branch first; a cursor of another node is refused."""
    await raise_alerts(here.store, 1)
    await told(here, said(1, 0), *(said(n, n, root="1", parent="1", kind="repost") for n in range(2, 9)), said(9, 9, parent="5"))
    (root,) = (await here.client.get(f"/v1/stories/{STORY}/tree")).json()["items"]
    path, items = f"/v1/stories/{STORY}/tree?under={root['node']}&limit=3", list[str]()
    cursors: list[str | None] = [""]
    while (cursor := cursors[-1]) is not None:
        page = TreePage.model_validate((await here.client.get(f"{path}&cursor={cursor}" if cursor else path)).json())
        items += [one.id for one in page.items]
        cursors.append(page.next_cursor)

    assert items == ["5", "2", "3", "4", "6", "7", "8"]
    problem_of(await here.client.get(f"/v1/stories/{STORY}/tree?cursor={cursors[1]}"), 404)
    problem_of(await here.client.get(f"{path}&cursor=x"), 422)
    problem_of(await here.client.get(f"/v1/stories/{STORY}/tree?under={'0' * 32}"), 404)
    problem_of(await here.client.get(f"/v1/stories/{STORY}/tree?under=x"), 422)
    problem_of(await here.client.get("/v1/stories/none/tree"), 404)


async def test_an_alert_has_the_origin_and_spread_of_its_story(here: World) -> None:
    """The figures are those of its counters, the rest that of the whole story; what was answered under an ETag is again."""
    (alert,) = await raise_alerts(here.store, 1)
    await cascade(here)
    path = f"/v1/alerts/{alert.id}"

    answer = await here.client.get(path)
    await told(here, said(6, 20, platform="抖音"))
    again = await here.client.get(path)
    await recount(here.store, 1)
    counted = AlertDetail.model_validate((await here.client.get(path)).json())

    found = AlertDetail.model_validate(answer.json())
    assert found.origin is not None
    assert found.spread is not None
    assert (found.origin.id, found.spread.mentions, found.spread.counted) == ("1", alert.counters.mentions, 5)
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert counted.spread is not None
    assert counted.spread.counted == 6
    assert PSEUDONYM not in answer.text


async def test_a_story_without_texts_has_no_origin(here: World) -> None:
    """Past its retention a story is still answered."""
    (alert,) = await raise_alerts(here.store, 1)

    story, whole = await here.client.get(f"/v1/stories/{STORY}"), await here.client.get(f"/v1/alerts/{alert.id}")

    assert (story.json()["origin"], story.json()["tree"]) == (None, {"items": [], "next_cursor": None})
    assert (whole.json()["origin"], whole.json()["spread"]["series"]) == (None, None)


async def test_a_large_story_is_not_read_for_every_answer(here: World) -> None:
    """Its trace is kept: what comes meanwhile is in it after a minute, and the answer does not wait for that."""
    await raise_alerts(here.store, 1)
    await told(here, *(said(n, 1) for n in range(SMALL + 1)))
    traces, clock = here.api.traces, -1_000.0
    async with here.store.read() as unit:
        first = await traces.of(here.store, unit, kept.whole(STORY), 1)
        assert await traces.of(here.store, unit, kept.whole(STORY), 2) is first
    await told(here, said(90_000, 2))
    entry = traces._entries[STORY]
    entry.made = clock
    async with here.store.read() as unit:
        assert await traces.of(here.store, unit, kept.whole(STORY), 3) is first
        assert entry.task is not None
        await entry.task
        assert await traces.of(here.store, unit, kept.whole(STORY), 2) is first
        newer = await traces.of(here.store, unit, kept.whole(STORY), 4)
        assert newer.tree.mentions == first.tree.mentions + 1
        assert (await trace(unit, STORY)).spread == newer.spread
    await traces.close()


async def test_a_very_large_story_is_traced_before_anybody_asks(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each change of its alert, and no sooner than it may be; who asks has that trace, and two at once read it once."""
    monkeypatch.setattr(kept, "LARGE", 3)
    (alert,) = await raise_alerts(here.store, 1)
    await told(here, *(said(n, 1) for n in range(SMALL + 1)))
    traces = here.api.traces

    await traces.ahead(here.store)
    entry = traces._entries[alert.story]
    async with here.store.read() as one, here.store.read() as two:
        assert await traces.of(here.store, one, kept.whole(STORY), 1) is entry.found
        both = kept.Traces()
        first, second = await asyncio.gather(*(both.of(here.store, unit, kept.whole(STORY), 1) for unit in (one, two)))
        assert first is second
        assert first.spread == entry.found.spread

    await told(here, said(90_000, 2))
    await recount(here.store, 1)
    assert await renewed(traces, here) is None, "too soon"
    entry.made = -1_000.0
    newer = await renewed(traces, here)
    assert newer is not None
    assert newer.found.tree.mentions == entry.found.tree.mentions + 1
    newer.made = -1_000.0
    assert await renewed(traces, here) is newer, "nothing has changed"
    await asyncio.gather(traces.close(), both.close())


async def test_each_episode_of_scattered_mentions_has_its_kept_trace(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of what was said in its span: a large one is traced before anybody asks, and is not read for every answer."""
    monkeypatch.setattr(kept, "LARGE", 3)
    monkeypatch.setattr(kept, "SMALL", 2)
    residual, change = residual_id(SUBJECT), opened(1)
    alert = replace(change.alert, id=alert_id(residual, 1), story=residual)

    async def recorded() -> None:
        async with here.store.write() as unit:
            await unit.alerts.record([AlertChange(alert, None)])

    async def counted() -> int:
        found = AlertDetail.model_validate((await here.client.get(f"/v1/alerts/{alert.id}")).json())
        assert (found.origin, found.spread is None) == (None, False)
        return found.spread.counted if found.spread else 0

    await recorded()
    minutes = (-1440, *range(3))  # the first was said before the episode began
    async with here.store.write() as unit:
        said_then = [mention_of(n, published_at=moment(alert.counters.first_at + at * MINUTE)) for n, at in enumerate(minutes)]
        await unit.mentions.add([hit_of(one, residual, n) for n, one in enumerate(said_then)], 0, NOW)
    await here.api.traces.ahead(here.store)
    assert list(here.api.traces._entries) == [alert.id]

    assert await counted() == 3
    async with here.store.write() as unit:
        later = mention_of(9, published_at=moment(alert.counters.last_at))
        await unit.mentions.add([hit_of(later, residual, 9)], 0, NOW)
    await recorded()
    assert await counted() == 3, "kept"
    here.api.traces._entries[alert.id].made = -1_000.0
    await recorded()
    assert await counted() == 3, "renewed beside the answer"
    renewing = here.api.traces._entries[alert.id].task
    assert renewing is not None
    await renewing
    await recorded()
    assert await counted() == 4


async def renewed(traces: kept.Traces, here: World) -> kept._Entry | None:
    """The newer trace of the story that a look ahead leaves."""
    await traces.ahead(here.store)
    entry = traces._entries[STORY]
    if entry.task:
        await entry.task
    return entry.next


async def test_stories_are_filtered(here: World) -> None:
    """By whether they live, and by whether they are the residual one."""
    await raise_alerts(here.store, 1)
    alert = opened(2).alert
    async with here.store.write() as unit:
        (row,) = (await unit.stories.list(None, 10)).items
        await unit.stories.put([replace(row, id=alert.story, live=False, residual=True)], 0)

    async def ids(query: str) -> list[str]:
        return [one["id"] for one in (await here.client.get(f"/v1/stories?{query}")).json()["items"]]

    assert await ids("live=true") == await ids("residual=false") == [STORY]
    assert await ids("live=false&residual=true") == [alert.story]
    assert sorted(await ids("")) == sorted([STORY, alert.story])
    problem_of(await here.client.get("/v1/stories?live=x"), 422)


async def test_a_merged_story_points_on(here: World) -> None:
    """It is answered with what it became part of in the end, whose origin, tree and mentions are told."""
    await raise_alerts(here.store, 1)
    await cascade(here)
    first, second = opened(2).alert.story, opened(3).alert.story
    async with here.store.write() as unit:
        (row,) = (await unit.stories.list(None, 10)).items
        await unit.stories.put([replace(row, id=first, merged_into=second), replace(row, id=second, merged_into=STORY)], 0)

    answer = await here.client.get(f"/v1/stories/{first}")
    tree, mentions = [(await here.client.get(f"/v1/stories/{first}/{what}")).json()["items"] for what in ("tree", "mentions")]

    found = StoryDetail.model_validate(answer.json())
    assert found.origin is not None
    assert (found.id, found.merged_into, found.origin.id) == (first, STORY, "1")
    assert (len(tree), len(mentions)) == (3, 5)
    assert (await here.client.get(f"/v1/stories/{STORY}")).json()["merged_into"] is None


async def test_what_is_kept_is_bounded(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kept trees have no more room, those asked for longest ago go; the last one asked for stays."""
    await raise_alerts(here.store, 1)
    await cascade(here)
    monkeypatch.setattr(kept, "_ROOM", 250)
    async with here.store.read() as unit:
        for number in range(5):
            await here.api.traces.of(here.store, unit, kept.whole(story_of(number)), 1)

    assert list(here.api.traces._entries) == [story_of(3), story_of(4)]
