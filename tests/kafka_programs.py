"""
Where a Kafka for tests comes from: `KAFKA_HOME`, else Maven's jars, fetched once into the user's cache folder, else the official image.

All three run the same programs with the same arguments in the same folder. A container shares the machine's network and that folder,
so nobody who talks to a broker, or looks at what it wrote, can tell it from a process.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from tests.children import ending_with_us

VERSION = "4.1.0"
IMAGE = f"apache/kafka:{VERSION}"
DOCKER = ("docker",)
IN_IMAGE = "/opt/kafka/libs"
ASKED_WITHIN = 10.0
# A test's broker lives for a minute: what starts fast is worth more than what runs fast
OPTIONS = ("-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=warn")
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>yuqing</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
</dependencies></project>"""


class NoKafka(Exception):
    """Why there is no Kafka to be had on this machine."""


class Programs(Protocol):
    """How the programs of a Kafka are run; `name` tells those of a moment apart, `folder` is where they work."""

    ends_by: signal.Signals  # what a broker gets when the tests have ended without ending it

    def line(self, name: str, folder: Path, program: str, *arguments: str) -> list[str]:
        """The command line of a program of Java's (`java`, `keytool`)."""
        ...

    def java(self, name: str, folder: Path, *arguments: str) -> list[str]:
        """The command line of one of Kafka's classes."""
        ...

    def signal(self, name: str, process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
        """Send it a signal, whoever runs it."""
        ...


class Jars:
    """Kafka's jars in a folder, and the machine's own Java."""

    ends_by = signal.SIGKILL  # asked politely it would first look for a controller that is gone as well

    def __init__(self, libs: Path) -> None:
        self.libs = libs

    def line(self, name: str, folder: Path, program: str, *arguments: str) -> list[str]:  # noqa: ARG002 - the protocol's
        return [program, *arguments]

    def java(self, name: str, folder: Path, *arguments: str) -> list[str]:
        return self.line(name, folder, "java", *OPTIONS, "-cp", f"{self.libs}/*", *arguments)

    def signal(self, name: str, process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:  # noqa: ARG002 - the protocol's
        process.send_signal(number)
        if number is signal.SIGSTOP:
            stand_still(process.pid)


class Docker:
    """The official image. Its client passes on every signal but those that nobody can catch: those are sent to the container by name."""

    ends_by = signal.SIGTERM

    def line(self, name: str, folder: Path, program: str, *arguments: str) -> list[str]:
        user, place = f"{os.getuid()}:{os.getgid()}", str(folder)
        return [*DOCKER, "run", "--rm", "--name", name, "--network", "host", "--user", user, "--volume", f"{place}:{place}",
                "--workdir", place, "--entrypoint", program, IMAGE, *arguments]  # fmt: skip

    def java(self, name: str, folder: Path, *arguments: str) -> list[str]:
        return self.line(name, folder, "java", *OPTIONS, "-cp", f"{IN_IMAGE}/*", *arguments)

    def signal(self, name: str, process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:  # noqa: ARG002 - the protocol's
        subprocess.run([*DOCKER, "kill", "--signal", number.name, name], capture_output=True, timeout=30, check=False)


def stand_still(pid: int, within: float = 10.0) -> None:
    """Wait until every thread of a process told to stop has: until then one may still answer, a broker of a hundred threads for a while."""
    tasks, end = Path(f"/proc/{pid}/task"), time.monotonic() + within
    while tasks.is_dir() and not all(map(_stopped, tasks.glob("*/stat"))):
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} does not stand still")
        time.sleep(0.001)


def _stopped(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] in "TtZX"
    except (FileNotFoundError, ProcessLookupError):  # a thread that ended
        return True


def find_kafka() -> Programs:
    """What there is on this machine; NoKafka says what is missing."""
    lacking = []
    for found in (_from_jars, _from_docker):
        try:
            return found()
        except NoKafka as why:
            lacking.append(str(why))
    raise NoKafka("; ".join(lacking))


def run(line: Sequence[str], folder: Path) -> None:
    """Run a short program to its end; NoKafka with what it said when it fails."""
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise NoKafka(f"{line[0]} failed: {(done.stdout + done.stderr)[-500:]}")


def started(line: Sequence[str], folder: Path, ends_by: signal.Signals) -> "subprocess.Popen[bytes]":
    """Start a program that stays; what it says goes to a file, and `ends_by` ends it when we are gone."""
    with (folder / "out").open("ab") as out:
        return subprocess.Popen(line, stdout=out, stderr=out, cwd=folder, preexec_fn=ending_with_us(ends_by))  # noqa: PLW1509


def _from_jars() -> Jars:
    if shutil.which("java") is None:
        raise NoKafka("no java on the PATH")
    if home := os.environ.get("KAFKA_HOME"):
        if not (libs := Path(home) / "libs").is_dir():
            raise NoKafka(f"KAFKA_HOME={home} has no folder libs")
        return Jars(libs)
    libs = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yuqing-tests" / f"kafka-{VERSION}"
    if not libs.is_dir():
        _fetch(libs)
    return Jars(libs)


def _fetch(libs: Path) -> None:
    """Let Maven bring the jars; they appear under their name only when all are there."""
    if shutil.which("mvn") is None:
        raise NoKafka(f"neither KAFKA_HOME, nor {libs}, nor mvn to fetch it with")
    libs.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=libs.parent) as folder:
        (Path(folder) / "pom.xml").write_text(POM)
        run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"], Path(folder))
        try:
            (Path(folder) / "libs").rename(libs)
        except OSError:  # another session was faster
            if not libs.is_dir():
                raise


def _from_docker() -> Docker:
    """A client is not enough: there must be somebody who answers it."""
    if shutil.which("docker") is None:
        raise NoKafka("no docker either")
    try:
        done = subprocess.run([*DOCKER, "version", "--format", "{{.Server.Os}}"], capture_output=True, text=True, timeout=ASKED_WITHIN,
                              check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NoKafka("docker does not answer") from None
    if done.returncode or done.stdout.strip() != "linux":
        raise NoKafka(f"docker has no Linux to run it: {(done.stdout + done.stderr).strip()[-200:]}")
    return Docker()
