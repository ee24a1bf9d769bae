"""What a verb is told by name: one that is not there is answered with those that are."""

from collections.abc import Collection
from difflib import SequenceMatcher

from monitor.errors import UsageError
from monitor.logs import visible

_TOLD = 16  # names that fit a line or two


def check_watched(names: Collection[str], known: Collection[str]) -> None:
    """UsageError for the first that is not watched; it names those that are, the likeliest meant first."""
    for name in names:
        if name not in known:
            raise UsageError(f"没有名为 {visible(name)} 的监测主题，{there_are(name, known)}")


def there_are(name: str, known: Collection[str]) -> str:
    """The names there are, the likeliest meant first."""
    nearest = sorted(known, key=lambda one: -SequenceMatcher(None, name[:100], one).ratio())
    more = f" 等 {len(nearest)} 个" if len(nearest) > _TOLD else ""
    return f"现有：{'、'.join(map(visible, nearest[:_TOLD]))}{more}" if nearest else "一个也没有配置"
