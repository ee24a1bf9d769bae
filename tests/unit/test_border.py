"""The border: what is a mention, what is not and why, and that hostile bytes are ordinary input."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import border
from monitor.border import FileDefaults, examine, parse, read_lines
from monitor.clock import DAY, HOUR, MINUTE, SECOND, micros, rfc3339
from monitor.errors import InvalidMention, UsageError
from monitor.mention import Mention, encode

NOW = micros(datetime(2026, 11, 22, 8, 30, tzinfo=UTC))
GOOD: dict[str, Any] = {"source": "weibo", "id": "1", "text": "你好", "published_at": "2026-11-22T16:00:00+08:00"}


def written(**changes: Any) -> bytes:
    """A good mention with some fields changed; a field set to ... is left out."""
    members = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    return json.dumps(members, ensure_ascii=False).encode("utf-8", "surrogatepass")


def errors_of(data: bytes, defaults: FileDefaults | None = None) -> list[str]:
    """The reasons for which it is no mention; none when it is one."""
    try:
        parse(data, NOW, defaults)
    except InvalidMention as invalid:
        return invalid.errors
    return []


def test_a_good_object_becomes_a_mention() -> None:
    """Every field of contract 1 arrives as it was written."""
    full = GOOD | {
        "kind": "repost", "platform": "微博", "outlet": "某报", "title": "题", "quoted": "引", "transcript": "字幕", "url": "https://e.cn/1",
        "region": "北京", "topics": ["话题"], "root": "0", "parent": "0", "author": "甲", "followers": 3, "verified": "org", "media": True,
        "likes": 1, "comments": 2, "reposts": 3, "views": 2**53, "gone": False, "collected_at": "2026-11-22T08:10:00Z",
        "seen_at": "2026-11-22T08:20:00.5Z", "subjects": ["红十字会"],
    }  # fmt: skip

    mention = parse(json.dumps(full).encode(), NOW)

    assert mention == Mention(
        source="weibo", id="1", text="你好", published_at=datetime(2026, 11, 22, 8, tzinfo=UTC), kind="repost",
        platform="微博", outlet="某报", title="题", quoted="引", transcript="字幕", url="https://e.cn/1", region="北京",
        topics=("话题",), root="0", parent="0", author="甲", followers=3, verified="org",
        media=True, likes=1, comments=2, reposts=3, views=2**53, gone=False,
        collected_at=datetime(2026, 11, 22, 8, 10, tzinfo=UTC), seen_at=datetime(2026, 11, 22, 8, 20, 0, 500_000, tzinfo=UTC),
        subjects=("红十字会",),
    )  # fmt: skip


@pytest.mark.parametrize("field", [name for name in Mention.__struct_fields__ if name not in {"source", "id", "text", "published_at"}])
def test_null_is_the_same_as_absent(field: str) -> None:
    """Null in any optional field leaves its default."""
    assert parse(written(**{field: None}), NOW) == parse(written(), NOW)


@pytest.mark.parametrize("field", ["source", "id", "published_at"])
def test_a_required_field_is_missed(field: str) -> None:
    """Absent and null are told by the field's name."""
    assert errors_of(written(**{field: ...})) == [f"{field}: is required"]
    assert errors_of(written(**{field: None})) == [f"{field}: is required"]


def test_text_may_be_empty_only_beside_other_words() -> None:
    """A title, a quoted text or a transcript stands in for the text; nothing does not."""
    for beside in ("title", "quoted", "transcript"):
        assert errors_of(written(text="", **{beside: "字"})) == []
        assert errors_of(written(text=..., **{beside: "字"})) == []

    assert errors_of(written(text="")) == errors_of(written(text=..., title="")) != []


def test_unknown_fields_are_ignored_and_unknown_kinds_are_other() -> None:
    """Whoever sends more than we know is not refused."""
    assert parse(written(rumor=True, story={"a": [1]}), NOW) == parse(written(), NOW)
    assert parse(written(kind="podcast"), NOW).kind == "other"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": 1}, "source"), ({"source": ""}, "source"), ({"source": "s" * 129}, "source"), ({"source": "文" * 43}, "source"),
        ({"source": "a\nb"}, "source"), ({"id": 7}, "id"), ({"id": ""}, "id"), ({"id": "i" * 513}, "id"), ({"id": "a\x7f"}, "id"),
        ({"text": ["a"]}, "text"), ({"text": "a\0b"}, "text"), ({"text": "字" * 21_846}, "text"), ({"kind": 3}, "kind"),
        ({"url": "u" * 2_049}, "url"), ({"title": {}}, "title"), ({"author": "a\0"}, "author"), ({"topics": "a"}, "topics"),
        ({"topics": ["a", None]}, "topics"), ({"topics": ["a\0"]}, "topics"), ({"root": "a\x01"}, "root"),
        ({"followers": -1}, "followers"), ({"followers": "3"}, "followers"), ({"likes": True}, "likes"), ({"likes": 3.5}, "likes"),
        ({"views": 2**53 + 1}, "views"), ({"views": 10**400}, "views"), ({"reposts": [1]}, "reposts"), ({"verified": "yes"}, "verified"),
        ({"verified": 1}, "verified"), ({"media": "true"}, "media"), ({"gone": 0}, "gone"), ({"subjects": [1]}, "subjects"),
        ({"published_at": "2026-11-22T16:00:00"}, "published_at"), ({"published_at": "yesterday"}, "published_at"),
        ({"published_at": 1_790_000_000}, "published_at"), ({"published_at": "1999-12-31T23:59:59Z"}, "published_at"),
        ({"published_at": "0001-01-01T00:00:00+14:00"}, "published_at"), ({"published_at": "9999-12-31T23:59:59-14:00"}, "published_at"),
        ({"published_at": "9999-12-31T23:59:59.9999999Z"}, "published_at"), ({"published_at": "2026-02-30T00:00:00Z"}, "published_at"),
        ({"published_at": ""}, "published_at"), ({"seen_at": "2026-11-22T08:00:00"}, "seen_at"),
        ({"collected_at": "2036-11-22T08:00:00Z"}, "collected_at"),
    ],
)  # fmt: skip
def test_a_field_beyond_its_limits_is_named(changes: dict[str, Any], field: str) -> None:
    """One bad field gives one short reason that begins with its name and does not repeat what was sent at length."""
    (error,) = errors_of(written(**changes))

    assert error.startswith(f"{field}: ")
    assert len(error) <= 80 + len(field)


def test_only_a_hot_list_has_ranks() -> None:
    """With kind hotlist a rank is whole and from 1, a heat a number from 0; with any other they are unknown fields, whatever they hold."""
    good = {"rank": 1, "heat": 0.5, "best_rank": 1}
    mention = parse(written(kind="hotlist", **good), NOW)
    assert (mention.rank, mention.heat, mention.best_rank) == (1, 0.5, 1)
    assert parse(written(kind="hotlist", rank=3.0, heat=2**53), NOW) == parse(written(kind="hotlist", rank=3, heat=2**53), NOW)
    for kind in ("post", "podcast"):
        for odd in (good, {"rank": 0, "heat": "x", "best_rank": []}):
            assert parse(written(kind=kind, **odd), NOW) == parse(written(kind=kind), NOW)
    for rank in (0, -1, 1.5, "1", True, [1], 2**53 + 1, 10**400):
        assert [error.partition(":")[0] for error in errors_of(written(kind="hotlist", rank=rank, best_rank=rank))] == ["rank", "best_rank"]
    for heat in (-1, -0.5, "1", False, [1], 2**53 + 1, 10**400):
        assert [error.partition(":")[0] for error in errors_of(written(kind="hotlist", heat=heat))] == ["heat"]


def test_every_error_of_an_object_is_told_at_once() -> None:
    """Nobody has to send seven times to learn seven mistakes."""
    bad = written(source=..., id="", text="\0", published_at="now", likes=-1, media="no", topics=[2])

    assert [error.partition(":")[0] for error in errors_of(bad)] == [
        "id", "text", "published_at", "topics", "media", "likes", "source",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "文" * 42 + "ab"}, {"id": "i" * 512}, {"text": "字" * 21_845 + "a"}, {"url": "u" * 2_048}, {"likes": 3.0},
        {"likes": 1e3}, {"followers": 0}, {"views": 2**53}, {"verified": False},
        {"text": "\x01\x1b[31m \u202e\u2066 \u200b"}, {"text": "  "},
        {"published_at": "2000-01-01T00:00:00Z"}, {"published_at": rfc3339(NOW + DAY)}, {"published_at": "2000-01-01T08:00:00+08:00"},
    ],
)  # fmt: skip
def test_the_limits_themselves_are_allowed(changes: dict[str, Any]) -> None:
    """A value on the border is inside; control and bidi characters are ordinary text."""
    assert errors_of(written(**changes)) == []


def test_nothing_is_trimmed() -> None:
    """Words arrive with the spaces they were said with."""
    assert parse(written(text=" 你 \n"), NOW).text == " 你 \n"


def test_a_day_ahead_is_the_last_moment_taken() -> None:
    """More than 24 h ahead of the given now is the future."""
    assert errors_of(written(published_at=rfc3339(NOW + DAY + SECOND))) == ["published_at: lies more than 24 h in the future"]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\ud83d\u0041", r"\udfff\ud83d"])
@pytest.mark.parametrize("field", ["text", "title", "author", "id", "topics"])
def test_an_unpaired_surrogate_rejects_the_field_it_stands_in(escape: str, field: str) -> None:
    """Half a character is no text, whichever string it hides in."""
    value = f'["a{escape}b"]' if field == "topics" else f'"a{escape}b"'
    data = written(**{field: ...}).removesuffix(b"}") + f',"{field}":{value}}}'.encode()

    assert errors_of(data) == [f"{field}: contains a NUL or an unpaired surrogate"]


def test_pairs_and_escaped_backslashes_are_no_surrogates() -> None:
    """An emoji written as a pair arrives; a backslash followed by ud800 is text."""
    data = written(text="T").replace(b'"T"', rb'"\ud83d\ude00 \\ud800 \\u0000"')

    assert parse(data, NOW).text == "\U0001f600 \\ud800 \\u0000"


def test_what_hides_in_unknown_fields_is_ignored_with_them() -> None:
    """A NUL or half a surrogate in a field we do not take harms nobody."""
    data = written(extra="E").replace(b'"E"', rb'["\u0000", "\ud800"]')

    assert parse(data, NOW) == parse(written(), NOW)


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"null", b"1", b'"a"', b"[]", b"{", b"{}x", b'{"a":1,}', b"\xff\xfe{}", b"\x00", b'{"source":"\xed\xa0\x80"}',
        written(extra="E").replace(b'"E"', b'"\xff"'), written().replace(b"\xe4", b"\xff"), b"{'a':1}", b"nan", written() + written(),
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused_in_one_reason(data: bytes) -> None:
    """Broken JSON, broken UTF-8 and other JSON values are the object's own error."""
    errors = errors_of(data)

    assert errors
    assert len(errors) == 1 or data == b"{}"
    assert errors[0].startswith("object: ")


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"b":'])
@pytest.mark.parametrize("times", [64, 10_000, 80_000])
def test_deep_nesting_is_refused_without_harm(opening: str, times: int) -> None:
    """However deep an unknown field nests, the answer is one reason."""
    closing = {"[": "]", '{"a":': "}", '[{"b":': "}]"}[opening]
    nested = opening * times + "1" + closing * times
    data = written(extra="E").replace(b'"E"', nested.encode())

    (error,) = errors_of(data)

    assert error.startswith("object: ")


def test_brackets_inside_strings_are_no_nesting() -> None:
    """Seventy faces in brackets are text."""
    assert errors_of(written(text='[泪]"\\[' * 200)) == []
    assert errors_of(written(extra=[[1]] * 200)) == []


def test_an_object_past_its_limit_is_refused_whatever_fills_it() -> None:
    r"""256 KiB count in UTF-8: \u escapes do not make an object longer than its words are."""
    words = dict.fromkeys(("text", "quoted", "transcript"), "字" * 21_000)
    more = dict.fromkeys(("title", "region"), "字" * 21_000)

    assert errors_of(written(extra="x" * 262_144)) == ["object: longer than 262144 bytes"]
    assert errors_of(json.dumps(GOOD | words).encode()) == []
    assert errors_of(json.dumps(GOOD | words | more).encode()) == ["object: longer than 262144 bytes"]


def test_topics_are_read_from_the_text_where_none_are_given() -> None:
    """#…# are topics, each once, twenty at most; given ones stay alone."""
    assert parse(written(text="#甲# 和 #乙 丙##甲# ## # #"), NOW).topics == ("甲", "乙 丙")
    assert parse(written(text="#甲#", topics=["乙"]), NOW).topics == ("乙",)
    assert parse(written(text="#甲#", topics=[]), NOW).topics == ()
    assert parse(written(text="一 # 号"), NOW).topics is None
    assert parse(written(text="".join(f"#t{i}#" for i in range(30))), NOW).topics == tuple(f"t{i}" for i in range(20))


def test_a_push_may_not_leave_out_what_a_file_may() -> None:
    """Without file defaults an absent id, an absent source and a naive time are errors; with them they are filled."""
    data = written(source=..., id=..., published_at="2026-11-22T16:00:00", url="HTTP://News.example.CN/a?utm_source=x&id=3#top")
    defaults = FileDefaults(source="export", timezone=ZoneInfo("Asia/Shanghai"))

    assert {error.partition(":")[0] for error in errors_of(data)} == {"source", "id", "published_at"}
    mention = parse(data, NOW, defaults)
    assert (mention.source, mention.id) == ("export", "http://news.example.cn/a?id=3")
    assert micros(mention.published_at) == micros(datetime(2026, 11, 22, 8, tzinfo=UTC))


def test_an_id_made_from_words_depends_on_each_of_them_and_on_nothing_else() -> None:
    """Platform, author, time, title and text make the id; likes do not."""
    defaults = FileDefaults()

    def made(**changes: Any) -> str:
        return parse(written(id=..., **changes), NOW, defaults).id

    others = [made(platform="微博"), made(author="甲"), made(title="题"), made(text="再见"), made(published_at="2026-11-22T15:00:00+08:00")]
    assert len({made(), *others}) == 6
    assert made(likes=3) == made() == made(published_at="2026-11-22T08:00:00Z")


def test_a_naive_extreme_time_in_a_file_is_an_error_and_no_crash() -> None:
    """Year 1 and year 9999 without an offset are read in the file's zone and refused."""
    defaults = FileDefaults(timezone=ZoneInfo("Asia/Shanghai"))

    for time in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"):
        assert errors_of(written(published_at=time), defaults)[0].startswith("published_at: ")


words = st.text(max_size=40)
times = st.integers(NOW - 30 * DAY, NOW + DAY).map(lambda at: datetime.fromtimestamp(at / 1e6, timezone(timedelta(hours=8))))
counts = st.none() | st.integers(0, 2**53)
mentions = st.builds(
    Mention,
    source=st.text("ab文\u200b ", min_size=1, max_size=30), id=st.text(min_size=1, max_size=100).filter(lambda text: text.isprintable()),
    published_at=times, text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=80),
    kind=st.sampled_from(["post", "report", "hotlist"]), platform=st.none() | st.just("微博"), topics=st.none() | st.just(("甲",)),
    followers=counts, likes=counts, seen_at=st.none() | times, collected_at=st.none() | times,
    verified=st.none() | st.booleans() | st.just("gov"),
    gone=st.none() | st.booleans(), subjects=st.just(()) | st.just(("红十字会",)),
)  # fmt: skip


@given(mentions)
@settings(max_examples=150)
def test_a_mention_read_back_from_its_own_bytes_is_itself(mention: Mention) -> None:
    """Parsing what was encoded changes nothing but topics that were never read."""
    once = parse(encode(mention), NOW)

    assert parse(encode(once), NOW) == once
    assert msgspec.structs.replace(once, topics=mention.topics) == mention


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**60) | st.floats(allow_nan=False, allow_infinity=False) | words
    | st.sampled_from(["post", "hotlist", "person", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00", "#a#b#", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(st.sampled_from([*Mention.__struct_fields__, "x"]), json_values, max_size=6).map(lambda some: GOOD | some)


def verdict(read: Callable[[bytes, int], Mention], data: bytes) -> Mention | list[str]:
    """What one way of reading makes of the bytes."""
    try:
        return read(data, NOW)
    except InvalidMention as invalid:
        return invalid.errors


@given(objects)
@settings(max_examples=300)
def test_the_fast_path_never_disagrees_with_the_slow_one(members: dict[str, Any]) -> None:
    """Whatever the object, reading it fast and reading it field by field give the same mention or the same reasons."""
    data = json.dumps(members).encode()

    assert verdict(parse, data) == verdict(examine, data)


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda noise: written()[:30] + noise + written()[30:]))
@settings(max_examples=300)
def test_no_bytes_break_the_border(data: bytes) -> None:
    """Any bytes are a mention or an InvalidMention with reasons that can be shown."""
    answer = verdict(parse, data)

    assert answer
    if isinstance(answer, list):
        assert all(error.isprintable() and len(error) < 120 for error in answer)


def lines_of(data: bytes) -> list[tuple[int, bool]]:
    """Which lines were read and whether each was a mention."""
    return [(number, isinstance(item, Mention)) for number, item in read_lines(io.BytesIO(data), "f.jsonl", NOW)]


def test_a_bad_line_never_stops_the_rest() -> None:
    """Lines keep their numbers; blank ones and a byte-order mark are passed over; the last needs no end."""
    data = b"\xef\xbb\xbf" + written() + b"\r\n\n{broken\n\xff\n" + written() + b"\n  \n" + written()

    assert lines_of(data) == lines_of(gzip.compress(data)) == [(1, True), (3, False), (4, False), (5, True), (7, True)]


def test_an_endless_line_is_read_in_bounded_pieces() -> None:
    """A line past the limit is refused whole and the next one is read."""
    assert lines_of(b"x" * 3_000_000 + b"\n" + written() + b"\n" + b"y" * border.LINE_LIMIT) == [(1, False), (2, True), (3, False)]
    assert lines_of(b"x" * (border.LINE_LIMIT - 1) + b"\n" + written()) == [(1, False), (2, True)]


def test_a_cut_gzip_file_gives_what_can_be_read_and_says_where_it_ends() -> None:
    """Damage in a compressed file is one bad line at its place."""
    data = b"".join(written(id=str(number), text=str(number) * 50) + b"\n" for number in range(2_000))
    cut = gzip.compress(data)[:-4_000]

    numbers = lines_of(cut)

    assert numbers[-1][1] is False
    assert len(numbers) > 100
    assert all(good for _, good in numbers[:-1])


def test_a_stream_that_cannot_be_read_is_named() -> None:
    """A failing disk or pipe is a usage error that begins with the file's name."""

    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise OSError(5, "Input/output error")

    stream: IO[bytes] = io.BufferedReader(Failing())
    with pytest.raises(UsageError, match=r"^f\.jsonl: 无法读取: 磁盘读写出错"):
        list(read_lines(stream, "f.jsonl", NOW))


def test_now_alone_decides_what_is_future() -> None:
    """The module reads no clock: the same bytes are future or past by the `now` given."""
    at = NOW - HOUR

    assert isinstance(verdict(lambda data, now: parse(data, now - DAY - HOUR - MINUTE), written(published_at=rfc3339(at))), list)
    assert isinstance(verdict(parse, written(published_at=rfc3339(at))), Mention)
