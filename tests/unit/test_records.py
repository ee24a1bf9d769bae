"""Whatever lies on the log is a record within the limits, or one error."""

from collections.abc import Callable

import pytest

from monitor.clock import DAY, moment
from monitor.errors import Unreadable
from monitor.mention import LATEST, Tick, encode
from monitor.records import read_raw, read_scored, read_tick
from services.dead.burial import read_record
from tests.unit.escalation.making import START, scored
from tests.unit.pipeline.making import raw

UNREADABLE = (
    b"", b"null", b"[]", b"no JSON", b'{"a":' * 20_000, b'{"x":' + b"[" * 900 + b"]" * 900 + b"}", b"\xff\xfe",
    b'{"received_at":"x"}', b'{"received_at":' + b"9" * 5_000 + b"}", b'{"at":1180591620717411303424}', b'{"at":-1}',
)  # fmt: skip
WHOLE_RAW, WHOLE_SCORED = encode(raw("m", START, as_if=False)), encode(scored("m", START, as_if=False))
BEYOND = {
    "NUL in the text": (b'"id":"m"', b'"id":"m","title":"a\\u0000b"', "title: contains a NUL or an unpaired surrogate"),
    "NUL in the outlet": (b'"id":"m"', b'"id":"m","outlet":"a\\u0000b"', "outlet: contains a NUL or an unpaired surrogate"),
    "NUL in the id": (b'"id":"m"', b'"id":"m\\u0000"', "id: contains a NUL or an unpaired surrogate"),
    "NUL in the source": (b'"source":"t"', b'"source":"\\u0000"', "source: contains a NUL or an unpaired surrogate"),
    "a count of 2^63": (b'"id":"m"', b'"id":"m","reposts":9223372036854775808', "reposts: must be a whole number from 0 to 2^53"),
    "a count below 0": (b'"id":"m"', b'"id":"m","followers":-1', "followers: must be a whole number from 0 to 2^53"),
    "a time without a zone": (b'"id":"m"', b'"id":"m","seen_at":"2026-03-02T08:00:00"', "seen_at: needs an offset"),
    "too deep": (b'{"received_at"', b'{"x":' + b"[" * 600 + b"]" * 600 + b',"received_at"', "nests deeper than"),
}


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize("read", [lambda value: read_raw(value, START), read_scored, read_tick], ids=["raw", "scored", "tick"])
def test_what_is_no_record_is_one_error(read: Callable[[bytes], object], value: bytes) -> None:
    """Broken, empty, of other types, nested without end, numbers without end: the same error, never another."""
    with pytest.raises(Unreadable):
        read(value)


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value[:20]))
def test_what_is_no_letter_is_passed_over(value: bytes) -> None:
    """The dead topic is a log like the others."""
    assert read_record(value) is None


@pytest.mark.parametrize("name", BEYOND)
def test_what_the_border_refuses_is_refused_on_the_log(name: str) -> None:
    """In the border's words, of the raw log and of the scored one."""
    ours, foreign, why = BEYOND[name]
    for read, whole in ((lambda value: read_raw(value, START), WHOLE_RAW), (read_scored, WHOLE_SCORED)):
        assert ours in whole or name == "too deep"
        with pytest.raises(Unreadable, match=why.replace("^", r"\^")):
            read(whole.replace(ours, foreign, 1))


def test_over_long_fields_and_far_moments_do_not_pass_the_raw_log() -> None:
    """What the border bounds in length or in time."""
    long_id = WHOLE_RAW.replace(b'"id":"m"', b'"id":"' + b"m" * 513 + b'"')
    with pytest.raises(Unreadable, match="id: longer than 512 bytes"):
        read_raw(long_id, START)
    with pytest.raises(Unreadable, match="received_at: lies more than 24 h in the future"):
        read_raw(encode(raw("m", START + 2 * DAY, as_if=False)), START)
    ahead = WHOLE_RAW.replace(b'"id":"m"', b'"id":"m","seen_at":"2099-01-01T00:00:00Z"')
    with pytest.raises(Unreadable, match="seen_at: lies more than 24 h in the future"):
        read_raw(ahead, START)


def test_a_nul_anywhere_in_a_score_is_refused_and_one_in_words_is_not() -> None:
    r"""A store cannot hold it; the six characters `\u0000`, written out, it can."""
    with pytest.raises(Unreadable, match="NUL"):
        read_scored(encode(scored("m", START, subject="a\0b")))
    said = scored("m", START, text=r"he wrote \u0000")
    assert read_scored(encode(said)) == said


def test_our_own_records_are_read_as_they_were_written() -> None:
    """Also the longest, and the greatest."""
    for one in (raw("m", START), raw("m", START, as_if=False), raw("m" * 500, START, "某某" * 10_000)):
        assert read_raw(encode(one), START) == one
    for two in (scored("m", START, likes=2**53), scored("m", START, quoted="x" * 60_000, seen=START + DAY)):
        assert read_scored(encode(two)) == two
    assert moment(LATEST).year == 2255
    assert read_tick(encode(Tick(at=LATEST))) == Tick(at=LATEST)
