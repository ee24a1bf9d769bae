"""What is wrong with a row of a file is said in Chinese, by the names its keeper knows."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.border import FileDefaults, parse
from monitor.collecting.reading import read_file
from monitor.collecting.reasons import FIELDS, TIMES, in_chinese
from monitor.errors import InvalidMention
from monitor.mention import Mention
from tests.unit.collecting.test_file import DEFAULTS, NOW, ZONE

WHOLE = [b"[1]", b"{", b'{"a": "\xff"}', b'{"a":' * 100 + b"1" + b"}" * 100, b'{"text": "%b"}' % (b"a" * 300_000), b"\xff"]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**60), st.floats(-5, 5), st.text(max_size=4),
    st.sampled_from(["", "\0", "a\x1b", "x" * 70_000, "1999-01-01T00:00:00Z", "2126-01-01T00:00:00Z", "2026-01-01T00:00:00"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)  # fmt: skip


def told(data: bytes, defaults: FileDefaults | None = None) -> list[str]:
    """What is wrong, as staff read it."""
    try:
        parse(data, NOW, defaults)
    except InvalidMention as invalid:
        return in_chinese(invalid).errors
    return []


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, max_size=6), st.sampled_from([None, DEFAULTS]))
def test_whatever_the_border_says_has_its_chinese(values: dict[str, object], defaults: FileDefaults | None) -> None:
    """No field and no reason is left in the words of the API; the field stands before it as ever."""
    for error in told(json.dumps(values).encode(), defaults):
        field, _, words = error.partition(": ")
        assert field in FIELDS
        assert words.startswith(FIELDS[field])
        assert re.search("[一-鿿]", words.removeprefix(FIELDS[field]).replace(TIMES, ""))
        assert not re.search(r"\b(must|is|lies|longer|contains|needs|not)\b", words)


def test_what_is_wrong_with_a_line_as_a_whole_has_its_chinese() -> None:
    """Broken, no object, too deep, too long, not UTF-8."""
    for line in WHOLE:
        (error,) = told(line)
        assert error.startswith("object: ")
        assert re.search("[一-鿿]", error)
    assert {name for name in Mention.__struct_fields__ if name not in FIELDS} == set()


def test_a_row_names_the_column_and_asks_for_no_id(tmp_path: Path) -> None:
    """The heading as the file has it, the forms a time may have, and nothing that a file may leave out."""
    (tmp_path / "a.csv").write_text("标题,正文,发布日期,点赞量\na,b,昨天,很多\n", "utf-8")
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n', "utf-8")
    ((_, row),) = read_file(tmp_path / "a.csv", NOW, DEFAULTS)
    ((_, line),) = read_file(tmp_path / "a.jsonl", NOW, DEFAULTS)

    assert str(row) == f"published_at: 发布日期 不是能读懂的时间, 可以写成 {TIMES}; likes: 点赞量 应是不小于 0 的整数"
    assert str(line) == "published_at: 发布时间 缺这一项"


def test_the_forms_of_a_time_that_are_told_are_read(tmp_path: Path) -> None:
    """In a table and in a line of JSON alike."""
    at = datetime(2026, 11, 22, 8, 30, tzinfo=ZONE)
    forms = [*(form.rpartition(" 的 ")[2].strip() for form in re.findall(r"2026[^、a-z]*", TIMES)), "46348.354166666664",
             str(int(at.timestamp())), str(int(at.timestamp() * 1000))]  # fmt: skip
    (tmp_path / "a.csv").write_text("正文,发布时间\n" + "".join(f"x,{form}\n" for form in forms), "utf-8")
    lines = [{"text": "x", "published_at": form} for form in (*forms, int(at.timestamp()))]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    for name, count in (("a.csv", len(forms)), ("a.jsonl", len(lines))):
        made = [one for _, one in read_file(tmp_path / name, NOW, DEFAULTS)]
        assert len(made) == count >= 7
        assert {one.published_at.astimezone(UTC) for one in made if isinstance(one, Mention)} == {at.astimezone(UTC)}
        assert not any(isinstance(one, InvalidMention) for one in made)
