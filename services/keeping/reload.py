"""
Other settings for a running house: whole or not at all.

On SIGHUP, when a file of the configuration changes, when somebody asks for it or posts a subject, everything that follows the settings
prepares itself for the new ones in a thread. Only when all are ready they change over, one after another, without a pause between.
Whatever is wrong is logged, line by line, and the old settings stay in force. A store that does not answer is nobody's mistake: what
waits for it is taken up when it answers again.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
from structlog.stdlib import BoundLogger

from monitor.clock import SECOND, Clock, rfc3339
from monitor.errors import ConfigError, Problem, StoreError, UsageError, YuqingError
from monitor.loading import load_settings
from monitor.metrics import Metrics
from monitor.posted import Body, Posted, Shelf, encode, read_shelf, with_posted
from monitor.settings import Settings
from monitor.store.sessions import Store, WriteUnit

SHELF = "subjects"  # where the store keeps posted subjects
ASKED = "reload"  # when somebody last asked for a reload
AUDIT = "audit"  # and who changed what
_AUDITED = 1_000
_EVERY = 1.0
FIXED = ("data", "bus", "store", "listen", "kafka", "retention", "pseudonym_key")

Commit = Callable[[], None]
Follow = Callable[[Settings], Commit]  # makes ready (in a thread, may refuse), and gives what changes over


class NotYours(YuqingError):
    """The file has a subject of this name; it is changed there."""


class NoSuchSubject(YuqingError):
    """Nobody posted a subject of this name."""


class Entry(msgspec.Struct, frozen=True):
    """A line of the audit: who did what to what, when (micros)."""

    at: int
    actor: str
    action: str
    subject: str = ""
    by: str | None = None


async def kept_subjects(store: Store) -> Shelf:
    """The posted subjects."""
    async with store.read() as unit:
        return read_shelf(await unit.meta.get(SHELF))


async def settled(settings: Settings, store: Store, log: BoundLogger) -> Settings:
    """The settings with the posted subjects; one that no longer fits the file is told and left out: the rest must be watched."""
    merged, problems = await asyncio.to_thread(with_posted, settings, await kept_subjects(store))
    for problem in problems:
        log.error("posted subject left out", problem=str(problem))
    return merged


class Reloader:
    """Knows the settings in force, and what follows them. `base`: the file's own, without the posted subjects."""

    def __init__(self, base: Settings, settings: Settings, store: Store, clock: Clock, metrics: Metrics, log: BoundLogger) -> None:
        self._base, self.settings = base, settings
        self._store, self._clock, self._metrics, self._log = store, clock, metrics, log
        self.refused: str | None = None  # which newer configuration is not in force, and where it is wrong
        self._waits = False  # whether it was not taken up because the store did not answer
        self._follows: list[Follow] = []
        self._shelved: Signature = {}
        self._turn = asyncio.Lock()
        self._asked = asyncio.Event()

    def follow(self, follow: Follow) -> None:
        """Let something change with the settings; those registered first change over first."""
        self._follows.append(follow)

    async def join(self, follow: Follow, since: Settings) -> None:
        """Follow, as something that was made ready for the settings of `since`: what changed after is taken up at once."""
        async with self._turn:
            if self.settings is not since:
                (await asyncio.to_thread(follow, self.settings))()
            self._follows.append(follow)

    async def run(self) -> None:
        """Reload on SIGHUP and when a file changes, for ever."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        try:
            await self._watch()
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def _watch(self) -> None:
        known = await self._look()
        while True:
            told = await self._wait()
            seen = await self._look()
            again = not told and seen == known
            if again and not (self._waits and await self._answers()):
                continue
            while (later := await self._look(after=_EVERY / 4)) != seen:  # somebody is still writing
                seen = later
            await self.reload("SIGHUP" if told else "store" if again else "file")
            # New settings may name other files; of those known before, what changed meanwhile is still to be seen.
            known = {path: seen.get(path, look) for path, look in (await self._look()).items()}

    async def _look(self, after: float = 0.0) -> "Signature":
        """The files as they look, and what somebody posted to another process, or asked of it."""
        await asyncio.sleep(after)
        return await asyncio.to_thread(signature, self._base) | await self._shelf()

    async def _shelf(self) -> "Signature":
        if not self._store.shared:
            return {}
        with suppress(StoreError):
            async with self._store.read() as unit:
                found = [(key, await unit.meta.get(key) or b"") for key in (SHELF, ASKED)]
            self._shelved = {key: (crc32(kept), len(kept), 0) for key, kept in found}
        return self._shelved

    async def _answers(self) -> bool:
        """Whether the store does; asked before the files are read again, which may take seconds."""
        try:
            await kept_subjects(self._store)
        except StoreError:
            return False
        return True

    async def _wait(self) -> bool:
        """Whether a signal asked, within a moment."""
        try:
            async with asyncio.timeout(_EVERY):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def reload(self, why: str) -> list[str]:
        """Take up the file as it is now; the mistakes that kept us from it, be they ours: a file does not end what runs."""
        try:
            await self.take_up(why)
        except (UsageError, StoreError, OSError) as error:
            return str(error).splitlines()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
            self._log.exception("reloading failed", why=why)
            return [f"{type(error).__name__}: {error}"]
        return []

    async def asked(self, actor: str, by: str | None) -> None:
        """
        Take up the file as it is now, because somebody asks; what kept us from it is raised.

        The other processes are told through the store, and look at their files by themselves: within some seconds, each for itself.
        """
        async with self._turn:
            entry = Entry(at=self._clock.now(), actor=actor, action="reload", by=by)
            async with self._store.write() as unit:
                await unit.meta.put(ASKED, str(entry.at).encode())
                await audit(unit, entry)
            self._log.info("audit", **msgspec.to_builtins(entry))
        await self.take_up("asked")

    async def take_up(self, why: str) -> None:
        """Take up the file as it is now, or raise what is wrong; that is told to the log, the metrics and /readyz as well."""
        async with self._turn:
            try:
                base = await asyncio.to_thread(load_settings, self._base.file, os.environ)
                _refuse_fixed(self._base, base)
                await self._change(base, await kept_subjects(self._store))
            except Exception as error:
                self._failed(why, error)
                raise
            self.refused, self._waits = None, False
            self._metrics.config_last_reload_successful.set(1)
            self._metrics.config_last_reload_success_timestamp_seconds.set(self._clock.now() / SECOND)
            self._log.info("configuration reloaded", why=why, subjects=len(self.settings.subjects))

    def _failed(self, why: str, error: Exception) -> None:
        for problem in str(error).splitlines() or [type(error).__name__]:
            self._log.error("configuration not reloaded, the old one stays in force", why=why, problem=problem)
        self._metrics.config_last_reload_successful.set(0)
        self._waits = isinstance(error, StoreError)
        self.refused = f"not taken up at {rfc3339(self._clock.now())}, the old one stays in force: {_where(error)}"

    async def _change(self, base: Settings, shelf: Shelf) -> None:
        """Prepare everything, then change over."""
        settings, commits = await asyncio.to_thread(self._prepared, base, shelf)
        self._commit(base, settings, commits)

    def _commit(self, base: Settings, settings: Settings, commits: Sequence[Commit]) -> None:
        for commit in commits:
            commit()
        self._base, self.settings = base, settings

    def _prepared(self, base: Settings, shelf: Shelf) -> tuple[Settings, list[Commit]]:
        settings, problems = with_posted(base, shelf)
        if problems:
            raise ConfigError(problems)
        return settings, [follow(settings) for follow in self._follows]

    # -- posted subjects ------------------------------------------------------------------------------------------------------

    async def put_subject(self, name: str, body: Body, actor: str, by: str | None) -> bool:
        """Watch a subject from the next record on, also after a restart; whether it is new. ConfigError: every mistake in it."""
        async with self._turn:
            self._mine(name)
            shelf = await kept_subjects(self._store)
            now = self._clock.now()
            entry = Entry(at=now, actor=actor, action="put", subject=name, by=by)
            await self._keep(shelf | {name: Posted(body, actor, now)}, entry)
            return name not in shelf

    async def drop_subject(self, name: str, actor: str, by: str | None) -> None:
        """Watch a posted subject no longer; its stories stay stored."""
        async with self._turn:
            self._mine(name)
            shelf = await kept_subjects(self._store)
            if name not in shelf:
                raise NoSuchSubject(f"接口没有添加过名为 {name} 的主题")
            del shelf[name]
            await self._keep(shelf, Entry(at=self._clock.now(), actor=actor, action="delete", subject=name, by=by))

    def _mine(self, name: str) -> None:
        if any(subject.name == name for subject in self._base.subjects):
            raise NotYours(f"配置文件里已有名为 {name} 的主题，请在文件里修改")

    async def _keep(self, shelf: Shelf, entry: Entry) -> None:
        settings, commits = await asyncio.to_thread(self._prepared, self._base, shelf)
        async with self._store.write() as unit:
            await unit.meta.put(SHELF, encode(shelf))
            await audit(unit, entry)
        self._commit(self._base, settings, commits)
        self._log.info("audit", **msgspec.to_builtins(entry))


async def audit(unit: WriteUnit, entry: Entry) -> None:
    """Write down who did what, in the transaction of what was done; the newest thousand are kept."""
    entries = await audited(unit)
    await unit.meta.put(AUDIT, msgspec.json.encode([*entries[1 - _AUDITED :], entry]))


async def audited(unit: WriteUnit) -> list[Entry]:
    """Who did what, oldest first."""
    kept = await unit.meta.get(AUDIT)
    return msgspec.json.decode(kept, type=list[Entry]) if kept else []


def _where(error: Exception) -> str:
    """The places of the mistakes, without a word of what stands there: /readyz asks for no key."""
    if isinstance(error, StoreError):
        return "the store does not answer, it is tried again until it does"
    if not isinstance(error, ConfigError):
        return "see the log"
    first = error.problems[0]
    place = ":".join(str(part) for part in (Path(first.file).name, first.line, first.column) if part)
    return place if len(error.problems) == 1 else f"{place} and {len(error.problems) - 1} more"


def _refuse_fixed(old: Settings, new: Settings) -> None:
    changed = [key for key in FIXED if getattr(old, key) != getattr(new, key)]
    if changed:
        problems = [Problem(str(new.file), 1, 0, f"{key} 不能在运行中改变，请改回，或重启服务") for key in changed]
        raise ConfigError(problems)


Signature = dict[str, tuple[int, int, int] | None]


def signature(settings: Settings) -> Signature:
    """How the files of a configuration look from outside: time, size, inode of each; None for one that is gone."""
    return {str(path): _look(path) for path in _files(settings)}


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.file
    yield from settings.accounts
    if settings.sentiment.endswith(".npz"):
        yield Path(settings.sentiment)
    yield from (Path(subject.policy) for subject in settings.subjects if subject.policy)
    if settings.policy is not None:
        yield settings.policy
    for path in settings.libraries:
        yield path
        yield from sorted(path.rglob("*.yaml")) if path.is_dir() else ()


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
