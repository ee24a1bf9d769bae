"""
A real Kafka for tests: started by the session that needs it, in KRaft mode, on 127.0.0.1, one broker or several.

Where its programs come from is told in `kafka_programs.py`; where they cannot be had, `tests/conftest.py` makes a skipped test of it, a
failed one where CI is set.
"""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from tests.kafka_programs import NoKafka, Programs, find_kafka, run, started

UP_WITHIN = 60.0
SERVER = """process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location={keys}
ssl.keystore.password={password}
log.dirs={folder}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""


USER, PASSWORD = "yuqing", "a made-up password"
KEYS_PASSWORD = "changeit"
SCRAM = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"


class Broker:
    """One Kafka process, formatted in its folder; it can be killed, held still and let go on."""

    def __init__(self, programs: Programs, folder: Path, port: int, settings: str, cluster: str) -> None:
        self.port = port
        self._folder, self._file, self._programs = folder, folder / "server.properties", programs
        self._name = f"yuqing-kafka-{token_hex(6)}"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        self._file.write_text(settings)
        run(self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._file), "--add-scram", SCRAM), folder)

    def start(self) -> None:
        """Start it, and return at once."""
        self._process = started(self._java("kafka.Kafka", str(self._file)), self._folder, self._programs.ends_by)

    def wait(self) -> None:
        """Until it takes connections."""
        until = time.monotonic() + UP_WITHIN
        while not _listens(self.port):
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                raise NoKafka(f"the broker did not start: {self.said()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, and until it is gone."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: its connections stay, nobody answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def said(self) -> str:
        """The end of what it wrote."""
        return (self._folder / "out").read_text(errors="replace")[-2_000:]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._programs.signal(self._name, self._process, number)

    def _java(self, *arguments: str) -> list[str]:
        return self._programs.java(self._name, self._folder, *arguments)


class Cluster:
    """
    Some brokers that know of each other; `servers` is what a client is told.

    `secure`: the same brokers by SASL_SSL, for USER with PASSWORD, under the certificate in `ca_file`.
    """

    def __init__(self, programs: Programs, folder: Path, count: int) -> None:
        free = _free_ports(3 * count)
        ports, controllers, secure = free[:count], free[count : 2 * count], free[2 * count :]
        keys, self.ca_file = _certificate(programs, folder)
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, 1))
        texts = [
            SERVER.format(node=node, voters=voters, port=ports[node - 1], controller=controllers[node - 1], secure=secure[node - 1],
                          folder=folder / str(node) / "log", copies=min(3, count), keys=keys, password=KEYS_PASSWORD)
            for node in range(1, count + 1)
        ]  # fmt: skip
        identity = "ykPzFXRhQWqQTN6vzTYXvw"  # any 16 bytes in base64; each cluster stands by itself
        self.brokers = [Broker(programs, folder / str(node), ports[node - 1], text, identity) for node, text in enumerate(texts, 1)]
        self.servers = tuple(f"127.0.0.1:{port}" for port in ports)
        self.secure = tuple(f"127.0.0.1:{port}" for port in secure)

    def start(self) -> None:
        """All of them, until each takes connections."""
        for broker in self.brokers:
            broker.start()
        for broker in self.brokers:
            broker.wait()


@contextmanager
def running_kafka(count: int = 1) -> Iterator[Cluster]:
    """A cluster of so many brokers, gone with everything it stored at the end; NoKafka where it cannot be."""
    programs = find_kafka()
    with TemporaryDirectory(prefix="yuqing-kafka-") as folder:
        cluster = Cluster(programs, Path(folder), count)
        try:
            cluster.start()
            yield cluster
        finally:
            for broker in cluster.brokers:
                broker.kill()


def _certificate(programs: Programs, folder: Path) -> tuple[Path, Path]:
    """A key and its certificate for 127.0.0.1, made by Java's own tool: the store for the brokers, the certificate for clients."""
    keys, certificate = folder / "keys.p12", folder / "ca.pem"
    tool = ["-alias", "k", "-storetype", "PKCS12", "-keystore", str(keys), "-storepass", KEYS_PASSWORD]
    make = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-validity", "30"]
    for words in (make, ["-exportcert", "-rfc", "-file", str(certificate)]):
        run(programs.line(f"yuqing-keytool-{token_hex(6)}", folder, "keytool", *words, *tool), folder)
    return keys, certificate


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> Sequence[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
