"""Somebody at work in a thread of their own while something is done to the service."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread


class Worker(ABC):
    """Works until told to stop."""

    def __init__(self) -> None:
        self._stop = Event()
        self._thread = Thread(target=self._work, daemon=True)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Works within the block; what is under way at its end is answered."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(60)

    @abstractmethod
    def _work(self) -> None:
        """Do one thing after another until `_stop` is set."""
