"""Mentions pushed without a pause, and pushed again until each is acknowledged."""

import json
import time
from collections.abc import Callable
from http.client import HTTPException
from random import Random

from tests.acceptance.making import Line
from tests.acceptance.processes import Answer, ask
from tests.chaos.working import Worker

BATCH = 8
Identity = tuple[str, str]  # (source, id)


class Pusher(Worker):
    """
    Pushes what `batch` gives, in threads; what was not acknowledged is pushed again, and some that was, too.

    `taken`: all that was answered 202. `odd`: every answer that contract 4 does not know, or that does not add up.
    """

    def __init__(self, base: str, batch: Callable[[int], list[Line]], seed: int = 9, pause: float = 0.05) -> None:
        super().__init__()
        self.taken: dict[Identity, Line] = {}
        self.odd: list[object] = []
        self.sent = 0
        self._url, self._batch, self._drawn, self._pause = f"{base}/v1/mentions", batch, Random(f"push {seed}"), pause

    def _work(self) -> None:
        while not self._stop.is_set():
            batch = self._batch(BATCH)
            for _ in range(2 if self._drawn.random() < 0.2 else 1):
                self._push(batch)
            for line in batch:
                self.taken.setdefault((str(line["source"]), str(line["id"])), line)
            time.sleep(self._pause)

    def _push(self, batch: list[Line]) -> None:
        body = json.dumps(batch).encode()
        while True:
            self.sent += 1
            try:
                answer = ask(self._url, body)
            except (OSError, HTTPException):  # killed, perhaps in the middle of an answer
                time.sleep(0.05)
                continue
            if answer.status == 202:
                if not _adds_up(answer, len(batch)):
                    self.odd.append(answer)
                return
            if answer.status != 503 or "Retry-After" not in {name.title() for name in answer.headers}:
                self.odd.append(answer)
                return
            time.sleep(0.2)


def _adds_up(answer: Answer, count: int) -> bool:
    said = answer.said
    return bool(said["accepted"] + said["duplicate"] + said["updated"] == count and not said["rejected"])
