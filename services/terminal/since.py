"""`--since`: from which moment on, as people write it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.clock import DAY, SystemClock, micros
from monitor.errors import UsageError
from monitor.escalation.policy import duration
from monitor.logs import visible


def since(text: str | None, zone: ZoneInfo) -> int:
    """The moment meant, micros; 0: any. UsageError: it is neither a moment nor a stretch of time."""
    if text is None:
        return 0
    try:
        if text[-1:] in "smhdw" and text[:-1].isdecimal():
            return SystemClock().now() - (int(text[:-1][:6]) * 7 * DAY if text.endswith("w") else duration(text))
        at = datetime.fromisoformat(text)
        return micros(at if at.tzinfo else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise UsageError(f"--since {visible(text)}: 请写成 2026-11-22、2026-11-22T08:00:00+08:00 或 24h、7d、4w") from None
