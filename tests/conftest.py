"""What tests of every room may ask for."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.kafka_server import Cluster, NoKafka, running_kafka


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
