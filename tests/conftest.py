"""What tests of every room may ask for: the servers, each started when the first test wants it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import settings

from tests.kafka_programs import NoKafka
from tests.kafka_server import Cluster, running_kafka
from tests.postgresql import Missing, Server, running

settings.register_profile("yuqing", deadline=None)  # how long something takes is a matter of benches, not of a busy machine's tests
settings.load_profile("yuqing")


@pytest.fixture(scope="session")
def kafka() -> Iterator[Cluster]:
    """A real Kafka of one broker, the same for the whole session; each test keeps to its own prefix of topics."""
    with started_kafka(1) as cluster:
        yield cluster


@contextmanager
def started_kafka(count: int) -> Iterator[Cluster]:
    """A cluster of so many brokers; where there can be none the test is skipped with the reason, under CI it fails."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(running_kafka(count))
        except NoKafka as error:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no Kafka: {error}")
        yield cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running PostgreSQL, the same for the whole session; each test has a database of its own."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running())
        except Missing as missing:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(missing))
        yield server
