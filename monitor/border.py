"""
The one border: bytes of one JSON object -> Mention, or InvalidMention with everything that is wrong with it.

What is right takes the fast path: msgspec decodes straight into the Mention and a few comparisons prove the limits. Everything
else, right or wrong, is examined field by field, which alone decides. The module reads no clock: `now` is given.

msgspec rather than pydantic: `tests/bench/border.py` over 20,000 lines of the development stream, mentions a second of CPU time, best
of seven rounds on a shared 2-core machine (three runs within 5 %):

    decoding alone          msgspec 850,000   pydantic 240,000
    with the limits below   msgspec 205,000   pydantic 128,000   (`parse`; the same checks after pydantic's)
    a record of the bus     msgspec 835,000   pydantic 211,000

The limits that neither can say (bytes, nesting, NUL, a moving now) are Python here and cost more than the decoding, so the border gains
1.6-fold only, and with them is slower than pydantic without; it is the records read back, many times each, that decide for msgspec.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from io import BufferedReader
from typing import IO, Any, cast, get_args

import msgspec

from monitor.clock import DAY, SECOND, micros
from monitor.documents import depth, mend
from monitor.errors import InvalidMention, UsageError, failed_zh
from monitor.links import normalised
from monitor.mention import LATEST, Kind, Mention, Verified

OBJECT_LIMIT = 256 * 1024
STRING_LIMIT = 64 * 1024
LIMITS = {"source": 128, "id": 512, "url": 2048}
_SHORT_SOURCE, _SHORT_ID, _SHORT_URL = (LIMITS[name] // 4 for name in ("source", "id", "url"))  # characters that cannot be too many bytes
COUNT_LIMIT = 2**53
EARLIEST = micros(datetime(2000, 1, 1, tzinfo=UTC))
AHEAD = DAY
_EARLIEST_SECOND = EARLIEST / SECOND + 1
NESTING = 64
_DEEPEST = NESTING + 8  # of a record of the log: with the levels that its form puts around a mention
_BRACKETS = 500  # so many cannot nest too deep to be decoded
LINE_LIMIT = 4 * OBJECT_LIMIT  # with room for escapes and spaces
TOPICS = 20
_KINDS = frozenset(get_args(Kind))
RANKED = ("rank", "heat", "best_rank")  # only a hot list says them; from others they are unknown fields
_SAYING = ("text", "title", "quoted", "transcript")
_TOPIC = re.compile(r"#(?!\s)([^#\r\n]{1,64})(?<!\s)#")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UTF16 = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
_mention = msgspec.json.Decoder(Mention).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class FileDefaults(msgspec.Struct, frozen=True):
    """
    What a file may leave out and a push may not: the id, the source (then `source`), the zone of a time (then `timezone`).

    `cases`: its lines may be those of an exported case, and are taken as that says.
    """

    source: str | None = None
    timezone: tzinfo | None = None
    cases: bool = False


def parse(data: bytes | msgspec.Raw, now: int, defaults: FileDefaults | None = None) -> Mention:
    """The mention written in `data`; `now` (micros) bounds the future. InvalidMention names every field at fault."""
    data = bytes(data)
    try:
        data.decode()  # msgspec does not look into strings it passes over
        mention = _mention(data)
    except _BROKEN:
        return examine(data, now, defaults)
    return _with_topics(mention) if _plain(mention, data, now) else examine(data, now, defaults)


def limited(mention: Mention, record: bytes, now: int) -> Mention:
    """
    The mention that was decoded from a `record` of the log; InvalidMention where the border would have refused it.

    What other programs write to the log has not come by here.
    """
    return mention if _plain(mention, record, now) else _examined(record, now)


def storable(mention: Mention, record: bytes) -> Mention:
    """The same where the log was checked once before: a few comparisons prove that a store can hold it, and only a doubt asks for more."""
    sound = not _nul(record) and record.count(b"[") + record.count(b"{") <= _BRACKETS and len(record) <= OBJECT_LIMIT
    published, seen, collected = mention.published_at, mention.seen_at, mention.collected_at
    aware = published.tzinfo and (seen is None or seen.tzinfo) and (collected is None or collected.tzinfo)
    return mention if sound and aware and _counted(mention) and _ranked(mention) else _examined(record, LATEST)


def _nul(record: bytes) -> bool:
    """Whether it may say a NUL; most have no escape at all, and one sign is found sooner than six."""
    return b"\\" in record and b"\\u0000" in record


def _examined(record: bytes, now: int) -> Mention:
    if depth(record, _DEEPEST) > _DEEPEST:
        raise InvalidMention([f"object: nests deeper than {_DEEPEST} levels"])
    return examine(bytes(_members(record)["mention"]), now)


def _plain(mention: Mention, data: bytes, now: int) -> bool:
    """Whether a few comparisons prove every limit; False only means that each field must be looked at."""
    # No string of an object is longer in UTF-8 than the object itself, and a NUL can only be written as an escape.
    if len(data) > STRING_LIMIT or _nul(data) or data.count(b"[") + data.count(b"{") > NESTING:
        return False
    source, item, url, root, parent = mention.source, mention.id, mention.url, mention.root, mention.parent
    return (
        _timely(mention, now)
        and 0 < len(source) <= _SHORT_SOURCE
        and 0 < len(item) <= _SHORT_ID
        and source.isprintable()
        and item.isprintable()
        and (root is None or root.isprintable())
        and (parent is None or parent.isprintable())
        and (url is None or len(url) <= _SHORT_URL)
        and bool(mention.text or mention.title or mention.quoted or mention.transcript)
        and _counted(mention)
        and _ranked(mention)
    )


def _timely(mention: Mention, now: int) -> bool:
    """Whether its moments lie inside the time we take by more than a float of seconds can be wrong."""
    latest = (now + AHEAD) / SECOND - 1
    published, seen, collected = mention.published_at, mention.seen_at, mention.collected_at
    return (
        _amid(published, latest)
        and (seen is None or _amid(seen, latest))
        and (collected is None or _amid(collected, latest))
    )


def _amid(at: datetime, latest: float) -> bool:
    return at.tzinfo is not None and _EARLIEST_SECOND < at.timestamp() < latest


def _counted(mention: Mention) -> bool:
    followers, likes, comments, reposts, views = mention.followers, mention.likes, mention.comments, mention.reposts, mention.views
    return (
        (followers is None or 0 <= followers <= COUNT_LIMIT)
        and (likes is None or 0 <= likes <= COUNT_LIMIT)
        and (comments is None or 0 <= comments <= COUNT_LIMIT)
        and (reposts is None or 0 <= reposts <= COUNT_LIMIT)
        and (views is None or 0 <= views <= COUNT_LIMIT)
    )


def _ranked(mention: Mention) -> bool:
    if mention.rank is None and mention.heat is None and mention.best_rank is None:
        return True
    ranks = all(rank is None or 0 < rank <= COUNT_LIMIT for rank in (mention.rank, mention.best_rank))
    return mention.kind == "hotlist" and ranks and (mention.heat is None or 0 <= mention.heat <= COUNT_LIMIT)


def _with_topics(mention: Mention) -> Mention:
    """The topics written #…# in the text, where none were given."""
    if mention.topics is not None or mention.text.count("#") < 2:  # noqa: PLR2004 -- a topic has two of them
        return mention
    found = tuple(dict.fromkeys(_TOPIC.findall(mention.text)))[:TOPICS]
    return msgspec.structs.replace(mention, topics=found) if found else mention


# The slow path: every field by itself, so that every error is told.


class _Wrong(Exception):
    """What is wrong with one field."""


def examine(data: bytes, now: int, defaults: FileDefaults | None = None) -> Mention:
    """The same as `parse`, field by field and several times slower; `parse` asks it whenever it has a doubt."""
    members = _object(data)
    values: dict[str, Any] = {}
    errors: list[str] = []
    for name, read in _FIELDS.items():
        raw = bytes(members.get(name, b"null"))
        if raw == b"null" or (name in RANKED and values.get("kind") != "hotlist"):
            continue
        try:
            values[name] = read(raw, LIMITS.get(name, STRING_LIMIT))
            if isinstance(values[name], datetime):
                values[name] = _within(values[name], now, defaults)
        except _Wrong as wrong:
            errors.append(f"{name}: {wrong}")
    told = {error.partition(":")[0] for error in errors}
    if defaults:
        _fill(values, told, defaults)
    errors += [f"{name}: is required" for name in ("source", "id", "published_at") if name not in values and name not in told]
    if not told.intersection(_SAYING) and not any(values.get(name) for name in _SAYING):
        errors.append("text: may be empty only if title, quoted or transcript is not")
    if errors:
        raise InvalidMention(errors)
    return _with_topics(Mention(**values))


def _object(data: bytes) -> Mapping[str, msgspec.Raw]:
    """The members of the object, undecoded; what concerns the object as a whole is refused here."""
    if len(data) > OBJECT_LIMIT and len(data) - _escaped(data) > OBJECT_LIMIT:
        raise InvalidMention([f"object: longer than {OBJECT_LIMIT} bytes"])
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise InvalidMention([f"object: not UTF-8 ({error.reason} at byte {error.start})"]) from None
    if depth(data, NESTING) > NESTING:
        raise InvalidMention([f"object: nests deeper than {NESTING} levels"])
    try:
        return _members(mend(data))
    except msgspec.ValidationError:
        raise InvalidMention(["object: must be a JSON object"]) from None
    except _BROKEN as error:
        raise InvalidMention([f"object: not JSON ({error})"[:80]]) from None


def _escaped(data: bytes) -> int:
    r"""How many bytes its \uXXXX escapes cost more than the characters would in UTF-8, three bytes each at most."""
    return sum(3 for found in _UTF16.finditer(data) if len(found[0]) > 2)  # noqa: PLR2004 -- a longer escape than \n


def _decoded(decode: Callable[[bytes], Any], raw: bytes, complaint: str) -> Any:
    try:
        return decode(raw)
    except _BROKEN:
        raise _Wrong(complaint) from None


_string_of = msgspec.json.Decoder(str).decode
_number_of = msgspec.json.Decoder(int | float).decode
_flag_of = msgspec.json.Decoder(bool).decode
_time_of = msgspec.json.Decoder(datetime).decode
_names_of = msgspec.json.Decoder(list[str]).decode
_verified_of = msgspec.json.Decoder(Verified).decode


def _sound(text: str, limit: int) -> str:
    if "\0" in text:
        raise _Wrong("contains a NUL or an unpaired surrogate")
    if len(text.encode()) > limit:
        raise _Wrong(f"longer than {limit} bytes of UTF-8")
    return text


def _string(raw: bytes, limit: int) -> str:
    return _sound(_decoded(_string_of, raw, "must be a string"), limit)


def _identifier(raw: bytes, limit: int) -> str:
    text = _string(raw, limit)
    if _CONTROL.search(text):
        raise _Wrong("contains a control character")
    return text


def _required(raw: bytes, limit: int) -> str:
    text = _identifier(raw, limit)
    if not text:
        raise _Wrong("must not be empty")
    return text


def _names(raw: bytes, limit: int) -> tuple[str, ...]:
    return tuple(_sound(name, limit) for name in _decoded(_names_of, raw, "must be an array of strings"))


def _whole(raw: bytes, least: int) -> int:
    complaint = f"must be a whole number from {least} to 2^53"
    number = _decoded(_number_of, raw, complaint)
    if not least <= number <= COUNT_LIMIT or number != int(number):
        raise _Wrong(complaint)
    return int(number)


def _count(raw: bytes, _limit: int) -> int:
    return _whole(raw, 0)


def _rank(raw: bytes, _limit: int) -> int:
    return _whole(raw, 1)


def _heat(raw: bytes, _limit: int) -> int | float:
    complaint = "must be a number from 0 to 2^53"
    number: int | float = _decoded(_number_of, raw, complaint)
    if not 0 <= number <= COUNT_LIMIT:
        raise _Wrong(complaint)
    return number


def _flag(raw: bytes, _limit: int) -> bool:
    return bool(_decoded(_flag_of, raw, "must be true or false"))


def _verified(raw: bytes, _limit: int) -> Verified:
    verified: Verified = _decoded(_verified_of, raw, "must be true, false, person, org, gov or media")
    return verified


def _kind(raw: bytes, _limit: int) -> str:
    kind: str = _decoded(_string_of, raw, "must be a string")
    return kind if kind in _KINDS else "other"


def _time(raw: bytes, _limit: int) -> datetime:
    at: datetime = _decoded(_time_of, raw, "must be an RFC 3339 time such as 2026-11-22T08:30:00+08:00")
    return at


def _within(at: datetime, now: int, defaults: FileDefaults | None) -> datetime:
    """The moment with its zone, if it lies in the time we take."""
    if at.tzinfo is None and defaults and defaults.timezone:
        at = at.replace(tzinfo=defaults.timezone)
    if at.tzinfo is None:
        raise _Wrong("needs an offset from UTC such as +08:00 or Z")
    if micros(at) < EARLIEST:
        raise _Wrong("lies before 2000-01-01")
    if micros(at) > now + AHEAD:
        raise _Wrong("lies more than 24 h in the future")
    return at


_FIELDS: dict[str, Callable[[bytes, int], Any]] = {
    "source": _required, "id": _required, "text": _string, "published_at": _time, "kind": _kind,
    "platform": _string, "outlet": _string, "title": _string, "quoted": _string, "transcript": _string, "url": _string,
    "region": _string, "topics": _names, "root": _identifier, "parent": _identifier, "author": _string, "followers": _count,
    "verified": _verified, "media": _flag, "likes": _count, "comments": _count, "reposts": _count, "views": _count,
    "gone": _flag, "rank": _rank, "heat": _heat, "best_rank": _rank, "collected_at": _time, "seen_at": _time, "subjects": _names,
}  # fmt: skip


def _fill(values: dict[str, Any], told: set[str], defaults: FileDefaults) -> None:
    """What a file left out: its name for the source, the link or the words for the id."""
    if defaults.source and "source" not in values and "source" not in told:
        values["source"] = defaults.source
    if "id" not in values and "id" not in told and "published_at" in values:
        values["id"] = _derived_id(values)


def _derived_id(values: Mapping[str, Any]) -> str:
    link = normalised(values.get("url", ""))
    if link and len(link.encode()) <= LIMITS["id"] and not _CONTROL.search(link):
        return link
    parts = [values.get(name, "") for name in ("platform", "author", "title", "text")] + [str(micros(values["published_at"]))]
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def read_lines(
    stream: IO[bytes], name: str, now: int, defaults: FileDefaults | None = None
) -> Iterator[tuple[int, Mention | InvalidMention]]:
    """
    Every line of a JSON Lines file or pipe, gzipped or not, with its number from 1; blank ones are passed over.

    A bad line is given as its InvalidMention and never stops the rest. UsageError (`name` says of what) when reading itself fails.
    """
    return lines_as(stream, name, lambda line: parse(line, now, defaults))


def lines_as(
    stream: IO[bytes], name: str, read: Callable[[bytes], Mention | InvalidMention]
) -> Iterator[tuple[int, Mention | InvalidMention]]:
    """The same for lines that are not written as mentions: `read` makes one of a line, or gives or raises InvalidMention."""
    try:
        for number, line in _numbered(unpacked(stream)):
            if line is None:
                yield number, InvalidMention([f"object: longer than {OBJECT_LIMIT} bytes"])
            elif line.strip():
                yield number, _made(line, read)
    except _Damaged as damaged:
        yield damaged.number, InvalidMention(["line: the gzip file is damaged or cut short here"])
    except OSError as error:
        raise UsageError(f"{name}: 无法读取: {failed_zh(error)}") from error


class _Damaged(Exception):
    """The compressed stream breaks off in this line."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """The stream without its gzip, if it has any."""
    peekable = cast("BufferedReader", stream) if hasattr(stream, "peek") else BufferedReader(cast("Any", stream))
    if peekable.peek(2)[:2] == b"\x1f\x8b":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=peekable))
    return peekable


def _numbered(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None for one past the limit, whose rest is read away in pieces."""
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(LINE_LIMIT)
            whole = len(line) < LINE_LIMIT or line.endswith(b"\n")
            while len(line) == LINE_LIMIT and not line.endswith(b"\n"):
                line = stream.readline(LINE_LIMIT)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _Damaged(number) from None
        if whole and not line:
            return
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield number, line if whole else None


def _made(line: bytes, read: Callable[[bytes], Mention | InvalidMention]) -> Mention | InvalidMention:
    try:
        made = read(line)
    except InvalidMention as invalid:
        made = invalid
    if isinstance(made, InvalidMention):
        made.raw = line
    return made
