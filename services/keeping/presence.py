"""
Who is at work: one writer on a data folder; on a shared store a service or a replay, never both.

Who holds `FOLDER/lock` may write in that folder, and a process that dies, however it dies, holds nothing. The lock is the kernel's
(`flock`), the pid in the file only words for people. The file is never removed: two processes could each lock a file of that name,
one of them removed. Children made by `fork` share the lock until they end, so start workers by `spawn`.

On a store that other machines reach it is a lease, said again every two seconds and over ten seconds after the last time.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from structlog.stdlib import BoundLogger

from monitor.errors import Held, StoreUnavailable, UsageError, failed_zh
from monitor.settings import Settings
from monitor.store.sessions import EMBEDDED, Store
from services.keeping.tenure import LEASE, RENEW, this_process
from services.keeping.waiting import Waiting
from services.lifecycle import Lifecycle

LOCK = "lock"
_LONGEST_PID = 20
LEASED = "presence"
_LOOK = 0.25


async def attend(store: Store, life: Lifecycle, log: BoundLogger, *, alone: bool) -> None:
    """
    Be at work on a shared store from now until the stop: alone (a replay, or whoever has a log of its own), or with others like us.

    Held when somebody is in the way who is alive; who was killed is waited for. Later than that it stops the process: somebody began
    while the store was out of our reach.
    """
    if not store.shared:
        return
    me = this_process()
    known: dict[str, int] | None = None
    while others := await _took(store, me, alone=alone):
        if known is not None and others.items() - known.items():
            raise Held(_words(others))  # it said so again, or came just now
        known = others
        await asyncio.sleep(_LOOK)

    async def give_back() -> None:
        with suppress(StoreUnavailable):
            async with store.write() as unit:
                await unit.leases.give_back(LEASED, me)

    life.on_stop("presence", give_back)
    life.side("presence", _stay(store, me, log, alone=alone))


async def _stay(store: Store, me: str, log: BoundLogger, *, alone: bool) -> None:
    waiting = Waiting()
    while True:
        await asyncio.sleep(RENEW)
        try:
            if others := await _took(store, me, alone=alone):
                raise Held(_words(others))
            waiting.over()
        except StoreUnavailable as error:
            if waiting.tells(str(error)):
                log.warning("presence waits", error=str(error))


async def _took(store: Store, me: str, *, alone: bool) -> dict[str, int]:
    async with store.write() as unit:
        return await unit.leases.take(LEASED, me, LEASE, alone=alone)


def _words(others: dict[str, int]) -> str:
    return f"数据库正被另一进程使用 (主机和进程号 {'、'.join(' '.join(each.split()[:2]) for each in others)}); 请先停止该进程, 或另设数据库"


@contextmanager
def hold_embedded(settings: Settings) -> Iterator[None]:
    """Hold the data folder where bus or store lies in it; where both are servers several processes may use it."""
    if settings.brokers and settings.store != EMBEDDED:
        yield
        return
    with hold(settings.data):
        yield


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the data folder, made when absent; Held while another holds it, UsageError where it cannot be used."""
    file = _locked(folder)
    try:
        _write_pid(file, folder)
        yield
    finally:
        os.close(file)


def holder(folder: Path) -> str | None:
    """
    The pid of whoever holds the folder, 未知 when it has not said; None when nobody does.

    Asked by a lock that is shared and let go at once: a process that starts within those microseconds is refused as if held.
    """
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    except OSError:
        return None
    else:
        return None
    finally:
        os.close(file)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _pid(file)
        os.close(file)
        raise Held(f"数据目录 {folder} 正被另一进程使用 (进程号 {holder}); 请先停止该进程, 或另设数据目录") from error
    except OSError as error:
        os.close(file)
        raise _unusable(folder, error) from error
    return file


def _write_pid(file: int, folder: Path) -> None:
    """For the words of `Held`; a disk too full for a pid is too full to work on."""
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise _unusable(folder, error) from error


def _pid(file: int) -> str:
    """The holder's pid; 未知 in the moment before it has written it, or when the file holds something else."""
    words = os.pread(file, _LONGEST_PID, 0).decode("ascii", "replace").strip()
    return words if words.isdecimal() else "未知"


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"数据目录 {folder} 无法使用 ({failed_zh(error)}); 请检查是否存在, 可写, 磁盘是否已满")
