"""
Where it happens: the processes of one service on one bus, each of which can be killed, held still and started again.

A town knows how its processes are started; who runs chaos in it knows only their names.
"""

import mmap
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.acceptance.making import brisk_policy, write_config
from tests.acceptance.processes import Running, ask, free_port
from tests.acceptance.together import servers_config
from tests.kafka_server import Cluster, running_kafka
from tests.postgresql import Server
from tests.postgresql import running as running_postgresql

MakeTown = Callable[[Path, str], AbstractContextManager["Town"]]  # the folder, where the receiver is
SERVICE = "service"
SEPARATE: Mapping[str, Sequence[str]] = {
    "api": ("api",), "collect": ("collect",), "notify": ("notify",), "score-1": ("score",), "score-2": ("score",),
    "escalate-1": ("escalate",), "escalate-2": ("escalate",),
}  # fmt: skip
_HOUR = struct.Struct("q")


class Stretch(NamedTuple):
    """From when to when something was so, by the monotonic clock."""

    name: str
    begin: float
    end: float


class Citizen(Running):
    """A process whose clock is the town's."""

    program: Sequence[str] = (sys.executable, "-m", "tests.chaos.citizen")


class Town:
    """
    Processes by name, and the roles of each (none named: all).

    `notifier`: which of them sends messages. `begun`: when each was started, one moment a life. `stills`: when which was held still.
    """

    def __init__(self, folder: Path, config: Path, base: str, roles: Mapping[str, Sequence[str]], notifier: str) -> None:
        self.folder, self.config, self.base, self.roles, self.notifier = folder, config, base, roles, notifier
        self.begun: dict[str, list[float]] = {name: [] for name in roles}
        self.stills: list[Stretch] = []
        self._running: dict[str, Running] = {}
        self._said: dict[str, int] = {}  # how much each had said when its present life began
        self._clock = folder / "clock"
        self._clock.write_bytes(_HOUR.pack(0))

    def start(self, name: str) -> None:
        """Start the process of that name, which is not there."""
        line = [part for role in self.roles[name] for part in ("--role", role)]
        self.begun[name].append(time.monotonic())
        self._said[name] = len(self._running[name].err) if name in self._running else 0
        self._running[name] = Citizen(self.folder / f"{name}.log", self._clock, "run", "--config", self.config, *line)

    def kill(self, name: str) -> None:
        """SIGKILL, if it is there."""
        if name in self._running:
            self._running[name].kill()

    def hold(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after that long: its connections stay, nobody answers."""
        begin = time.monotonic()
        self._running[name].process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._running[name].process.send_signal(signal.SIGCONT)
        self.stills.append(Stretch(name, begin, time.monotonic()))

    def ended(self) -> list[str]:
        """Who ended by itself, and how."""
        codes = {name: running.process.poll() for name, running in self._running.items()}
        return [f"process {name} ended by itself with {code}" for name, code in codes.items() if code is not None]

    def loading(self) -> list[str]:
        """Who has not said yet, in its present life, that it is at work."""
        said = {name: running.err[self._said[name] :] for name, running in self._running.items()}
        return [f"process {name} still loads" for name, words in said.items() if '"event": "started"' not in words]

    def ready(self) -> bool:
        """Whether the service is fit to work; OSError while nobody listens."""
        return ask(f"{self.base}/readyz").status == 200

    def weights(self) -> dict[str, float]:
        """The memory that each has now, in MB."""
        return {name: psutil.Process(running.process.pid).memory_info().rss / 1e6 for name, running in self._running.items()}

    def set_clock(self, shift: int) -> None:
        """Set every process's wall clock so many microseconds ahead of the machine's."""
        with self._clock.open("r+b") as file, mmap.mmap(file.fileno(), _HOUR.size) as page:
            _HOUR.pack_into(page, 0, shift)

    def stop(self) -> list[str]:
        """Ask all to stop; who did not do so in time, or not cleanly."""
        codes = {name: running.stop(within=60) for name, running in self._running.items()}
        return [f"process {name} stopped with {code}" for name, code in codes.items() if code != 0]

    def said(self) -> Iterator[tuple[str, str]]:
        """What each process wrote to stderr in all its lives."""
        return ((name, running.err) for name, running in self._running.items())


@contextmanager
def sqlite_town(folder: Path, receiver: str) -> Iterator[Town]:
    """One process with all roles on SQLite."""
    port = free_port()
    config = write_config(folder, receiver=receiver, more=_more(folder, port))
    with _empty_at_last(Town(folder, config, f"http://127.0.0.1:{port}", {SERVICE: ()}, SERVICE)) as town:
        yield town


@contextmanager
def kafka_town(folder: Path, receiver: str) -> Iterator[Town]:
    """On a Kafka and a PostgreSQL of its own; NoKafka or Missing say what lacks."""
    with running_kafka(1) as kafka, running_postgresql() as postgresql, on_servers(kafka, postgresql)(folder, receiver) as town:
        yield town


def on_servers(kafka: Cluster, postgresql: Server) -> MakeTown:
    """Towns on these servers: a process a role, two of those that share partitions."""

    @contextmanager
    def made(folder: Path, receiver: str) -> Iterator[Town]:
        port = free_port()
        config = servers_config(folder, kafka, postgresql, receiver=receiver, more=_more(folder, port))
        with _empty_at_last(Town(folder, config, f"http://127.0.0.1:{port}", SEPARATE, "notify")) as town:
            yield town

    return made


TOWNS: Mapping[str, MakeTown] = {"sqlite": sqlite_town, "kafka": kafka_town}


@contextmanager
def _empty_at_last(town: Town) -> Iterator[Town]:
    """Nothing runs at first, and nothing at the end."""
    try:
        yield town
    finally:
        for name in town.roles:
            town.kill(name)


def _more(folder: Path, port: int) -> str:
    return f"listen: 127.0.0.1:{port}\npolicy: {brisk_policy(folder)}\n"
