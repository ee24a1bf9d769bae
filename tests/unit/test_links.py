"""Two addresses of one page are one link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.links import absolute, normalised


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("HTTPS://News.Example.CN/A?b=1#c", "https://news.example.cn/A?b=1"),
        ("http://e.cn?utm_source=x&spm=a.b&id=3&UTM_Medium=y", "http://e.cn/?id=3"),
        ("https://e.cn:443/a", "https://e.cn/a"),
        ("http://e.cn:8080/a", "http://e.cn:8080/a"),
        (" https://e.cn/a ", "https://e.cn/a"),
        ("no link", "no link"),
        ("", ""),
        ("http://[broken", "http://[broken"),
    ],
)
def test_what_does_not_lead_elsewhere_is_dropped(url: str, link: str) -> None:
    """Host in lower case; no fragment, tracking parameter or usual port; the path keeps its case."""
    assert normalised(url) == link


@given(st.text(max_size=50) | st.from_regex(r"https?://[a-zA-Z0-9./?&=#:%-]{0,60}", fullmatch=True))
def test_normalising_twice_is_normalising_once(url: str) -> None:
    """A normalised link is its own normal form, and no string breaks it."""
    once = normalised(url)

    assert normalised(once) == once


@pytest.mark.parametrize(("link", "whole"), [
    ("/n/1?a=b", "https://x.cn/n/1?a=b"), ("2", "https://x.cn/api/2"), ("//y.cn/z", "https://y.cn/z"), (" https://y.cn/z ", "https://y.cn/z"),
    ("#top", "https://x.cn/api/list#top"), ("?p=2", "https://x.cn/api/list?p=2"), ("http://[", ""),
])  # fmt: skip
def test_a_link_is_meant_on_its_page(link: str, whole: str) -> None:
    """The user and the query of the page's own address, which may be keys, stay out of it."""
    assert absolute(link, "https://user:secret@x.cn/api/list?key=secret") == whole
