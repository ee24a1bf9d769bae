"""
How a story spread: over which platforms, outlets and regions it came, in order of arrival; who carried it; how fast it grew.

Fed one mention at a time, in the order they were said; every list it keeps is bounded.
"""

from array import array
from bisect import bisect_left
from heapq import heappushpop
from typing import NamedTuple

from monitor.clock import HOUR, SECOND, rfc3339

TOP = 10  # names of a list that are told
BUCKETS = 200
_NAMES = 10_000  # different names a list tells apart; later ones are only counted
_DOUBLINGS = 2  # so often a count must have doubled before a speed is told


class Carried(NamedTuple):
    """What one mention is to the spread of its story. `name` is readable, or None; no pseudonym stands here."""

    digest: bytes
    at: int
    kind: str
    source: str
    platform: str | None
    outlet: str | None
    region: str | None
    name: str | None
    role: str | None
    engagement: int
    reach: int
    root: bytes | None
    parent: bytes | None


class _Name:
    """One platform, outlet, region or account: when it first spoke, how often, and what reached farthest."""

    __slots__ = ("first_at", "mentions", "reach")

    def __init__(self, first_at: int) -> None:
        self.first_at, self.mentions, self.reach = first_at, 0, 0


class _Names:
    """The different names of one sort."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], _Name] = {}
        self._mentions = 0

    def add(self, platform: str, name: str, one: Carried) -> None:
        self._mentions += 1
        found = self._names.get((platform, name))
        if found is None:
            if len(self._names) == _NAMES:
                return
            found = self._names[platform, name] = _Name(one.at)
        found.mentions += 1
        found.reach = max(found.reach, one.reach)

    def arrived(self) -> list[dict[str, object]]:
        """The first ten in the order they arrived."""
        return self._told(sorted(self._names, key=lambda key: (self._names[key].first_at, key)))

    def loudest(self) -> list[dict[str, object]]:
        """The ten that reached farthest, of equals who spoke most, then who spoke first."""
        return self._told(sorted(self._names, key=lambda key: (-self._names[key].reach, -self._names[key].mentions, key)))

    @property
    def total(self) -> dict[str, int]:
        """How many different names there are, and how many mentions are theirs."""
        return {"names": len(self._names), "mentions": self._mentions}

    def _told(self, keys: list[tuple[str, str]]) -> list[dict[str, object]]:
        return [
            {"name": name} | ({"platform": platform} if platform else {}) | {
                "first_at": rfc3339(found.first_at), "mentions": found.mentions, "reach": found.reach,
            }
            for (platform, name), found in ((key, self._names[key]) for key in keys[:TOP])
        ]  # fmt: skip


class Spread:
    """The spread of one story. Feed it mentions in the order of `at`."""

    def __init__(self) -> None:
        self._platforms, self._outlets, self._regions = _Names(), _Names(), _Names()
        self._media, self._kol = _Names(), _Names()
        self._kinds: dict[str, int] = {}
        self._times = array("q")
        self._farthest: list[tuple[int, int, bytes]] = []
        self.engagement = 0

    def add(self, one: Carried) -> None:
        """One more mention."""
        platform = one.platform or one.source
        self._times.append(one.at)
        self._kinds[one.kind] = self._kinds.get(one.kind, 0) + 1
        self.engagement += one.engagement
        self._platforms.add("", platform, one)
        if one.outlet:
            self._outlets.add(platform, one.outlet, one)
        if one.region:
            self._regions.add("", one.region, one)
        if one.role == "media":
            self._media.add(platform, one.outlet or one.name or one.source, one)
        elif one.role == "kol" and one.name:
            self._kol.add(platform, one.name, one)
        if one.reach and (len(self._farthest) < TOP or one.reach >= self._farthest[0][0]):
            self._hear(one)

    def _hear(self, one: Carried) -> None:
        heard = (one.reach, -one.at, one.digest)
        if len(self._farthest) < TOP:
            self._farthest.append(heard)
            self._farthest.sort()
        elif heard > self._farthest[0]:
            heappushpop(self._farthest, heard)

    @property
    def farthest(self) -> list[tuple[bytes, int]]:
        """The ten mentions that reached most people, and how far each did."""
        return [(digest, far) for far, _, digest in sorted(self._farthest, reverse=True)]

    def wire(self) -> dict[str, object]:
        """What is told of it, the mentions that carried it farthest aside."""
        times = array("q", sorted(self._times))
        sorts = {"platforms": self._platforms, "outlets": self._outlets, "regions": self._regions, "media": self._media, "kol": self._kol}
        return {
            "first_at": rfc3339(times[0]) if times else None, "last_at": rfc3339(times[-1]) if times else None,
            "counted": len(times), "kinds": dict(sorted(self._kinds.items())),
            "platforms": self._platforms.arrived(), "outlets": self._outlets.arrived(), "regions": self._regions.arrived(),
            "media": self._media.loudest(), "kol": self._kol.loudest(),
            "totals": {sort: names.total for sort, names in sorts.items()},
            "doubling_seconds": doubling_seconds(times), "series": series(times),
        }  # fmt: skip


def series(times: "array[int]") -> dict[str, object] | None:
    """Mentions an hour from the first to the last, or every 2, 4, 8… hours where those would be more than 200 numbers."""
    if not times:
        return None
    width = HOUR
    while times[-1] // width - times[0] // width >= BUCKETS:
        width *= 2
    first = times[0] // width
    counts = [0] * (times[-1] // width - first + 1)
    for at in times:
        counts[at // width - first] += 1
    return {"from": rfc3339(first * width), "seconds": width // SECOND, "counts": counts}


def doubling_seconds(times: "array[int]") -> float | None:
    """
    How long the number of mentions last took to double while it grew.

    It grew until the end of its busiest hour (the first, of equals; an hour begins with a mention). With k mentions by then, said at
    t(1) <= … <= t(k):

        doubling = t(k) - t(⌊k/2⌋)

    None if it never doubled twice (k < 4), or all came in one moment.
    """
    count, end = 0, 0
    for start, at in enumerate(times):
        if start + count < len(times) and times[start + count] < at + HOUR:
            end = bisect_left(times, at + HOUR)
            count = end - start
    if end < 2**_DOUBLINGS or times[end - 1] == times[end // 2 - 1]:
        return None
    return (times[end - 1] - times[end // 2 - 1]) / SECOND
