"""Times as people and programs write them -> moments. A time without an offset is in the zone it was given."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

_MILLISECONDS = 10**11  # a number from here on counts milliseconds
_EXCEL = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's day 0 has no zone either
_EXCEL_DAYS = range(36_526, 110_000)  # 2000 to 2201: as Unix seconds all of them would be the second of January 1970
_NUMBER = re.compile(r"-?\d{1,16}(?:\.\d{1,15})?")
_CHINESE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[\sT]*(\d{1,2})\s*[:：时]\s*(\d{1,2})\s*分?(?:\s*[:：]?\s*(\d{1,2})(?:\.\d+)?\s*秒?)?)?"
)
_GMT = re.compile(r"\b(?:GMT|UTC)\s*([+-])(\d{1,2}):?(\d{2})?\b")
_CHINA = re.compile(r"\b(?:CST|北京时间)\b")  # in a Chinese feed this is no Chicago
_JAVA = re.compile(r"([A-Z][a-z]{2}) ([A-Z][a-z]{2}) (\d{1,2}) (\d\d:\d\d:\d\d) (?:([A-Z]{3,4}|[+-]\d{4}) )?(\d{4})")


def moment_of(value: object, zone: tzinfo) -> datetime | None:
    """The moment meant, with its offset; None when no time can be seen in it."""
    try:
        found = _read(value, zone)
        return found.replace(tzinfo=zone) if found is not None and found.tzinfo is None else found
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None


def _read(value: object, zone: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _counted(float(value))
    return _written(" ".join(value.split()), zone) if isinstance(value, str) else None


def _counted(number: float) -> datetime:
    if int(number) in _EXCEL_DAYS:
        return _EXCEL + timedelta(seconds=round(number * 86_400))
    return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS else number, UTC)


def _written(text: str, zone: tzinfo) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _counted(float(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if found := _CHINESE.fullmatch(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return _posted(text, zone)


def _posted(text: str, zone: tzinfo) -> datetime:
    """RFC 822 as feeds write it, and the way Java does."""
    text = _GMT.sub(lambda found: f"{found[1]}{int(found[2]):02}{found[3] or '00'}", text)
    local = _CHINA.search(text) is not None
    text = _CHINA.sub("", text).strip()
    if found := _JAVA.fullmatch(" ".join(text.split())):
        text = f"{found[1]}, {found[3]} {found[2]} {found[6]} {found[4]} {found[5] or ''}".strip()
        local = local or not found[5]
    at = parsedate_to_datetime(text)
    if at.tzinfo is None and not local and text.endswith("-0000"):
        return at.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=zone)
