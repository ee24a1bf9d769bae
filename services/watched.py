"""The subjects a verb is told by name."""

from collections.abc import Collection
from difflib import SequenceMatcher

from monitor.errors import UsageError
from monitor.logs import visible

_TOLD = 16  # names that fit a line or two


def check_watched(names: Collection[str], known: Collection[str]) -> None:
    """UsageError for the first that is not watched; it names those that are, the likeliest meant first."""
    for name in names:
        if name not in known:
            nearest = sorted(known, key=lambda one: -SequenceMatcher(None, name[:100], one).ratio())
            more = f" 等 {len(nearest)} 个" if len(nearest) > _TOLD else ""
            raise UsageError(f"没有名为 {visible(name)} 的监测主题，现有：{'、'.join(map(visible, nearest[:_TOLD]))}{more}")
