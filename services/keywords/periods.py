"""Stretches of time as staff write them on a command line."""

import re

from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.errors import UsageError
from monitor.logs import visible

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN = re.compile(r"([1-9]\d{0,5})([smhdw])")


def span_of(text: str, option: str) -> int:
    """`24h`, `7d`, `4w` in micros; UsageError for anything else."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise UsageError(f"{option} {visible(text[:20])}: 请写成 24h, 7d 或 4w")
    return int(found[1]) * _UNITS[found[2]]
