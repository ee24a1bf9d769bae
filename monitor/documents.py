"""
Bytes -> elements: a pushed body is cut into its objects so that a bad one never stops its neighbours.

Only what spoils the whole is a BadDocument: broken JSON or UTF-8, or nesting too deep to walk. Unpaired surrogates, which
stop every JSON parser mid-string, are first turned into NULs: the border then refuses that one object for it.
"""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

import msgspec

from monitor.errors import YuqingError

T = TypeVar("T")
DEEPEST = 512
_BOM = b"\xef\xbb\xbf"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [1 if byte in b"[{" else -1 for byte in range(256)]
# Always matches from a quote on, also without its end, so that hostile quotes cost linear time.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:(%b\\%b)|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_single = msgspec.json.Decoder(msgspec.Raw).decode


class BadDocument(YuqingError):
    """The whole body cannot be read, whatever its elements are."""


def split(body: bytes, *, lines: bool = False) -> Sequence[bytes | msgspec.Raw]:
    """The objects of a body: one object, an array, or NDJSON, which is told by `lines` or by its look."""
    if lines:
        return split_ndjson(body)
    body = body.removeprefix(_BOM)
    if body.lstrip().startswith(b"["):
        return split_array(body)
    try:
        return [_walk(body, _single)]
    except BadDocument:
        if _looks_like_lines(body):
            return split_ndjson(body)
        raise


def split_array(body: bytes) -> list[msgspec.Raw]:
    """The elements of a JSON array, each still as it was written."""
    return _walk(body.removeprefix(_BOM), _array)


def split_ndjson(body: bytes) -> list[bytes]:
    """The lines that are not blank; whether they are JSON is each line's own matter."""
    return [line for line in body.removeprefix(_BOM).split(b"\n") if line.strip()]


def depth(data: bytes, enough: int) -> int:
    """How deep the brackets of a JSON text nest; counting stops past `enough`."""
    if data.count(b"[") + data.count(b"{") <= enough:
        return 0
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    deepest = 0
    for level in accumulate(map(_STEP.__getitem__, brackets)):
        if level > deepest:
            deepest = level
            if deepest > enough:
                break
    return deepest


def mend(data: bytes) -> bytes:
    r"""The same JSON with a \u0000 in place of every unpaired surrogate escape."""
    return _ESCAPE.sub(lambda found: rb"\u0000" if found[2] else found[0], data) if b"\\u" in data else data


def _walk(body: bytes, decode: Callable[[bytes], T]) -> T:
    """Decode the whole, trying once more without unpaired surrogates."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadDocument(f"the body is not UTF-8: byte {error.start} is {error.reason}") from None
    if depth(body, DEEPEST) > DEEPEST:
        raise BadDocument(f"the body nests deeper than {DEEPEST} levels")
    try:
        return decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return decode(mend(body))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadDocument(f"the body is not JSON: {error}"[:200]) from None


def _looks_like_lines(body: bytes) -> bool:
    """Whether one line, unindented, is an object by itself and not the only line."""
    lines = split_ndjson(body)
    return len(lines) > 1 and any(_is_object(line) for line in lines)


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{") or depth(line, DEEPEST) > DEEPEST:
        return False
    try:
        _single(mend(line))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True
