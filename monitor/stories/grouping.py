"""
Grouping: to which story of its subject a mention belongs.

In this order: the cascade it says it is part of (root, parent, or an earlier one that named it), the same words (quoted or its own),
words most of which stand in the other (containment of shingles; not where these tell nothing of the subject, or the texts name other
places or persons), the same happening told in other words (happening.py), else nowhere: it waits alone in the residual story (散点),
and founds a story once a second one joins it.

Words are found for some days after they were told; a repost tells nothing again, so what is long since told, and is still passed
on, draws in no new text. Everything is decided by what is alive at `now`, never by when memory was swept: so a desk rebuilt from
stored mentions groups as one that never stopped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import NamedTuple

from monitor.clock import DAY
from monitor.mention import Mention, identity
from monitor.stories.happening import same_happening
from monitor.stories.keys import key_of
from monitor.stories.names import Names
from monitor.stories.node import DAYS, HORIZON, Filed, Holders, Node
from monitor.stories.segments import Segment, Segments
from monitor.stories.shingles import ENOUGH, Shingled, copies
from monitor.stories.sketch import Sketch, least
from monitor.stories.telling import (
    FILED_SHINGLES,
    REPLIES,
    Telling,
    Wording,
    comparable,
    elsewhere,
    filed_terms,
    mass,
    packed,
    telling_text,
    unpacked,
)  # fmt: skip

__all__ = ["HORIZON", "Grouping", "Node", "Remembered", "Ties"]

_COMMON = 32  # of the texts that share a shingle only the newest are looked at
_CANDIDATES = 8
_REMEMBERED = 2_048
_WORKED_OUT = 384  # texts whose shingles and terms are remembered: up to 20 kB each


class Ties(NamedTuple):
    """The node a mention belongs to, and other living ones that it ties to it so strongly that they are one story."""

    home: Node
    also: tuple[Node, ...]


class Remembered:
    """What was worked out of the latest mentions: it saves work and decides nothing. All subjects share it, however many there are."""

    def __init__(self) -> None:
        self.subjects = 0  # and other names of one, so far
        self.named: dict[tuple[str, str], int] = {}
        self.wordings: dict[tuple[int, str], Wording] = {}
        self.last: tuple[int, Mention, list[int], Telling | None] | None = None


class Grouping:
    """
    The living nodes of one subject. `fold` makes texts comparable (monitor/scoring/fold.py).

    `names`: what every mention of the subject says anyway, its own names; sharing them tells nothing.
    `now`: how far the log has come; what was told too long before to be found is not filed when stories are taken up again.
    """

    def __init__(
        self, fold: Callable[[str], str], names: Collection[str] = (), now: int = 0, remembered: Remembered | None = None
    ) -> None:  # fmt: skip
        self._fold = fold
        self._today = now // DAY
        self._nodes: dict[bytes, Node] = {}
        self._holders = Holders()
        self._segments = Segments()
        self._count = 0
        self._remembered = remembered or Remembered()
        self.call(names)

    def call(self, names: Collection[str]) -> None:
        """Other names of the subject, from the next mention on."""
        self._names = Names.of(names, self._fold)
        self._remembered.subjects += 1
        self._own = self._remembered.subjects  # whose words it works out: what is remembered under other names is not its own

    def find(self, mention: Mention, now: int) -> Ties | None:
        """The living node the mention belongs to with those it ties to it, or None."""
        self._today = max(self._today, now // DAY)
        links, telling = self._read(mention)
        found: list[Node] = []
        for key in links:
            found += self._holders.living(key, now)
        if telling and not (found and telling.short):
            found += self._holders.living(telling.told, now) or self._like(telling, now, linked=bool(found))
        if not found:
            return None
        home = found[0]
        others = [node for node in found if node is not home]
        return Ties(home, tuple(dict.fromkeys(others)) if others else ())

    def node(self, founder: bytes) -> Node | None:
        """The node that began with this mention, if it is not forgotten."""
        return self._nodes.get(founder)

    def nodes(self) -> Iterable[Node]:
        """All that are not forgotten."""
        return self._nodes.values()

    def join(self, node: Node, mention: Mention, now: int) -> None:
        """Make the mention part of a node, so that what links to it or repeats it finds the node."""
        self._count += 1
        self._join(node, mention, now, founds=False)

    def found(self, mention: Mention, story: str, now: int) -> Node:
        """A new node with this mention as its first; `story` "" for one that waits alone."""
        self._count += 1
        digest = mention.digest
        node = self._nodes[digest] = Node(digest, story, now, self._count)
        self._join(node, mention, now, founds=True)
        return node

    def merge(self, into: Node, gone: Node) -> None:
        """Everything filed under `gone` finds `into` from now on, as if all had joined the one that began first."""
        if into is gone:
            return
        self._holders.merge(into, gone)
        into.resketch(gone)
        younger = max(into, gone, key=lambda node: node.order)
        texts = sorted(into.filed + gone.filed, key=lambda filed: filed.order)
        brought = [filed for filed in younger.filed if filed.quoted]
        into.filed = gone.filed = ()
        for filed in texts:
            # As joining would have had it: what a repost brings is filed only where it founds, of the rest the first few a day.
            if filed not in brought and (filed.quoted or into.room(filed.day, filed.told)):
                filed.node = into
                into.filed += (filed,)
            else:
                self._segments.unfile(filed)
        for node in (into, gone):
            self._nodes.pop(node.founder, None)
        if gone.order < into.order:
            into.founder, into.order, into.told = gone.founder, gone.order, gone.told
        self._nodes[into.founder] = into
        into.touched = max(into.touched, gone.touched)

    def forget(self, node: Node) -> None:
        """Let go of a node, living or not."""
        self._nodes.pop(node.founder, None)
        self._holders.drop(node)
        for filed in node.filed:
            self._segments.unfile(filed)
        node.filed = ()

    def sweep(self, now: int) -> list[Node]:
        """Forget the nodes no longer alive; returns them. Changes no answer of `find`."""
        for filed in self._segments.drop_old(now):
            filed.node.filed = tuple(other for other in filed.node.filed if other is not filed)
            filed.node.trim()
        gone = [node for node in self._nodes.values() if not node.alive(now)]
        for node in gone:
            self.forget(node)
        return gone

    def keys(self, node: Node) -> tuple[int, ...]:
        """By what it may be woken when it has settled: how it began, what was passed on first (16 at most), sketches of its first texts."""
        return node.wakers()

    def wakers(self, mention: Mention) -> list[int]:
        """The keys of a new mention by which it may wake a settled story, best first: its cascade, then its exact words."""
        links, telling = self._read(mention)
        return [*links, telling.told] if telling else links

    def words(self, mention: Mention) -> Shingled | None:
        """The shingles by which a new mention may be known as a near-copy of what is no longer at hand; None: they are too few."""
        telling = self._read(mention)[1]
        if telling is None or telling.short or len(telling.words.shingled.own) < ENOUGH:
            return None
        return telling.words.shingled

    def sketches(self, mentions: Iterable[Mention], most: int) -> tuple[Sketch, ...]:
        """The sketches of the first different texts of these."""
        tellings = (self._read(mention)[1] for mention in mentions)
        taken = [telling.words.sketch for telling in tellings if telling and not telling.short]
        first = {least(one): one for one in reversed(taken) if one}
        return tuple(one for one in dict.fromkeys(taken) if first.get(least(one)) == one)[:most]

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _read(self, mention: Mention) -> tuple[list[int], Telling | None]:
        """The keys of its cascade (what it says it belongs to, last what it is), and its words if they tell anything."""
        last = self._remembered.last
        if last and last[1] is mention and last[0] == self._own:
            return last[2:]
        links = [self._key(mention.source, name) for name in (mention.root, mention.parent) if name]
        links.append(key_of(mention.digest))
        last = self._remembered.last = (self._own, mention, links, self._telling(mention))
        return last[2:]

    def _key(self, source: str, item: str) -> int:
        """The key of an item that another names: of most, the same few are named again and again."""
        named = self._remembered.named
        key = named.get((source, item))
        if key is None:
            if len(named) >= _REMEMBERED:
                named.clear()
            key = named[source, item] = key_of(identity(source, item))
        return key

    def _telling(self, mention: Mention) -> Telling | None:
        text, quoted = telling_text(mention)
        wordings = self._remembered.wordings
        words = wordings.get((self._own, text))
        if words is None:
            if len(wordings) >= _WORKED_OUT:
                wordings.clear()
            words = wordings[self._own, text] = Wording(text, self._fold, self._names)
        telling = Telling(words, words.told, words.short, quoted, mention.kind in REPLIES)
        return telling if comparable(telling) else None

    def _join(self, node: Node, mention: Mention, now: int, *, founds: bool) -> None:
        links, telling = self._read(mention)
        node.touched, new = max(node.touched, now), founds
        if founds and len(links) == 1:
            self._holders.begin(node, telling.told if telling else 0)
        else:
            node.told = telling.told if founds and telling else node.told
            for key in links:
                self._holders.use(key, node, self._count)
            new = telling is not None and self._holders.use(telling.told, node, self._count)
        if telling:
            self._tell(node, telling, now, founds=founds, new=new)
        if mention.root:
            node.name(links[0], self._count)
        elif telling and telling.quoted:
            node.name(telling.told, self._count)

    def _tell(self, node: Node, telling: Telling, now: int, *, founds: bool, new: bool) -> None:
        """Remember the words, `new` if they are to the node, and let others find them while they are recent."""
        day = now // DAY
        filed = self._today - DAYS <= day and (founds if telling.quoted else node.room(day, telling.told))
        if filed:
            self._file(node, telling, now)
        if new and not (telling.short or node.sketched) and (one := telling.words.sketch):
            node.sketch(telling.words.whole if filed else one, self._count)  # what is filed is kept once

    def _file(self, node: Node, telling: Telling, now: int) -> None:
        """Let others find the text by its words. A reply is never told in other words."""
        whole = telling.words.whole
        termed = None if telling.reply and not telling.quoted else telling.words.termed
        sums = sorted({*termed.keys.values(), *termed.marks}) if termed else []
        filed = Filed(
            node, self._count, now, told=telling.told, quoted=telling.quoted, whole=whole, terms=packed(sums),
            mass=round(mass(termed.found)) if termed else 0,
        )  # fmt: skip
        node.filed += (filed,)
        under = unpacked(whole)[:FILED_SHINGLES] if len(telling.words.shingled.whole) >= ENOUGH else ()
        self._segments.file(filed, under, filed_terms(termed) if termed else ())

    def _like(self, telling: Telling, now: int, *, linked: bool) -> list[Node]:
        """The nodes that tell the same, mostly in these words, else (for one without a link) in others."""
        segments = self._segments.recent(now)
        near, loose, others = self._copies(telling, segments, now)
        if near or linked:
            return near
        if loose:
            return loose[:1]
        told = None if telling.reply and not telling.quoted else same_happening(telling, segments, now, others)
        return [told] if told else []

    def _copies(self, telling: Telling, segments: list[Segment], now: int) -> tuple[list[Node], list[Node], set[Node]]:
        """
        The nodes with a text that resembles this one, and those where only one contains the other; each the oldest first.

        And the nodes with a text that says as much of other places or persons: no other text of theirs is told of these.
        """
        mine = telling.words.shingled
        near, loose, others = set[Node](), set[Node](), set[Node]()
        for filed in self._candidates(mine.own, segments, now) if len(mine.own) >= ENOUGH else ():
            copied = copies(mine, unpacked(filed.whole))
            if copied and elsewhere(telling, filed):
                others.add(filed.node)
            elif copied and copied != "frame":
                (near if copied == "both" else loose).add(filed.node)
        return _oldest_first(near), _oldest_first(loose), others

    def _candidates(self, own: frozenset[int], segments: list[Segment], now: int) -> list[Filed]:
        """The filed texts that share the most shingles with this one; a function of the living alone."""
        having: dict[int, list[Filed]] = {}
        for segment in segments:
            segment.shingles.gather(own, _COMMON, now - DAYS * DAY, having)
        shared = Counter(chain.from_iterable(having.values()))
        return sorted(shared, key=lambda filed: (-shared[filed], filed.order))[:_CANDIDATES]


def _oldest_first(nodes: set[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.order)
