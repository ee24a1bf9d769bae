"""Several processes on one Kafka and one PostgreSQL: their configuration, and the processes themselves."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from tests.acceptance.making import write_config
from tests.acceptance.processes import Running, ask, free_port, listing, yuqing
from tests.acceptance.test_same_decisions import by_alert, lines_of
from tests.kafka_server import Cluster
from tests.postgresql import Server

PARTITIONS = 4


def servers_config(folder: Path, kafka: Cluster, postgresql: Server, *, receiver: str | None = None, more: str = "") -> Path:
    """A configuration with topics and a database of its own on these servers."""
    database = asyncio.run(postgresql.database(made=False))
    servers = (
        f"bus: kafka://{','.join(kafka.servers)}\nstore: '{database}'\n"
        f"kafka: {{topic_prefix: t{uuid4().hex[:12]}., partitions: {PARTITIONS}, session_timeout: 3s}}\n"
    )
    return write_config(folder, receiver=receiver, more=servers + more)


class Town:
    """The processes of one service; `base` is where its API is."""

    def __init__(self, folder: Path, config: Path, port: int, stack: ExitStack) -> None:
        self.folder, self.config, self.base = folder, config, f"http://127.0.0.1:{port}"
        self._stack = stack

    def start(self, name: str, *roles: str) -> Running:
        """A process with some roles; what it says goes to a file of its name."""
        line = [part for role in roles for part in ("--role", role)]
        process = Running(self.folder / name, "run", "--config", self.config, *line)
        self._stack.callback(process.kill)
        return process


@contextmanager
def town(folder: Path, kafka: Cluster, postgresql: Server, *, receiver: str | None = None, more: str = "") -> Iterator[Town]:
    """Nothing runs at first, and nothing at the end."""
    port = free_port()
    config = servers_config(folder, kafka, postgresql, receiver=receiver, more=f"listen: 127.0.0.1:{port}\n{more}")
    with ExitStack() as stack:
        yield Town(folder, config, port, stack)


def holding(process: Running) -> list[int]:
    """The partitions that a process works on, as its log tells."""
    held: set[int] = set()
    for line in map(json.loads, process.err.splitlines()):
        if line["event"] == "started":
            held.clear()
        elif line["event"] == "partitions taken":
            held.update(line["partitions"])
        elif line["event"] == "partitions let go":
            held.difference_update(line["partitions"])
    return sorted(held)


def settled(base: str, hits: int) -> bool:
    """Whether everything pushed is decided, and every message sent."""
    return not ask(f"{base}/v1/notifications?state=pending").said["items"] and len(listing(base, "/v1/mentions")) >= hits


def check_decided_again(config: Path, lines: list[bytes], *, most: int) -> None:
    """
    `backtest --from-bus` gives exactly these alerts' changes of level, apart from when they were written down.

    `most`: how often one of them must have changed, at least, or little was tested.
    """
    again = yuqing("backtest", "--from-bus", "--config", config)
    lived = by_alert(one for line in lines for one in json.loads(line)["transitions"])
    for transitions in lived.values():
        for one in transitions:
            one.pop("recorded_at")
    assert again.code == 0, again.err
    assert max(map(len, lived.values())) >= most
    assert lines_of(again.out) == lived
