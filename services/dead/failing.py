"""
Failures of our own: what fails is found, tried again, and only then put aside; too many of them stop the role.

A record that cannot be read is its sender's fault (`invalid`) and counts for nothing here. An exception while scoring or deciding
one is ours. Where only one record does it, that one goes to the dead letters and the others are done; where many do, it is not they
but this release (or its settings), and a role that went on would drain the log into dead letters.
"""

import errno
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from traceback import extract_tb

import msgspec

from monitor.bus.base import Bus, Stored
from monitor.clock import Clock
from monitor.errors import BusError, StoreError, TooLarge, TooManyFailures
from monitor.store import sessions
from services.dead.burial import Tried, lately

PAUSES = (0.05, 0.2)  # seconds before the second and the third try; a stream full of bad ones must not be slowed to a crawl
MOST, WINDOW = 100, 1_000  # so many of so many stop the role: 10 %, and 100 in a row are that too
_RUN = 10  # after so many in a row each further one is tried but once: a bad release is to stop soon, though each try draws a desk anew
LINGER = 3.0  # seconds in which /readyz still tells why, before the process ends
_SHORTAGES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})


def may_pass(error: BaseException) -> bool:
    """Whether this is the fault of no record and of no release: the bus, the store or the machine lacks something now."""
    if isinstance(error, OSError):
        return error.errno in _SHORTAGES
    return sessions.may_pass(error) or (isinstance(error, (BusError, StoreError)) and not isinstance(error, TooLarge))


def told(error: BaseException) -> str:
    """An exception in a line, with the place in the code it comes from."""
    frames = extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


class Guard:
    """Counts what failed by our own fault, of what one partition's role tried lately."""

    def __init__(self) -> None:
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._remembers = False

    async def remember(self, bus: Bus, topic: str, partition: int, position: int) -> None:
        """
        Once, before the first record: how the process before this one fared.

        Without it a supervisor that starts a bad release again and again would drain the log, 99 records a start.
        """
        if not self._remembers and not position:  # there was no record before it to fail
            self._remembers = True
        if not self._remembers:
            failed = await lately(bus, topic, partition, position, WINDOW)
            self._remembers = True
            self._window.extend(offset in failed for offset in range(max(0, position - WINDOW), position))

    def check(self, marks: Iterable[bool], last: BaseException | None = None) -> None:
        """TooManyFailures when these, one a record and True for one that failed, would be too many. `last`: why the last one did."""
        window = deque(self._window, maxlen=WINDOW)
        failed = sum(window)
        for mark in marks:
            failed += mark - (window[0] if len(window) == WINDOW else 0)
            window.append(mark)
            if mark and failed >= MOST:
                why = f": {told(last)}" if last else ""
                raise TooManyFailures(
                    f"最近 {len(window)} 条里有 {failed} 条处理时出错{why}。多半是这个版本或配置有问题，已停止，没有再往死信里放；"
                    f"请修好（或退回上一版）再启动，放进死信的用 yuqing dead replay --reason failed 重做"
                ) from last

    def note(self, marks: Iterable[bool]) -> None:
        """What became of records, once that is durable."""
        self._window.extend(marks)


class Aside(msgspec.Struct, frozen=True):
    """A record that was given up: why, and after what tries."""

    record: Stored
    error: str
    tried: Tried


class Doubts:
    """
    What one partition's reader knows of records that fail.

    A batch that fails is taken again up to the one that failed, and that one alone; one given up is passed over by the next
    transaction and put aside together with it. So nothing is put aside while all fails.
    """

    def __init__(self, guard: Guard, clock: Clock) -> None:
        self.aside: list[Aside] = []
        self._guard, self._clock = guard, clock
        self._alone = range(0)
        self._tried = (-1, Tried(0))

    def reading(self, start: int, batch: int) -> tuple[int, int]:
        """From which offset to read now, and how many records at most; `start` is the position."""
        self.aside = [one for one in self.aside if one.record.offset >= start]  # a commit that seemed lost may have been made
        at = self.aside[-1].record.offset + 1 if self.aside else start
        if at < self._alone.start:
            return at, min(batch, self._alone.start - at)
        return at, 1 if at in self._alone else batch

    def failed(self, records: Sequence[Stored], suspect: int | None, error: Exception) -> float:
        """
        Take up that these, in one transaction, failed; how long to wait before the next try (seconds).

        `suspect`: the offset that was being decided; None: any of them. TooManyFailures: stop instead.
        """
        if len(records) > 1:
            self._alone = range(suspect, suspect + 1) if suspect is not None else range(records[0].offset, records[-1].offset + 1)
            return 0.0
        record, now = records[0], self._clock.now()
        known = self._tried[1] if self._tried[0] == record.offset else Tried(0, now)
        tried = Tried(known.attempts + 1, known.first_at, now)
        self._tried = (record.offset, tried)
        if tried.attempts <= len(PAUSES) and len(self.aside) < _RUN:
            return 0.0 if self.aside else PAUSES[tried.attempts - 1]  # after a run of them nobody waits for each
        self._guard.check([True] * (len(self.aside) + 1), error)
        self.aside.append(Aside(record, told(error), tried))
        return 0.0

    def done(self, count: int) -> None:
        """So many mentions were decided, durably, and what was set aside with them."""
        self._guard.note([True] * len(self.aside) + [False] * count)
        self.aside.clear()

    def forget(self) -> None:
        """Another writer has moved the position: what was set aside may be done already."""
        self.aside.clear()
        self._alone = range(0)
