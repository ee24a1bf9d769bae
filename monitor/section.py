"""
One mapping of the configuration under examination.

A Section hands out typed values by key and notes what is wrong in its Report, with the line and the user's own value; in the end
`finish()` names the keys that nobody asked for. A wrong value reads as its default, so that one mistake hides no other.
"""

import difflib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.plain_files import read_plain
from monitor.settings import Secret
from monitor.yaml_lines import Item, Report, show

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
_DURATION = re.compile(r"(\d{1,9})\s*([smhdwy])")
LONGEST_DURATION = 1000 * 365 * DAY
_DIGITS = re.compile(r"-?\d{1,18}")
_FLAGS = {"true": True, "false": False}
MAX_SECRET_BYTES = 65_536


class Found(NamedTuple):
    """A secret and the place that named it."""

    value: Secret
    item: Item


def hint(word: str, choices: Collection[str]) -> str:
    """“你是不是想写 X？” when one of the choices is near, else all of them when they are few."""
    near = difflib.get_close_matches(word[:100].lower(), choices, n=1, cutoff=0.6)
    if near:
        return f"是不是想写 {near[0]}？"
    return f"可用的有：{'、'.join(choices)}" if 0 < len(choices) <= 16 else "请检查拼写"  # noqa: PLR2004 what fits a line


def kind_of(value: object) -> str:
    """What a value is, for a person."""
    if isinstance(value, bool):
        return f"是否值 {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"数字 {value}"[:70]
    if isinstance(value, str):
        return f"文字 {show(value)}"
    return "列表" if isinstance(value, list) else "映射（键: 值）" if isinstance(value, dict) else "空"


class Section:
    """A mapping and the report of its file; `title` names it in messages."""

    def __init__(self, report: Report, item: Item, title: str) -> None:
        self.report = report
        self.title = title
        self.line = item.line
        self._items: dict[str, Item] = item.value if isinstance(item.value, dict) else {}
        self._asked: set[str] = set()

    def finish(self) -> None:
        """Name every key that is not known here."""
        for key, item in self._items.items():
            if key not in self._asked:
                self.report.say(item.key_line, f"{self.title}里没有 {show(key)} 这一项，{hint(key, sorted(self._asked))}")

    def ignore_rest(self) -> None:
        """Nothing more is known about this section, so nothing in it is called unknown."""
        self._asked |= self._items.keys()

    def wrong(self, key: str, message: str) -> None:
        """Note a mistake at a key, or at the section where the key is absent."""
        item = self._items.get(key)
        self.report.say(item.line if item else self.line, message)

    def get(self, key: str) -> Item | None:
        """The value as it stands; null is the same as absent."""
        self._asked.add(key)
        item = self._items.get(key)
        return item if item is not None and item.value is not None else None

    def missing(self, key: str, why: str) -> None:
        """Note that a required key is absent."""
        self.report.say(self.line, f"{self.title}缺少 {key}：{why}")

    def text(self, key: str, default: str = "", *, required: str = "") -> str:
        """A text that is not empty; `required` says what it is for when it must be there."""
        item = self.get(key)
        if item is None:
            if required:
                self.missing(key, required)
            return default
        return self.text_of(item, key) or default

    def text_of(self, item: Item, key: str) -> str:
        """An item as text; a number or a flag is the user's slip, as YAML has already changed how it was written."""
        if not isinstance(item.value, str):
            quote = "，若就是要这几个字，请加引号" if isinstance(item.value, (int, float)) else ""
            self.report.say(item.line, f"{key} 应是文字，这里是{kind_of(item.value)}{quote}")
            return ""
        if not item.value.strip():
            if not item.filled:
                self.report.say(item.line, f"{key} 是空的，请填写或删去这一行")
            return ""
        return item.value

    def optional(self, key: str) -> str | None:
        """A text or None."""
        return self.text(key) or None

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        """One of a closed set of words."""
        word = self.text(key, default)
        if word in choices or self.get(key) is None:
            return word
        self.wrong(key, f"{key} 不能是 {show(word)}，{hint(word, choices)}")
        return default

    def flag(self, key: str, default: bool) -> bool:  # noqa: FBT001 read as flag("alerts", True)
        """True or false."""
        item = self.get(key)
        if item is None:
            return default
        value = _FLAGS.get(str(item.value).lower()) if item.filled else item.value
        if isinstance(value, bool):
            return value
        self.report.say(item.line, f"{key} 应是 true 或 false，这里是{kind_of(item.value)}")
        return default

    def integer(self, key: str, default: int | None, low: int, high: int) -> int | None:
        """A whole number within bounds."""
        item = self.get(key)
        if item is None:
            return default
        value = item.value
        if item.filled and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.report.say(item.line, f"{key} 应是 {low} 到 {high} 的整数，这里是{kind_of(item.value)}")
        return default

    def duration(self, key: str, default: int) -> int:
        """A span like 60s, 5m, 2h, 7d, 3y, in micros."""
        item = self.get(key)
        if item is None:
            return default
        match = _DURATION.fullmatch(item.value.strip()) if isinstance(item.value, str) else None
        span = int(match[1]) * _UNITS[match[2]] if match else 0
        if 0 < span <= LONGEST_DURATION:
            return span
        self.report.say(item.line, f"{key} 不是有效的时长（{kind_of(item.value)}），请写成 60s、5m、2h、7d 或 3y，不能为 0")
        return default

    def path(self, key: str, default: str) -> Path:
        """A path relative to the file."""
        return self.absolute(self.text(key, default))

    def absolute(self, text: str) -> Path:
        """A path as the file means it."""
        return (self.report.folder / text).absolute()

    def items(self, key: str) -> list[Item]:
        """The members of a list."""
        item = self.get(key)
        if item is None:
            return []
        if isinstance(item.value, list):
            return item.value
        self.report.say(item.line, f"{key} 应是列表（每行以 - 开头，或写在 [ ] 里），这里是{kind_of(item.value)}")
        return []

    def texts(self, key: str) -> list[tuple[str, Item]]:
        """A list of texts, each with its place; repeated ones are a mistake."""
        found: dict[str, Item] = {}
        for item in self.items(key):
            text = self.text_of(item, f"{key} 的每一项") if item.value is not None else self._empty(item, key)
            if text in found:
                self.report.say(item.line, f"{key} 里 {show(text)} 重复（第 {found[text].line} 行已有），请只留一个")
            elif text:
                found[text] = item
        return list(found.items())

    def words(self, key: str, choices: Collection[str] = ()) -> tuple[str, ...]:
        """A list of texts, of a closed set if given."""
        found = self.texts(key)
        for text, item in found:
            if choices and text not in choices:
                self.report.say(item.line, f"{key} 里没有 {show(text)} 这一种，{hint(text, choices)}")
        return tuple(text for text, _ in found)

    def sections(self, key: str, title: str) -> Iterator["Section"]:
        """The mappings of a list; each is finished when the next is asked for."""
        for number, item in enumerate(self.items(key), 1):
            if isinstance(item.value, dict):
                section = Section(self.report, item, f"{title} {number} 项")
                yield section
                section.finish()
            else:
                self.report.say(item.line, f"{key} 的第 {number} 项应是映射（键: 值），这里是{kind_of(item.value)}")

    def section(self, key: str) -> "Section | None":
        """A mapping inside this one; the caller finishes it."""
        item = self.get(key)
        if item is None:
            return None
        if isinstance(item.value, dict):
            return Section(self.report, item, f"{key} ")
        self.report.say(item.line, f"{key} 应是映射（键: 值），这里是{kind_of(item.value)}")
        return None

    def members(self) -> list[tuple[str, Item]]:
        """Every key with its value, for mappings whose keys are free."""
        return list(self._items.items())

    def mapping(self, key: str) -> dict[str, tuple[str, Item]]:
        """A mapping of free keys to texts."""
        section = self.section(key)
        if section is None:
            return {}
        return {name: (text, item) for name, item in section.members() if (text := section.text_of(item, name))}

    def name(self, seen: dict[str, int], what: str) -> str:
        """The entry's `name`, which no other of its list may have; messages about it use the name from here on."""
        name = self.text("name", required=f"请给这个{what}起一个名字")
        item = self.get("name")
        if not name or item is None:
            return name
        if name in seen:
            self.report.say(item.line, f"{what}名 {show(name)} 重复（第 {seen[name]} 行已有），请改名")
        seen.setdefault(name, item.line)
        self.title = f"{what}{show(name)}"
        return name

    def secret(self, key: str, called: str = "") -> Found | None:
        """A secret from `key`, `key_env` or `key_file`; the value itself is never in a message, which says `called` for the key."""
        forms = [(form, item) for form in (key, f"{key}_env", f"{key}_file") if (item := self.get(form)) is not None]
        if len(forms) > 1:
            self.report.say(forms[1][1].line, f"{' 和 '.join(form for form, _ in forms)} 只能写一个，请删去多余的")
        if not forms:
            return None
        form, item = forms[0]
        if not isinstance(item.value, str):
            self.report.say(item.line, f"{form} 应是文字，请加引号")
            return None
        value, said = item.value, called or f"{form} "
        if form.endswith("_env"):
            value = self._from_environment(said, item, value)
        elif form.endswith("_file"):
            value = self._from_file(said, item, value)
        elif not value.strip() and not item.filled:
            self.report.say(item.line, f"{said}是空的，请填写或删去这一行")
        return Found(Secret(value), item) if value.strip() else None

    def _empty(self, item: Item, key: str) -> str:
        self.report.say(item.line, f"{key} 里有一个空项，请填写或删去")
        return ""

    def _from_environment(self, said: str, item: Item, name: str) -> str:
        value = self.report.environ.get(name, "")
        if not value.strip():
            state = "是空的" if name in self.report.environ else "没有设置"
            self.report.say(item.line, f"{said}所指的环境变量 {show(name)} {state}，请先设置它再启动")
        return value

    def _from_file(self, said: str, item: Item, name: str) -> str:
        try:
            value = read_plain(self.absolute(name), MAX_SECRET_BYTES)[:MAX_SECRET_BYTES].decode("utf-8-sig").strip()
        except (OSError, ValueError):
            self.report.say(item.line, f"{said}所指的文件 {show(name)} 读不了，请检查路径、权限和编码（UTF-8）")
            return ""
        if not value:
            self.report.say(item.line, f"{said}所指的文件 {show(name)} 是空的，请写入密钥")
        return value
