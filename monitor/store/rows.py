"""What the repositories share: pages with their cursors, chunks under the variable limit, inserts that mind conflicts."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Generic, NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
CHUNK = 500  # values in one IN list: well under the 999 variables of old SQLite builds
LARGEST = 2**63 - 1
_BAD_CURSOR = "this cursor was not given by us, or belongs to another list"


class Page(NamedTuple, Generic[T]):
    """One page of a list; `next_cursor` None: it is the last."""

    items: list[T]
    next_cursor: str | None


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """An insert that knows `on_conflict_…`; both backends spell it alike, so SQLite's type stands for both."""
    if connection.dialect.name == "postgresql":
        return cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)


def findable(*texts: str) -> bool:
    """Whether every text can be in a database at all: one with a lone surrogate or a NUL is nowhere, and is not asked for."""
    return not any("\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)) for text in texts)


def to_cursor(kind: str, *key: int | str) -> str:
    """An opaque cursor after the row with this sorting key."""
    body = msgspec.json.encode([kind, *key])
    return urlsafe_b64encode(_mark(body) + body).decode().rstrip("=")


def from_cursor(kind: str, cursor: str, *types: type) -> list[int | str]:
    """The sorting key in a cursor of this kind of list; ValueError for anything we did not make."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found = msgspec.json.decode(raw[6:], type=list[int | str])
    except (ValueError, UnicodeError, msgspec.MsgspecError) as error:
        raise ValueError(_BAD_CURSOR) from error
    if _mark(raw[6:]) != raw[:6] or [type(part) for part in found] != [str, *types] or found[0] != kind:
        raise ValueError(_BAD_CURSOR)
    return found[1:]


def _mark(body: bytes) -> bytes:
    """Six bytes that a slip of the hand will not hit; no secret hangs on a cursor."""
    return blake2b(body, digest_size=6, person=b"yuqing cursor").digest()
