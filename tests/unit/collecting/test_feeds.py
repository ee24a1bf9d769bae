"""What feeds, interfaces and hot lists become: contract 1's rules, whatever their authors got wrong."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from monitor.clock import HOUR, MINUTE, SystemClock, moment
from monitor.collecting.base import Batch, Collector
from monitor.collecting.charset import decoded, file_encoding
from monitor.collecting.fetching import Fetcher
from monitor.collecting.hotlist import Hotlist
from monitor.collecting.json_api import JsonApi
from monitor.collecting.moments import moment_of
from monitor.collecting.opening import open_collector
from monitor.collecting.plain_text import plain_text
from monitor.errors import SourceFailed
from monitor.mention import Mention
from monitor.settings import Secret, Source, SourceType
from tests.unit.collecting.serving import START, Request, Server, gives, reply, rss, serving

ZONE = ZoneInfo("Asia/Shanghai")
NOW = SystemClock().now()
AT = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


@pytest.fixture
def work() -> Iterator[Executor]:
    """Where answers are taken apart."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def once(source: Source, work: Executor, cursor: bytes = b"", now: int = NOW) -> Batch:
    """One look at a source."""
    collector = open_collector(source, ZONE, "yuqing/test", work)
    assert collector is not None
    try:
        return await collector.collect(cursor, now)
    finally:
        await collector.close()


async def of_feed(body: str | bytes, work: Executor, **headers: str) -> Batch:
    """What a feed brings."""
    async with serving(feed=gives(body if isinstance(body, bytes) else body.encode(), **headers)) as server:
        return await once(Source(name="晚报", type="rss", url=Secret(f"{server.base}/feed")), work)


async def test_an_rss_item_becomes_a_mention(work: Executor) -> None:
    """Id, title, content before summary, published, author, outlet, an absolute link; markup becomes words."""
    body = """<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//x//y" "http://x/rss.dtd"><rss><channel><title>某 晚报</title>
    <item><guid isPermaLink="false">a-1</guid><title><![CDATA[云杉 <b>集团</b> &amp; 白塔]]></title><link>/n/1?utm_source=x</link>
    <description>摘要</description><content:encoded><![CDATA[<p>第一段&nbsp;</p><script>x<y</script><p>第二<br/>段</p>]]></content:encoded>
    <pubDate>Sun, 22 Nov 2026 08:30:00 +0800</pubDate><author>a@b.cn (张三)</author><category>x</category></item></channel></rss>"""
    (one,) = (await of_feed(body, work)).mentions
    assert (one.source, one.id, one.title, one.text) == ("晚报", "a-1", "云杉 集团 & 白塔", "第一段\n第二\n段")
    assert (one.published_at, one.author, one.outlet, one.kind) == (AT, "张三", "某 晚报", "post")
    assert str(one.url).startswith("http://127.0.0.1:")
    assert str(one.url).endswith("/n/1?utm_source=x")


async def test_atom_and_rdf_are_read_too(work: Executor) -> None:
    """Nested authors, xhtml content, prefixes of one's own, items beside the channel."""
    atom = """<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>源</a:title><a:entry><a:id>tag:1</a:id>
    <a:title type="html">&lt;i&gt;题&lt;/i&gt;</a:title><a:link rel="self" href="http://x.cn/self"/><a:link href="http://x.cn/1"/>
    <a:author><a:name>李四</a:name><a:email>l@x</a:email></a:author><a:source><a:title>别处</a:title></a:source>
    <a:content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>一</p><p>二</p></div></a:content>
    <a:updated>2026-11-23T00:30:00Z</a:updated><a:published>2026-11-22T00:30:00Z</a:published></a:entry></a:feed>"""
    rdf = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel><title>源</title>
    </channel><item rdf:about="http://x.cn/2"><title>题</title><link>HTTP://X.cn/2#top</link><dc:date>2026-11-22T08:30:00+08:00</dc:date>
    <dc:creator>王五</dc:creator></item></rdf:RDF>"""
    (one,) = (await of_feed(atom, work)).mentions
    (two,) = (await of_feed(rdf, work)).mentions
    assert (one.id, one.title, one.text, one.author, one.url) == ("tag:1", "题", "一\n二", "李四", "http://x.cn/1")
    assert (one.published_at, two.published_at, one.outlet, two.outlet) == (AT, AT, "源", "源")
    assert (two.id, two.author) == ("http://x.cn/2", "王五")


async def test_an_item_without_date_id_or_link_is_still_known_again(work: Executor) -> None:
    """First seen is when it was published, and its words are its identity."""
    body = "<rss><channel><item><title>题</title></item><item><description/></item></channel></rss>"
    first, second = await of_feed(body, work), await of_feed(body, work)
    assert [one.id for one in first.mentions] == [one.id for one in second.mentions]
    assert first.mentions[0].published_at == moment(NOW)
    assert len(first.bad) == 1
    assert first.bad[0].key == second.bad[0].key


async def test_a_feed_in_any_charset_or_with_mistakes_is_read(work: Executor) -> None:
    """GBK said, unsaid, or said wrong; entities of HTML, bare ampersands, a cut-off end."""
    for body in (rss("x", encoding="gbk"), rss("x", encoding="gbk", prolog="<?xml version='1.0' encoding='utf-8'?>"),
                 rss("x", prolog="<?xml version='1.0' encoding='gbk'?>"), rss("x").replace(b"</title>", b" & &hellip;</title>"),
                 rss("x")[:-9], b"\xef\xbb\xbf" + rss("x"), b"\n " + rss("x"), rss("x", encoding="utf-16")):  # fmt: skip
        batch = await of_feed(body, work)
        assert [one.text for one in batch.mentions] == [f"云杉集团的消息 {n}" for n in range(3)]
    assert (await of_feed(rss("x", encoding="gbk"), work, content_type="text/xml; charset=gb2312")).odd == ()


async def looks(collector: Collector, server: Server, *bodies: object, start: int = NOW) -> list[Batch]:
    """What each of some answers brings, a minute apart, the cursor carried on."""
    found, cursor = list[Batch](), b""
    for minute, body in enumerate(bodies):
        server.answers["/x"] = gives(body if isinstance(body, bytes) else json.dumps(body).encode())
        found.append(await collector.collect(cursor, start + minute * MINUTE))
        cursor = found[-1].cursor
    return found


async def test_a_feed_that_brings_nothing_new_brings_nothing(work: Executor) -> None:
    """Without dates, with dates of now, or of tomorrow: an item that is known does not come again, in no process."""
    undated = b"<rss><channel><item><guid>1</guid><title>a</title></item>%s</channel></rss>"
    second = b"<item><guid>2</guid><title>b</title></item>"
    async with serving() as server:
        made = [open_collector(Source(name="x", type="rss", url=Secret(f"{server.base}/x")), ZONE, "t", work) for _ in range(2)]
        assert made[0] is not None
        assert made[1] is not None
        first = await looks(made[0], server, undated % b"", undated % b"", undated % second, b"<rss><channel/></rss>", undated % second)
        moving = await looks(made[1], server, rss("x", 2), rss("x", 2, at=START + timedelta(hours=20)), rss("x", 3))
        for one in made:
            await one.close()  # type: ignore[union-attr]
    assert [[one.id for one in batch.mentions] for batch in first] == [["1"], [], ["2"], [], []]
    assert first[2].mentions[0].published_at == moment(NOW + 2 * MINUTE)
    assert [len(batch.mentions) for batch in moving] == [2, 0, 1]


async def test_a_feed_that_breaks_off_says_so_and_is_asked_for_whole(work: Executor) -> None:
    """Its items are taken, the failure is told, and no ETag keeps us from the rest; what was cut off is not gone."""
    whole = rss("x", 5)
    async with serving() as server:
        collector = open_collector(Source(name="x", type="rss", url=Secret(f"{server.base}/x")), ZONE, "t", work)
        assert collector is not None
        found = await looks(collector, server, whole[: len(whole) // 2], whole[: len(whole) // 3], whole, whole)
        await collector.close()
    assert [str(batch.failed)[:6] for batch in found] == ["XML 有误", "XML 有误", "None", "None"]
    assert [len(batch.mentions) for batch in found] == [2, 0, 3, 0]
    cut = await of_feed(whole[:-9], work, etag='"e"')
    assert b'"e"' not in cut.cursor


NEWSNOW = {"status": "success", "id": "weibo", "updatedTime": 1795307400000, "items": [
    {"id": "云杉上榜", "title": "云杉上榜", "url": "https://s.weibo.com/weibo?q=1", "mobileUrl": "https://m.x", "extra": {}},
    {"id": "别的", "title": "别的", "url": "/weibo?q=2"},
]}  # fmt: skip
DAILY = {"code": 200, "name": "weibo", "title": "微博", "type": "热搜榜", "total": 2, "updateTime": "2026-11-22T00:30:00.000Z", "data": [
    {"id": 71, "title": "云杉上榜", "desc": "摘要", "author": "某", "hot": 1234567, "timestamp": 1795307400000, "url": "https://s.weibo.com/weibo?q=1"},
    {"id": 72, "title": "别的", "hot": None, "timestamp": 0, "url": "/weibo?q=2"},
]}  # fmt: skip


async def test_an_item_without_a_time_is_of_when_it_was_first_seen(work: Executor) -> None:
    """In newsnow's and DailyHotApi's shapes, over fetches and restarts; what could not be known again is refused."""
    more = {"columns": {"id": "id", "title": "title", "text": "desc", "url": "url", "published_at": "timestamp", "views": "hot"}}
    grown = DAILY | {"data": [one | {"hot": 9} for one in cast("list[dict[str, object]]", DAILY["data"])]}
    nameless = NEWSNOW | {"items": [{"title": "无编号"}, *cast("list[object]", NEWSNOW["items"])]}
    async with serving() as server:
        source = Source(name="榜", type="json", url=Secret(f"{server.base}/x"))
        plain = JsonApi(source, Fetcher("t"), ZONE, work)
        first = await looks(plain, server, NEWSNOW, NEWSNOW, nameless)
        server.answers["/x"] = gives(json.dumps(NEWSNOW).encode())
        again = await JsonApi(source, Fetcher("t"), ZONE, work).collect(first[-1].cursor, NOW + HOUR)
        daily = await looks(JsonApi(replace(source, **more), Fetcher("t"), ZONE, work), server, DAILY, grown)
    assert [(one.id, one.url, one.published_at) for one in again.mentions] == [
        ("云杉上榜", "https://s.weibo.com/weibo?q=1", moment(NOW)), ("别的", f"{server.base}/weibo?q=2", moment(NOW))]  # fmt: skip
    assert [len(batch.mentions) for batch in first] == [2, 0, 0]
    assert [bad.error.errors for bad in first[2].bad] == [["id: is required", "published_at: is required"]]
    assert [[(one.id, one.published_at) for one in batch.mentions] for batch in daily] == [[("71", AT), ("72", moment(NOW))]] * 2


async def test_a_hot_list_of_an_interface_needs_no_more_than_titles(work: Executor) -> None:
    """Its order is the rank where it tells none; a title's first moment outlives the process, and links are whole."""
    async with serving() as server:
        source = Source(name="榜", type="hotlist", url=Secret(f"{server.base}/x"))
        first = await looks(Hotlist(source, Fetcher("t"), ZONE, work), server, NEWSNOW, NEWSNOW)
        again = await Hotlist(source, Fetcher("t"), ZONE, work).collect(first[-1].cursor, NOW + HOUR)
        hot = replace(source, columns={"title": "title", "heat": "hot", "url": "url"})
        daily = await looks(Hotlist(hot, Fetcher("t"), ZONE, work), server, DAILY)
    assert [(one.title, one.rank, one.url) for one in first[0].mentions] == [
        ("云杉上榜", 1, "https://s.weibo.com/weibo?q=1"), ("别的", 2, f"{server.base}/weibo?q=2")]  # fmt: skip
    assert (first[1].mentions, [one.published_at for one in again.mentions]) == ((), [moment(NOW)] * 2)
    assert [(one.rank, one.heat) for one in daily[0].mentions] == [(1, 1234567), (2, None)]


async def test_a_bad_item_is_the_same_however_often_it_comes(work: Executor) -> None:
    """Whatever we stamp on it and however its figures grow; another one is another."""
    bad: dict[str, object] = {"id": 7.0, "title": "坏", "views": -5, "published_at": "2026-11-22 08:30:00", "likes": 1}
    async with serving() as server:
        source = Source(name="板", type="json", url=Secret(f"{server.base}/x"))
        first = await looks(JsonApi(source, Fetcher("t"), ZONE, work), server, [bad], [bad | {"likes": 2}], [bad | {"title": "另"}, 5])
        hot = Hotlist(replace(source, type="hotlist"), Fetcher("t"), ZONE, work)
        second = await looks(hot, server, [{"title": 5, "rank": -1}], [{"title": 5, "rank": -1}])
    keys = [one.key for batch in first for one in batch.bad]
    assert (keys[0] == keys[1], len(set(keys)), all(keys)) == (True, 3, True)
    assert len({one.key for batch in second for one in batch.bad}) == 1


async def test_what_is_no_feed_says_what_it_is(work: Executor) -> None:
    """JSON where a feed was expected, a page where JSON was."""
    for kind, body, said in (("rss", b' {"a": 1}', "type: json"), ("rss", b"[]", "type: json"), ("json", b"<rss/>", "RSS")):
        async with serving(x=gives(body)) as server:
            with pytest.raises(SourceFailed, match=said):
                await once(Source(name="x", type=cast("SourceType", kind), url=Secret(f"{server.base}/x")), work)


async def pages(request: Request, writer: asyncio.StreamWriter) -> None:
    """An interface of three pages by number or by cursor."""
    number = int(request.path.rpartition("=")[2] or 1)
    items = [{"id": number * 10 + n, "a": {"t": f"第 {n} 条"}, "time": AT.timestamp() * 1000, "likes": "1.2万"} for n in range(2)]
    said = {"data": {"list": items if number < 4 else [], "next": number + 1 if number < 3 else None}}
    await reply(writer, json.dumps(said).encode())


@pytest.mark.parametrize(("place", "more"), [("?p={page}", {}), ("?c={cursor}", {"next": "data.next"})])
async def test_an_interface_is_walked_page_by_page(work: Executor, place: str, more: dict[str, str]) -> None:
    """Until an empty page or the last cursor; numbers become ids, what has not changed is left out next time."""
    async with serving(api=pages) as server:
        source = Source(
            name="板", type="json", url=Secret(f"{server.base}/api{place}"), items="data.list", pages=9, **more,  # type: ignore[arg-type]
            columns={"id": "id", "title": "a.t", "published_at": "time", "likes": "likes"},
        )  # fmt: skip
        collector = open_collector(source, ZONE, "yuqing/test", work)
        assert collector is not None
        found, cursor = list[Mention](), b""
        for _ in range(8):
            batch = await collector.collect(cursor, NOW)
            found += batch.mentions
            cursor = batch.cursor
        await collector.close()
    assert [one.id for one in found] == ["10", "11", "20", "21", "30", "31"]
    assert (found[0].published_at, found[0].likes, found[0].seen_at) == (AT, 12_000, moment(NOW))


async def test_headers_stay_with_their_host_and_private_redirects_need_leave(work: Executor) -> None:
    """A key is sent to whom it belongs; `allow_private` lets a redirect in, and only then."""
    async with serving(there=gives(rss("x"))) as other:
        async with serving(here=gives(b"", "301 Moved", location=f"{other.base}/there")) as server:
            source = Source(name="x", type="rss", url=Secret(f"{server.base}/here"), headers={"x-key": Secret("k")})
            with pytest.raises(SourceFailed, match="allow_private"):
                await once(source, work)
            fetcher = Fetcher("yuqing/test", headers={"x-key": "k"}, allow_private=["127.0.0.0/8"])
            page = await fetcher.get(f"{server.base}/here")
            await fetcher.close()
            assert page is not None
            assert server.requests[-1].headers["x-key"] == "k"
        assert "x-key" not in other.requests[-1].headers


async def test_a_name_that_leads_inside_is_refused(work: Executor) -> None:
    """Localhost is a name, not an address that somebody wrote out."""
    async with serving(feed=gives(rss("x"))) as server:
        address = f"{server.base.replace('127.0.0.1', 'localhost')}/feed"
        with pytest.raises(SourceFailed) as refused:
            await once(Source(name="x", type="rss", url=Secret(address)), work)
        assert refused.value.reason == "address_refused"
        allowed = Source(name="x", type="rss", url=Secret(address), allow_private=("127.0.0.0/8", "::1/128"))
        assert len((await once(allowed, work)).mentions) == 3


async def test_retry_after_is_told(work: Executor) -> None:
    """In seconds or as a date."""
    for header in ("120", (datetime.now(UTC) + timedelta(seconds=121)).strftime("%a, %d %b %Y %H:%M:%S GMT")):
        async with serving(feed=gives(b"", "429 Too Many", retry_after=header)) as server:
            with pytest.raises(SourceFailed) as failed:
                await once(Source(name="x", type="rss", url=Secret(f"{server.base}/feed")), work)
        assert failed.value.reason == "throttled"
        assert 1.5 * MINUTE < failed.value.retry_after <= 2.1 * MINUTE


async def test_a_hot_list_gives_each_title_once_at_its_first_moment(work: Executor, tmp_path: Path) -> None:
    """From a file, packed or not, or an interface; a link is the identity, else list and title. A look that finds no change is left out."""
    times = [(AT + timedelta(minutes=m)).isoformat() for m in (2, 0, 1)]
    looks = [{"at": at, "list": "榜", "rank": 3, "title": "云杉上榜", "heat": 9} for at in times]
    looks.append({"at": AT.isoformat(), "list": "榜", "rank": 1, "title": "别的", "url": "https://S.weibo.com/x?q=1#a"})
    text = "".join(json.dumps(look) + "\n" for look in looks) + "oops\n"
    (tmp_path / "hot.jsonl").write_text(text, "utf-8")
    (tmp_path / "hot.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("hot.jsonl", "hot.jsonl.gz"):
        batch = await once(Source(name="热搜", type="hotlist", path=str(tmp_path / name)), work)
        assert [(one.kind, one.title, one.published_at, one.outlet, one.rank, one.heat) for one in batch.mentions] == [
            ("hotlist", "别的", AT, "榜", 1, None), ("hotlist", "云杉上榜", AT, "榜", 3, 9)]  # fmt: skip
        assert [one.id for one in batch.mentions] == ["https://s.weibo.com/x?q=1", "榜 云杉上榜"]
        assert [bad.place.rpartition(":")[2] for bad in batch.bad] == ["5"]
    async with serving(hot=gives(json.dumps({"data": [{"title": "云杉上榜", "hot": 5}]}).encode())) as server:
        (one,) = (await once(Source(name="热搜", type="hotlist", url=Secret(f"{server.base}/hot")), work)).mentions
    assert (one.id, one.published_at, one.seen_at) == ("热搜 云杉上榜", moment(NOW), moment(NOW))


@pytest.mark.parametrize("said", [
    "2026-11-22 08:30:00", "2026/11/22 08:30", "2026年11月22日 8:30", "2026-11-22T00:30:00Z", "Sun, 22 Nov 2026 08:30:00 +0800",
    "Sun, 22 Nov 2026 00:30:00 GMT", "Sun, 22 Nov 2026 08:30:00 GMT+8", "Sun, 22 Nov 2026 08:30:00 CST", "Sun Nov 22 08:30:00 CST 2026",
    "22 Nov 2026 08:30:00", 1795307400, 1795307400000, "1795307400", 46348.354166666664, datetime(2026, 11, 22, 8, 30),  # noqa: DTZ001
])  # fmt: skip
def test_a_moment_is_read_however_it_is_written(said: object) -> None:
    """What has no offset is in the zone."""
    assert moment_of(said, ZONE) == AT


@pytest.mark.parametrize("said", ["昨天", "", "08:30", "99999999999999999", True, None, [], "2026-13-45", "1e400"])
def test_what_is_no_moment_is_none(said: object) -> None:
    """Nothing is guessed."""
    assert moment_of(said, ZONE) is None


def test_markup_becomes_words_in_linear_time() -> None:
    """Whatever is left open."""
    assert plain_text("a<!-- x -->b<style>p{}</style><a title='x>y' href=\"z\">c</a> 1 < 2 &lt;i&gt;") == "abc 1 < 2 <i>"
    for hostile in ("<" * 300_000, "<script>" * 60_000, "<a '" * 100_000, '<a "' * 100_000, "<!--" * 100_000, "&" * 300_000):
        plain_text(hostile)


def test_encodings_are_found() -> None:
    """By what is said, then by what fits; a broken line does not decide for a file."""
    assert decoded("中文".encode("gbk"), "text/html; charset=ISO-8859-1")[0] == "中文"
    assert decoded("中文".encode("big5"), "text/html; charset=big5") == ("中文", "")
    lines = ["第一行", "第二行", "联通"]
    assert file_encoding("\n".join(lines).encode("gbk")) == "gb18030"
    assert file_encoding("\n".join(lines).encode() + b"\n\xff\xfe") == "utf-8"
    assert file_encoding("第一行".encode()[:-1]) == "utf-8"
