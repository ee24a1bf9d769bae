"""The agenda: from which moment on something of a story may change because time passed."""

import heapq
from collections.abc import Iterator

from monitor.clock import MINUTE
from monitor.escalation.step import NEVER
from monitor.escalation.story import Story


class Agenda:
    """
    Stories by their `due`; entries a story no longer agrees with are passed over.

    A replay looks at them at each whole minute (`minutes`), a live tick at all that are due by then (`due`). Both see the same stories
    after a restart, for which everything is due at once: one that is not has nothing to decide, and what is late waits for the next look.
    """

    def __init__(self, stories: dict[str, Story]) -> None:
        self._stories = stories
        self._heap: list[tuple[int, str]] = []

    def enter(self, story: Story, due: int) -> None:
        """Look at the story from then on, and not when it was to be looked at before."""
        if due != story.due:
            story.due = due
            if due != NEVER:
                heapq.heappush(self._heap, (due, story.id))

    def soon(self, story: Story) -> None:
        """Look at the story as soon as time passes."""
        self.enter(story, 0)

    def due(self, now: int) -> list[str]:
        """Whatever is due by now, in the order of names."""
        return sorted(key for key, story in self._stories.items() if story.due <= now)

    def minutes(self, now: int, until: int) -> Iterator[tuple[int, list[str]]]:
        """Each whole minute after `now` at which something is due, and what, which is due no more; the last is no later than `until`."""
        while self._heap:
            now = max(-(-self._heap[0][0] // MINUTE), now // MINUTE + 1) * MINUTE
            if now > until:
                return
            found = []
            while self._heap and self._heap[0][0] <= now:
                due, key = heapq.heappop(self._heap)
                story = self._stories.get(key)
                if story and story.due == due:
                    story.due = NEVER
                    found.append(key)
            yield now, sorted(found)

    def tidy(self) -> None:
        """Drop the entries that would be passed over."""
        held = {(due, key) for due, key in self._heap if key in self._stories and self._stories[key].due == due}
        self._heap = sorted(held)
