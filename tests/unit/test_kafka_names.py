"""What is a name in a record's header, and what anybody else may have written there."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.bus.kafka_names import ONCE, Names, header, named

Value = bytes | None


class Kept:
    """A topic of one partition whose records carry these headers."""

    def __init__(self, values: Iterable[Value]) -> None:
        self.records_kept = [SimpleNamespace(offset=n, headers=[("trace", None), (ONCE, value)]) for n, value in enumerate(values)]

    async def bounds(self, _: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
        """From the first to the last."""
        return dict.fromkeys(partitions, (0, len(self.records_kept)))

    async def records(self, _: tuple[str, int], offset: int, limit: int, __: float) -> list[Any]:
        """From there on."""
        return self.records_kept[offset : offset + limit]


def looked(*values: Value) -> Names:
    """The names of a topic whose records carry these headers."""
    names = Names(Kept(values), "t", 1)  # type: ignore[arg-type]
    asyncio.run(names.look())
    return names


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 999_999_999), st.data())
def test_what_we_write_is_read(name: str, count: int, data: st.DataObject) -> None:
    """Whatever the name holds, slashes and line breaks too."""
    number = data.draw(st.integers(0, count - 1))
    key, value = header(name, number, count)
    assert (key, named(value)) == (ONCE, (name, number, count))


@given(st.none() | st.binary() | st.from_regex(rb"-?[0-9]{0,12}/-?[0-9]{0,12}/.{0,9}", fullmatch=True))
@example(b"9" * 5_000 + b"/1/x")
def test_whatever_a_stranger_wrote_is_read_past(value: Value) -> None:
    """The name behind it is found, and nothing is raised."""
    assert looked(value, header("ours, behind it", 0, 1)[1]).whole("ours, behind it")


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"x", b"7", b"1/2", b"//", b"0/1/", b"a/b/ours", b"0/0/ours", b"0/-1/ours", b"-1/1/ours", b"1/1/ours", b"+0/1/ours",
        b" 0/1/ours", b"0_0/1/ours", b"0/1/\xff", b"\xef\xbc\x90/1/ours", b"0/1000000000/ours",
    ],
)  # fmt: skip
def test_what_is_not_ours_names_nothing(value: Value) -> None:
    """Not even a part: a number beyond the count, a count of nothing, other digits and signs are not what we write."""
    assert named(value) is None
    names = looked(value)
    assert (names.whole("ours"), list(names.arrived("ours"))) == (False, [])
