"""Mentions grouped one after another, as the desk does it."""

from collections.abc import Iterable, Sequence

from monitor.clock import moment
from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.stories.grouping import Grouping


def stories(names: Sequence[str], told: Iterable[tuple[str, int]]) -> list[str]:
    """The story of each text, told of a subject of these names at its moment (micros), after all merges."""
    grouping, homes, merged = Grouping(fold, names), list[str](), dict[str, str]()
    for number, (text, now) in enumerate(told):
        mention = Mention(source="t", id=str(number), text=text, published_at=moment(now))
        ties = grouping.find(mention, now)
        home = ties.home if ties else grouping.found(mention, mention.id, now)
        for other in ties.also if ties else ():
            home, gone = sorted((home, other), key=lambda node: node.order)
            merged[gone.story] = home.story
            grouping.merge(home, gone)
        if ties:
            grouping.join(home, mention, now)
        homes.append(home.story)
    return [_last(merged, story) for story in homes]


def _last(merged: dict[str, str], story: str) -> str:
    while story in merged:
        story = merged[story]
    return story
