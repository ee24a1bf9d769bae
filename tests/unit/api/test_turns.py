"""Requests that come together begin a few at a time."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from services.api.turns import AT_ONCE, Turns


class Rounds:
    """An application that notes in which round of the loop each request began."""

    def __init__(self) -> None:
        self.round = 0
        self.begun: list[tuple[str, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note it."""
        del receive, send
        self.begun.append((scope["path"], self.round))

    async def turn(self) -> None:
        """Count rounds."""
        while True:
            await asyncio.sleep(0)
            self.round += 1


async def told(app: Turns, path: str) -> None:
    """Send it a request."""

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None:
        """Nobody listens."""

    await app({"type": "http", "path": path}, receive, send)


async def test_a_crowd_begins_a_few_at_a_time_in_its_order() -> None:
    """No round begins more than its share, who came first begins first, and nobody is forgotten, also who comes later."""
    rounds = Rounds()
    app, counting = Turns(rounds), asyncio.create_task(rounds.turn())
    for crowd in (100, 3, 50):
        rounds.begun.clear()
        await asyncio.gather(*(told(app, f"/{n}") for n in range(crowd)))
        assert [path for path, _ in rounds.begun] == [f"/{n}" for n in range(crowd)]
        starts = [number for _, number in rounds.begun]
        assert max(starts.count(number) for number in starts) <= AT_ONCE
    counting.cancel()


async def test_probes_do_not_wait() -> None:
    """Whether the process is alive is answered before the crowd that came first."""
    rounds = Rounds()
    app = Turns(rounds)
    await asyncio.gather(*(told(app, f"/{n}") for n in range(100)), told(app, "/livez"))
    assert [path for path, _ in rounds.begun].index("/livez") == AT_ONCE


async def test_who_leaves_the_queue_takes_no_turn() -> None:
    """A request that is cancelled while it waits holds up nobody."""
    rounds = Rounds()
    app = Turns(rounds)
    crowd = [asyncio.create_task(told(app, f"/{n}")) for n in range(40)]
    await asyncio.sleep(0)
    for task in crowd[10:30]:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    assert len(rounds.begun) == 20
