"""The feed reader under whatever a server may send: it reads, or says SourceFailed, within its time and memory."""

import encodings.aliases
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import SystemClock
from monitor.collecting.base import Batch
from monitor.collecting.charset import decoded
from monitor.collecting.feed_reader import MOST_ENTRIES, Feed, read_feed
from monitor.collecting.fetching import Fetcher, Page
from monitor.collecting.rss import Rss, _Seen
from monitor.errors import SourceFailed
from monitor.settings import Secret, Source
from tests.unit.collecting.serving import rss

NOW = SystemClock().now()
ATOM = b"""<?xml version="1.0" encoding="utf-8"?><a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>t</a:title><a:entry><a:id>tag:1</a:id>
<a:title type="html">&lt;i&gt;x&lt;/i&gt;</a:title><a:link rel="self" href="http://x.cn/self"/><a:author><a:name>n</a:name></a:author>
<a:content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>&amp; &hellip;</p></div></a:content></a:entry></a:feed>"""
VALID = (rss("x"), rss("x", encoding="gbk"), rss("x", encoding="utf-16"), ATOM)
FRAGMENTS = (
    b"<item>", b"</item>", b"<entry>", b"<author>", b"</author>", b"<name>", b"<link/>", b"<link a='", b"'", b'"', b"<", b">", b"&", b"]]>",
    b"<![CDATA[", b"<!--", b"-->", b"<?", b"<!DOCTYPE rss [", b"<!ENTITY a 'b'>", b"<!ATTLIST link href CDATA 'x'>", b"]>", b"&#0;",
    b"&#xD800;", b"&#1114112;", b"&nbsp;", b"xmlns='", b" xmlns:dc=''", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", "中".encode(), b"charset=idna",
    b"encoding='utf-7'", b"<guid>" * 70, b"A" * 5_000,
)  # fmt: skip
CODECS = sorted({*encodings.aliases.aliases.values(), "idna", "punycode", "undefined", "unicode_escape", "no-such"})


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid feed with stretches cut out, doubled, or replaced."""
    body = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body)))
        till = min(len(body), at + draw(st.integers(0, 60)))
        put = draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=8) | st.just(2 * body[at:till]))
        body = body[:at] + put + body[till:]
    return body


@cache
def reader() -> Rss:
    """A feed's collector; making one takes longer than a hundred answers."""
    source = Source(name="晚报", type="rss", url=Secret("http://x.cn/feed"))
    return Rss(source, Fetcher("yuqing/test"), ZoneInfo("Asia/Shanghai"), ThreadPoolExecutor(1))


def collected(body: bytes) -> Batch | None:
    """All that is done to an answer; None when it is no feed."""
    with suppress(SourceFailed):
        return reader()._read(Page(body, "http://x.cn/feed", "text/xml", "", ""), _Seen(), NOW)
    return None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | mutated())
def test_whatever_comes_is_a_feed_or_malformed(body: bytes) -> None:
    """No other exception leaves, and what is taken keeps to contract 1."""
    batch = collected(body)
    assert batch is None or len(batch.mentions) + len(batch.bad) <= MOST_ENTRIES


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | mutated().map(lambda body: body.decode("utf-8", "surrogateescape")))
def test_any_words_are_a_feed_or_malformed(text: str) -> None:
    """Even lone surrogates and control characters."""
    with suppress(SourceFailed):
        assert isinstance(read_feed(text), Feed)


@pytest.mark.parametrize("name", CODECS)
def test_whatever_encoding_is_said_the_words_come_out(name: str) -> None:
    """A codec of Python's that is no page's encoding is not believed, nor one that does not fit; none is slow."""
    began = time.process_time()
    for body in (rss("云杉"), b"xn--" + b"a-" * 50_000, b"\\x41\\q" * 1_000):
        assert isinstance(decoded(body, f"text/xml; charset={name}")[0], str)
    assert time.process_time() - began < 5


ITEM = "<item><title>x</title></item>"
HOSTILE = {
    "default attributes": f'<!DOCTYPE rss [<!ATTLIST link href CDATA "{"x" * 60_000}">]><rss><channel><item>' + "<link/>" * 30_000,
    "links": "<rss><channel><item>" + "<link href='x'/>" * 50_000 + "</item></channel></rss>",
    "entities": '<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><rss><channel>&b;',
    "items": "<rss><channel>" + ITEM * 30_000,
    "depth": "<rss>" + "<a>" * 200_000,
    "depth in a field": "<rss><channel><item><title>" + "<a>" * 200_000,
    "markup in a field": "<rss><channel><item><title>" + "<a/>" * 200_000,
    "one attribute": "<rss a='" + "x" * 1_000_000,
    "attributes": "<rss " + " ".join(f"a{n}=''" for n in range(50_000)) + ">",
    "prefixes": "<rss><channel>" + "".join(f"<a xmlns:p{n}='u'/>" for n in range(30_000)),
    "ampersands": "<rss><channel><item><title>" + "&" * 1_000_000,
    "one word": "<rss><channel><item><title>" + "x" * 1_000_000 + "</title></item></channel></rss>",
    "a comment": "<rss><!--" + "-" * 1_000_000,
    "no markup": "x" * 1_000_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_and_memory_are_bounded(kind: str) -> None:
    """A megabyte made to hurt takes seconds, and memory of the order of the answer itself."""
    text = HOSTILE[kind]
    tracemalloc.start()
    began = time.process_time()
    with suppress(SourceFailed):
        feed = read_feed(text)
        assert len(feed.entries) <= MOST_ENTRIES
        assert all(len(entry.links) <= 16 for entry in feed.entries)
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 12
    assert peak < 8 * len(text) + 40_000_000
