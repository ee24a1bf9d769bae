"""Bodies are cut into elements; only what spoils the whole refuses the whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.documents import DEEPEST, BadDocument, depth, mend, split, split_array, split_ndjson

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def cut(body: bytes) -> list[bytes]:
    """The elements of a body as bytes."""
    return [bytes(element) for element in split(body)]


def test_one_object_an_array_and_lines_are_told_apart() -> None:
    """The same two objects arrive whichever way they are written."""
    assert cut(b' {"a": 1} ') == [b'{"a": 1}']
    assert cut(b'\xef\xbb\xbf[{"a":1}, {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert cut(b'{"a":1}\n\n{"b":2}\r\n') == [b'{"a":1}', b'{"b":2}\r']
    assert cut(b'broken\n{"b":2}') == [b"broken", b'{"b":2}']
    assert cut(b'{\n "a": 1\n}') == [b'{\n "a": 1\n}']
    assert split(b'{"a":\n1}', lines=True) == [b'{"a":', b"1}"]
    assert cut(b"[]") == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"[1,", b'[{"a":1}', b"[1]2", b'{"a":1}{', b"\xff", b'[{"a":"\xff"}]', b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"a":1}\x00', "[1]".encode("utf-16"), b'{\n"a": {},\n}', b'["\\q"]',
        b'"' * 100_000, b'["' + b'\\"' * 100_000,
    ],
)  # fmt: skip
def test_what_spoils_the_whole_refuses_the_whole(body: bytes) -> None:
    """Broken JSON, broken UTF-8 and bottomless nesting have no elements, and say why in a line."""
    with pytest.raises(BadDocument) as raised:
        split(body)

    assert 0 < len(str(raised.value)) <= 200


def test_half_a_surrogate_spoils_only_its_own_element() -> None:
    """Neighbours of an unpaired surrogate are cut out unharmed; the half has become a NUL."""
    good = rb'{"t":"\ud83d\ude00 \\ud800"}'

    assert cut(rb'[%b,{"t":"\ud800"},{"\udc00":1},%b]' % (good, good)) == [good, rb'{"t":"\u0000"}', rb'{"\u0000":1}', good]


def test_an_element_may_nest_to_the_bound_and_not_past_it() -> None:
    """The bound counts the array itself."""
    inside, past = DEEPEST - 1, DEEPEST

    assert len(split_array(b"[1," + b"[" * inside + b"]" * inside + b"]")) == 2
    with pytest.raises(BadDocument, match="nests deeper"):
        split_array(b"[1," + b"[" * past + b"]" * past + b"]")


@given(json_values)
def test_depth_is_what_a_walk_of_the_value_finds(value: object) -> None:
    """Brackets are counted, those inside strings are not."""

    def walked(node: object) -> int:
        if isinstance(node, dict):
            return 1 + max(map(walked, node.values()), default=0)
        if isinstance(node, list):
            return 1 + max(map(walked, node), default=0)
        return 0

    assert depth(b"[" + json.dumps(value).encode() + b"]", 0) == 1
    for enough in range(1, 8):
        assert min(depth(json.dumps(value).encode(), enough), enough) <= min(walked(value), enough)
        assert (depth(json.dumps(value).encode(), enough) > enough) == (walked(value) > enough)


@given(st.lists(json_values, max_size=6))
def test_cutting_an_array_loses_nothing(values: list[object]) -> None:
    """The elements put together again are the array, and as lines they are the same."""
    body = json.dumps(values).encode()
    lines = b"\n".join(json.dumps(value).encode() for value in values)

    assert [json.loads(bytes(element)) for element in split_array(body)] == values
    assert [json.loads(line) for line in split_ndjson(lines)] == values


@given(st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=[]), max_size=20))
def test_mending_makes_any_string_readable_and_keeps_whole_ones(text: str) -> None:
    """Only unpaired surrogates are replaced, each by one NUL."""
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    mended = json.loads(mend(json.dumps(text).encode()))

    assert len(mended) == len(json.loads(json.dumps(text)))
    assert "\0" in mended or mended == paired
