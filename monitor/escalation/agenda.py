"""The agenda: at which minute something of a story may change because time passed."""

import heapq

from monitor.clock import MINUTE
from monitor.escalation.step import NEVER
from monitor.escalation.story import Story


class Agenda:
    """Stories by their `due`; entries a story no longer agrees with are passed over."""

    def __init__(self, stories: dict[str, Story]) -> None:
        self._stories = stories
        self._heap: list[tuple[int, str]] = []

    def enter(self, story: Story, due: int) -> None:
        """Look at the story then, and not when it was to be looked at before."""
        if due != story.due:
            story.due = due
            if due != NEVER:
                heapq.heappush(self._heap, (due, story.id))

    def soon(self, story: Story, now: int) -> None:
        """Look at the story at the next whole minute."""
        self.enter(story, (now // MINUTE + 1) * MINUTE)

    def next(self, until: int) -> tuple[int, Story] | None:
        """The next one due by then, which is due no more; None: there is none."""
        while self._heap and self._heap[0][0] <= until:
            due, key = heapq.heappop(self._heap)
            story = self._stories.get(key)
            if story and story.due == due:
                story.due = 0
                return due, story
        return None

    def tidy(self) -> None:
        """Drop the entries that would be passed over."""
        held = {(due, key) for due, key in self._heap if key in self._stories and self._stories[key].due == due}
        self._heap = sorted(held)
