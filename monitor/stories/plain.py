"""
Plain: a text said plainly, so that what different people write of one thing looks the same.

A figure becomes its digits (三百八十万, 380万, 0.038亿 are one), counted people are 人 and the dead 死 (`7死`, `19人`), and each word for a
kind of happening the name of that kind (kinds.tsv) between two signs. It is for terms alone: copies are known by the words as they stand.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

KIND = "="  # on either side of the name of a kind
_DIGITS = {sign: worth for worth, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1_000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}
_ZEROS = {"百": 2, "千": 3, "万": 4, "亿": 8}
_SEVERAL = 2  # 一名, 一个 count nothing

_FIRST, _OTHER = "一二两三四五六七八九", "〇零一二两三四五六七八九十百千万亿"
_SPOKEN = re.compile(f"[{_FIRST}十][{_OTHER}]*(?=[余多]?[人名位个辆车死伤])|[{_FIRST}][{_OTHER}]{{2,}}")
_FIGURE = re.compile(r"\d")
_MULTIPLIED = re.compile(r"(\d+(?:\.\d+)?)[余多]?(百万|千万|百亿|千亿|[千万亿])(?!\d)")
_COUNTED = re.compile(  # what is left of it: the figure, and 人 or 车
    r"(?<=\d)(?:[余多](?=[人名位个辆户])|号(?=线|楼|店|井|库|炉|车间|桥|院|机组)|[辆台][小轿货客汽]?(?=车)"
    r"|(?<!第\d)(?<!第\d\d)[余多]?(?:[名位](?![次于置])人?|个(?=孩|娃|学生|工人|员工|乘客|业主|村民|居民|小孩|老人|女|男|伤)|个人)(?P<people>)|伤(?P<hurt>))"
)
_BETWEEN = r"[^\W\d]{0,5}?"
_DEAD = "(?:死亡|遇难|身亡|丧生|罹难|殒命|溺亡|坠亡|不治|没了|[烧砸撞]死|死)"
_HURT = "(?:受伤|轻伤|重伤|伤|送医|就医|住院)"
_TOLL = re.compile(
    rf"(?P<toll>\d+)人{_BETWEEN}(?:(?P<dead>{_DEAD})|{_HURT})(?:溺水)?(?:死亡|身亡)?"
    rf"|(?<!\d)(?:(?P<died>{_DEAD})|{_HURT})[者了]?(?:人数)?[已的]?(?:[升增]?至|达)?(?P<count>\d+)[人个]"
)


def plain(folded: str) -> str:
    """A folded text so said."""
    text = _SPOKEN.sub(_in_digits, folded)
    if _FIGURE.search(text):
        text = _TOLL.sub(_toll, _COUNTED.sub(_counted, _MULTIPLIED.sub(_multiplied, text)))
    forms, names = _kinds()
    return forms.sub(lambda found: names[found[0]], text)


def worth(numeral: str) -> int | None:
    """What a Chinese numeral is worth; None if it is none, such as 七八 or 十百."""
    whole = section = 0
    digit, below = None, _MYRIADS["万"]
    for sign in numeral:
        if sign in _MYRIADS:
            section += digit or 0
            whole = whole + section * _MYRIADS[sign] if sign == "万" else (whole + section) * _MYRIADS[sign]
            section, digit, below = 0, None, _MYRIADS["万"]
        elif sign in _TENS:
            if _TENS[sign] >= below:
                return None
            below = _TENS[sign]
            section, digit = section + (1 if digit is None else digit) * below, None
        elif sign not in "〇零":
            if digit is not None:
                return None
            digit = _DIGITS[sign]
    return whole + section + (digit or 0)


def kinds() -> dict[str, float]:
    """What sharing each kind tells, by its name as it stands in a text."""
    return {f"{KIND}{forms[0]}{KIND}": told for told, forms in _rows()}


def _in_digits(found: re.Match[str]) -> str:
    value = worth(found[0])
    return found[0] if value is None or value < _SEVERAL else str(value)


def _multiplied(found: re.Match[str]) -> str:
    whole, _, part = found[1].partition(".")
    zeros = sum(_ZEROS[sign] for sign in found[2]) - len(part)
    return found[0] if zeros < 0 else (whole + part + "0" * zeros).lstrip("0") or "0"


def _counted(found: re.Match[str]) -> str:
    return "" if found["people"] is None and found["hurt"] is None else "人"


def _toll(found: re.Match[str]) -> str:
    return f"{found['toll'] or found['count']}{'死' if found['dead'] or found['died'] else '人'}"


@cache
def _kinds() -> tuple[re.Pattern[str], dict[str, str]]:
    """All forms, those with one first character together, the longest first; and the name that each stands for."""
    names = {form: f"{KIND}{forms[0]}{KIND}" for _, forms in _rows() for form in forms}
    under: dict[str, list[str]] = {}
    for form in sorted(names, key=lambda form: (-len(form), form)):
        under.setdefault(form[0], []).append(form[1:])
    return re.compile("|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in under.items())), names


def _rows() -> Iterator[tuple[float, list[str]]]:
    for line in resources.files("monitor.stories").joinpath("kinds.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            told, _, forms = line.partition("\t")
            yield float(told), forms.split(" ")
