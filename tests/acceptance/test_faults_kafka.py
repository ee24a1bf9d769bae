"""
What may befall a Kafka and a PostgreSQL while processes work on them: each alone, with mentions pushed all the while.

Every test holds that all that was acknowledged is decided once, and that all goes on by itself; the last one, that nothing of it can be
seen in the history. Servers are away for YUQING_DOWN seconds: 8, or, from 60 on, with each broker killed in turn.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count

import pytest
import yaml
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from monitor.bus.base import RAW
from monitor.bus.kafka import KafkaBus
from monitor.clock import SystemClock
from monitor.loading import load_settings
from services.wiring import open_bus
from tests.acceptance.kills import IN_FLIGHT, untold
from tests.acceptance.making import SUBJECTS, brisk_policy
from tests.acceptance.processes import ENVIRONMENT, Answer, Running, ask, assert_clean, listing, ready, until, yuqing
from tests.acceptance.receiving import Receiver
from tests.acceptance.together import PARTITIONS, Town, check_decided_again, holding, settled, town
from tests.chaos.pushing import Pusher
from tests.chaos.talk import Talk
from tests.conftest import started_kafka
from tests.contract.kafka_making import admin_of
from tests.kafka_server import Cluster
from tests.postgresql import Server
from tests.postgresql import running as own_server

pytestmark = pytest.mark.timeout(600)
DOWN = float(os.environ.get("YUQING_DOWN", "8"))
WHOLE = DOWN >= 60
ANSWERED = 12.0  # contract 4 says 10; this machine may be busy
AGAIN = 30.0  # so soon all goes on when one of three is gone
SESSION = 3.0  # as `servers_config` has it
ROLES = {"api": "api", "notify": "notify", "score-1": "score", "score-2": "score", "escalate-1": "escalate", "escalate-2": "escalate"}
NUMBERS = count()


class Here:
    """The town, its servers and what is said in it."""

    def __init__(self, place: Town, kafka: Cluster, database: Server, receiver: Receiver) -> None:
        self.town, self.kafka, self.database, self.receiver = place, kafka, database, receiver
        self.base, self.talk = place.base, Talk(seed=4)
        self.processes = {name: place.start(name, role) for name, role in ROLES.items()}

    def start(self, *names: str) -> None:
        """Start these again."""
        self.processes |= {name: self.town.start(name, ROLES[name]) for name in names}

    def stop(self, *names: str) -> None:
        """End these in order."""
        assert [self.processes.pop(name).stop(within=30) for name in names] == [0] * len(names)

    def holds(self, *names: str) -> list[int]:
        """The partitions that these said they work on."""
        return sorted(partition for name in names for partition in holding(self.processes[name]))

    def push(self) -> tuple[str, Answer, float]:
        """One mention of its own: its id, the answer, and how long that took."""
        item, began = f"mark{next(NUMBERS)}", time.monotonic()
        said = {"source": "mark", "id": item, "text": f"{SUBJECTS[0]} {item}", "published_at": datetime.now(UTC).isoformat()}
        return item, ask(f"{self.base}/v1/mentions", json.dumps(said).encode(), within=30), time.monotonic() - began

    def decided(self, item: str) -> bool:
        """Whether a mention of our own is stored."""
        return any(one["id"] == item for one in ask(f"{self.base}/v1/mentions?q={item}").said["items"])

    def goes_on(self, within: float) -> float:
        """Until a mention pushed from now on is decided; how long that took."""
        began, (item, answer, _) = time.monotonic(), self.push()
        while answer.status != 202:
            assert time.monotonic() < began + within, answer
            item, answer, _ = self.push()
        until(lambda: self.decided(item), began + within - time.monotonic())
        return time.monotonic() - began

    @contextmanager
    def at_work(self) -> Iterator[Pusher]:
        """Mentions are pushed within the block; at its end all that were acknowledged are decided, and all messages sent."""
        ready(self.base, 120)
        pusher = Pusher(self.base, self.talk.batch)
        with pusher.at_work():
            until(lambda: len(pusher.taken) > 20, 60)
            yield pusher
        hits = {item for (_, item), subjects in self.talk.hits.items() if subjects}
        until(lambda: settled(self.base, len(hits)), 120, every=0.5)
        assert hits <= {str(one["id"]) for one in listing(self.base, "/v1/mentions")}
        assert pusher.odd == []

    def check_refused_in_time(self) -> None:
        """A push that cannot be made durable is refused soon, with when to come again; the process itself is well."""
        _, answer, took = self.push()
        assert (answer.status, "retry-after" in {name.lower() for name in answer.headers}) == (503, True)
        assert took < ANSWERED
        assert ask(f"{self.base}/livez").status == 200


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[Here]:  # noqa: ARG001 - says why where there is none
    """Six processes on three brokers and a database of their own."""
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        cluster, server = stack.enter_context(started_kafka(3)), stack.enter_context(own_server(durable=True))
        receiver, more = stack.enter_context(Receiver()), f"policy: {brisk_policy(folder)}\n"
        place = stack.enter_context(town(folder / "town", cluster, server, receiver=receiver.url, more=more))
        made = Here(place, cluster, server, receiver)
        until(lambda: made.holds("score-1", "score-2") == made.holds("escalate-1", "escalate-2") == list(range(PARTITIONS)), 120)
        yield made


@pytest.mark.parametrize("which", range(3) if WHOLE else (1,))
def test_one_broker_of_three_killed(here: Here, which: int) -> None:
    """Whichever it is, each leads some partitions and some groups: nothing is lost, and all goes on within thirty seconds."""
    with here.at_work():
        here.kafka.brokers[which].kill()
        took = here.goes_on(AGAIN)
        here.kafka.brokers[which].start()
        here.kafka.brokers[which].wait()
    print(f"from the kill of a broker to the next decision: {took:.1f} s")  # noqa: T201 the figure is worth seeing with -s


def test_all_brokers_down(here: Here) -> None:
    """A push is refused in time, what is stored is shown, everybody waits and none ends; then all goes on by itself."""
    with here.at_work():
        for broker in here.kafka.brokers:
            broker.kill()
        end = time.monotonic() + DOWN
        while time.monotonic() < end:
            here.check_refused_in_time()
            assert ask(f"{here.base}/v1/alerts").status == 200
        until(lambda: "bus" in ask(f"{here.base}/readyz").said["unready"], 30)
        for broker in here.kafka.brokers:
            broker.start()
        for broker in here.kafka.brokers:
            broker.wait()
        here.goes_on(60)
    assert [name for name, process in here.processes.items() if process.process.poll() is not None] == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_the_database_restarted(here: Here, how: signal.Signals) -> None:
    """In order or by a crash, and there again at once."""
    with here.at_work():
        here.database.stop(how)
        here.database.start()
        here.goes_on(60)


def test_the_database_down(here: Here) -> None:
    """A push is taken all the same, as the log has it; who needs the database waits; then all goes on by itself."""
    with here.at_work() as pusher:
        here.database.stop(signal.SIGQUIT)
        before, end = len(pusher.taken), time.monotonic() + DOWN
        while time.monotonic() < end:
            _, answer, took = here.push()
            assert (answer.status, took < ANSWERED) == (202, True)
            assert ask(f"{here.base}/livez").status == 200
            time.sleep(0.5)
        assert len(pusher.taken) > before
        assert ask(f"{here.base}/readyz").status == 503
        here.database.start()
        here.goes_on(60)
    assert [name for name, process in here.processes.items() if process.process.poll() is not None] == []


def test_members_held_still_beyond_their_session(here: Here) -> None:
    """A scorer and an escalator: the others take over; when they go on what they had under way comes to nothing, and they share again."""
    still = [here.processes[name].process for name in ("score-1", "escalate-1")]
    everything = list(range(PARTITIONS))
    with here.at_work():
        for process in still:
            process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: here.holds("score-2") == here.holds("escalate-2") == everything, 60)
            here.goes_on(30)
            time.sleep(SESSION)
        finally:
            for process in still:
                process.send_signal(signal.SIGCONT)
        until(lambda: here.holds("score-1", "score-2") == here.holds("escalate-1", "escalate-2") == everything, 60)
        here.goes_on(30)


def test_a_member_that_comes_and_one_that_goes(here: Here) -> None:
    """Taken over from at once, nothing lost, nothing twice."""
    with here.at_work():
        here.stop("score-1", "escalate-1")
        here.goes_on(30)
        here.start("score-1", "escalate-1")
        until(lambda: here.holds("score-1") and here.holds("escalate-1"), 60)
        here.goes_on(30)


async def expired(here: Here) -> int:
    """Let the brokers forget all of the raw log that there is; how many records no scorer had taken."""
    bus = open_bus(load_settings(here.town.config, os.environ | ENVIRONMENT), SystemClock())
    assert isinstance(bus, KafkaBus)
    await bus.start()
    bounds, taken = await bus.bounds(RAW), await bus.taken("score", RAW)
    async with admin_of(here.kafka.servers) as admin:
        topic = yaml.safe_load(here.town.config.read_text("utf-8"))["kafka"]["topic_prefix"] + RAW
        await admin.delete_records({TopicPartition(topic, one): RecordsToDelete(before_offset=end) for one, (_, end) in bounds.items()})
    await bus.close()
    return sum(end - taken[one] for one, (_, end) in bounds.items())


async def test_what_retention_took_before_it_was_read(here: Here) -> None:
    """An alarm by name tells how many and where; the scorers go on at the oldest that is kept, and those taken before stay as they are."""
    ready(here.base, 120)
    here.stop("score-1", "score-2")
    before = {str(one["id"]) for one in listing(here.base, "/v1/mentions")}
    lost = [here.push()[0] for _ in range(12)]
    gone = await expired(here)
    here.start("score-1", "score-2")
    here.goes_on(60)
    said = [json.loads(line) for name in ("score-1", "score-2") for line in here.processes[name].err.splitlines()]
    alarms = [one for one in said if one["event"] == "records expired unread"]
    assert gone == len(lost)
    assert {(one["level"], one["topic"]) for one in alarms} == {("error", RAW)}
    assert {(one["partition"], one["next"]) for one in alarms}
    assert sum(next_ - first for _, first, next_ in {(one["partition"], one["first"], one["next"]) for one in alarms}) == gone
    after = {str(one["id"]) for one in listing(here.base, "/v1/mentions")}
    assert before <= after
    assert not after & set(lost)


class Stuck(Running):
    """A process that hangs."""

    program = (sys.executable, "-m", "tests.acceptance.stuck_process", "3")


def test_a_process_that_hangs_ends_itself(here: Here) -> None:
    """The brokers answer, there is something to do, and nothing moves: a word in the log, exit code 1, and the next one does it."""
    ready(here.base, 120)
    here.stop("score-1", "score-2")
    item, answer, _ = here.push()
    assert answer.status == 202
    with Stuck(here.town.folder / "stuck", "run", "--config", here.town.config, "--role", "score").at_work() as stuck:
        assert stuck.wait(90) == 1
        events = [json.loads(line)["event"] for line in stuck.err.splitlines()]
        assert "no progress" in events
        assert "role stopped: no progress" in events
    here.start("score-1", "score-2")
    until(lambda: here.decided(item), 60)


def test_nothing_of_it_is_seen_in_the_history(here: Here) -> None:
    """Everybody ends cleanly; each message came, in its order, once but for a store that crashed; the log decided again gives the same."""
    with here.at_work():
        here.goes_on(30)
    names = list(here.processes)
    here.stop(*names)
    for name in names:
        assert_clean((here.town.folder / name).read_text("utf-8"))
    alerts = yuqing("alerts", "--config", here.town.config, "--json").out
    assert untold(alerts, here.receiver.arrivals) == []
    assert len(here.receiver.arrivals) - len(here.receiver.first()) <= IN_FLIGHT
    check_decided_again(here.town.config, alerts.splitlines(), most=2)
