"""The Kafka of `deploy/compose.yaml` starts from what the file says, and takes our topics."""

import asyncio
from pathlib import Path

import yaml

from monitor.bus.base import RAW, Record
from monitor.bus.kafka import KafkaBus
from monitor.settings import Kafka, Retention
from tests.acceptance.making import ROOT
from tests.acceptance.processes import free_port
from tests.kafka_programs import find_kafka
from tests.kafka_server import Broker, Cluster


def test_its_kafka_starts_and_takes_records(tmp_path: Path, kafka: Cluster) -> None:  # noqa: ARG001 - says why where there is none
    """The image turns each variable KAFKA_A_B into the setting a.b; with those a real broker runs alone, only its places are the test's."""
    said = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]["kafka"]["environment"]
    settings = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in said.items() if name != "CLUSTER_ID"}
    settings["log.dirs"] = str(tmp_path / "log")
    port, controller = free_port(), free_port()
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    for theirs, ours in (("://:", "://127.0.0.1:"), ("kafka:", "127.0.0.1:"), (":9092", f":{port}"), (":9093", f":{controller}")):
        text = text.replace(theirs, ours)
    broker = Broker(find_kafka(), tmp_path / "broker", port, text, said["CLUSTER_ID"])
    broker.start()
    try:
        broker.wait()
        assert asyncio.run(taken(port)) == 1
    finally:
        broker.kill()


async def taken(port: int) -> int:
    """How many records are there, after one was appended."""
    bus = KafkaBus((f"127.0.0.1:{port}",), Kafka(partitions=3), retention=Retention())
    await bus.start()
    try:
        await bus.append(RAW, [Record(b"k", b"v", partition=0)])
        return len(await bus.read(RAW, 0, 0, 10))
    finally:
        await bus.close()
