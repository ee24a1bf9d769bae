"""
Crowding: how much room all stories of a partition take together, beyond how many they are.

Each mention adds at most so much. Only when the sum of that may be too much the stories are measured, at moments of the log: so whether
they are too large is a function of the log alone, and almost nothing is spent on it.
"""

from collections.abc import Iterable

from monitor.clock import SECOND
from monitor.mention import Mention
from monitor.stories.node import FILED_ROOM, KEY_ROOM, Node
from monitor.stories.shingles import LONGEST

FACTS = 400_000  # counted mentions of a day in all stories: about 180 MB; of the largest stories the latest count beyond
ROOM = 250_000_000  # bytes of all by which stories are found; the longest quiet settle beyond
WORDS = 30_000_000  # characters of the mentions that wait alone: about 100 MB; beyond, the oldest wait no more
LOOK = 10 * SECOND  # how often it is looked at
LEFT = 7 / 8  # of the bound, when room is made: else it would have to be made again at once
_LINKS = 4  # keys that one mention brings at most
_A_CHARACTER = 12  # bytes of shingles, terms and marks
_EXTRA = 256  # bytes of its places and persons


class Crowding:
    """Upper bounds of what there is: of facts, and of bytes."""

    def __init__(self, facts: int = FACTS, room: int = ROOM) -> None:
        self._most_facts, self._most_room = facts, room
        self._facts = self._room = 0

    def took(self, mention: Mention) -> None:
        """A mention was taken in, or taken up again."""
        self._facts += 1
        self._room += _LINKS * KEY_ROOM + FILED_ROOM + _A_CHARACTER * min(mention.words, LONGEST) + _EXTRA

    @property
    def many(self) -> bool:
        """Whether there may be too many facts."""
        return self._facts > self._most_facts

    @property
    def large(self) -> bool:
        """Whether it may be too many bytes."""
        return self._room > self._most_room

    def kept(self, facts: Iterable[int]) -> int | None:
        """How many facts each story may keep, given how many each has; None: all, for they are not too many."""
        counts = sorted(facts)
        self._facts = sum(counts)
        if not self.many:
            return None
        self._facts = left = int(self._most_facts * LEFT)
        for before, count in enumerate(counts):
            share = left // (len(counts) - before)
            if count > share:
                return share
            left -= count
        return None

    def over(self, told: Iterable[Node], alone: Iterable[Node]) -> int:
        """How many bytes are to be let go of, of the nodes of stories; those that wait alone are bounded elsewhere."""
        room = sum(node.size for node in told)
        self._room = room + sum(node.size for node in alone)
        return room - int(self._most_room * LEFT) if room > self._most_room else 0
